# SPDX-License-Identifier: Apache-2.0
"""Published recipes as configs, one for each trainable network, and shorter ones for this machine's size.

Sources are named in each line; numbers of steps are epochs times the 65,742 training triplets of iHarmony4 over the
batch. What a recipe minimises is the network's objective (`harmonize_core/train/objectives`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from harmonize_core.data.options import DataConfig
from harmonize_core.errors import UnknownName
from harmonize_core.train.config import IMAGENET, InitConfig, LookLossConfig, LossConfig, OptimConfig, TrainConfig

IHARMONY4_TRAINING = 65_742


def _published(
    model: str, line: str, *, epochs: int, batch: int, a_min: float = 100.0, **optim: Any
) -> tuple[str, TrainConfig]:
    config = TrainConfig(
        run=Path("runs") / model,
        model=model,
        steps=-(-epochs * IHARMONY4_TRAINING // batch),
        batch_size=batch,
        loss=LossConfig(a_min=a_min),
        optim=OptimConfig(**optim),
        log_every=20,
    )
    return line, config


_PIX2PIX: dict[str, Any] = {
    "epochs": 200,
    "batch": 8,
    "lr": 2e-4,
    "lr_discriminator": 2e-4,
    "beta1": 0.5,
    "schedule": "linear",
    "milestones": (0.5,),
}
_IDIH: dict[str, Any] = {
    "epochs": 120,
    "batch": 16,
    "lr": 1e-3,
    "schedule": "steps",
    "milestones": (105 / 120, 115 / 120),
}
_HRNET: dict[str, Any] = {
    "epochs": 180,
    "batch": 16,
    "lr": 1e-3,
    "schedule": "steps",
    "milestones": (160 / 180, 175 / 180),
}
_CDTNET: dict[str, Any] = {"epochs": 120, "lr": 1e-3, "schedule": "steps", "milestones": (50 / 120, 100 / 120)}
_FMM: dict[str, Any] = {"epochs": 230, "batch": 24, "name": "adadelta", "lr": 1.0}
_TRANSLATOR: dict[str, Any] = {
    "epochs": 60,  # of 8 + 8 triplets: as many steps of as many pictures as iDIH's 120 epochs of 16
    "batch": 8,
    "lr": 2e-4,  # of the translators; the iDIH beside them has its own (`TranslatedHarmonizer`)
    "lr_discriminator": 2e-4,
    "beta1": 0.5,
    "schedule": "steps",
    "milestones": (105 / 120, 115 / 120),
}

_HR_DATA = DataConfig(
    on_the_fly=True,
    cover=(0.02, 0.6),
    mixed=0.35,
    painted=0.3,
    grade=0.35,
    exposed=0.5,
    borrowed=0.3,
    crop_scale=(0.3, 1.0),
    jpeg=0.3,
    noise=0.2,
    blur=0.1,
    eight_bit=0.5,
    mask=0.3,
    identity=0.03,
)
_HR = TrainConfig(
    run=Path("runs/charmnet_hr"),
    model="charmnet_hr",
    steps=100_000,
    batch_size=16,
    data=_HR_DATA,
    optim=OptimConfig(lr=1e-3, schedule="cosine", warmup_steps=500, clip_norm=5.0),
    loss=LossConfig(
        adversarial=0.1,
        style=0.1,
        style_photographic=0.05,
        entropy=0.05,
        look=LookLossConfig(identity=2.0, identity_share=0.2),
    ),
    init=InitConfig(features=IMAGENET),
    ema=0.999,
    log_every=20,
)
"""CharmNet's terms between domains at a tenth of their weight: features that come from ImageNet are alike already, and
the adversarial term has no lower bound."""


def _hr_on_cpu(side: int, *, steps: int, batch: int, lr: float, name: str = "charmnet_hr-cpu") -> TrainConfig:
    return replace(
        _HR,
        run=Path("runs") / (name if side == 256 else f"{name}-{side}"),
        steps=steps,
        batch_size=batch,
        data=replace(_HR.data, side=side),
        optim=replace(_HR.optim, lr=lr, warmup_steps=50),
        validate_every=250,
        validate_limit=96,
        checkpoint_seconds=300.0,
        log_every=5,
    )


def _charmnet_on_cpu(side: int, *, steps: int, batch: int, lr: float) -> TrainConfig:
    as_hr = _hr_on_cpu(side, steps=steps, batch=batch, lr=lr, name="charmnet-cpu")
    return replace(
        as_hr,
        model="charmnet_256",
        optim=replace(as_hr.optim, lr_discriminator=1e-4),
        loss=LossConfig(),
        init=InitConfig(blend_bias=1.0),
    )


PRESETS: dict[str, tuple[str, TrainConfig]] = {
    "charmnet": (
        "CharmNet: Adam 1e-4, constant rate, 8 + 8 triplets, FN-MSE with A_min 100; how long is unpublished, 200,000 "
        "steps are ours",
        TrainConfig(run=Path("runs/charmnet"), steps=200_000, log_every=20),
    ),
    "charmnet-demo": (
        "The same network and losses for minutes on two CPU cores: starts near the identity, higher, falling rate",
        TrainConfig(
            run=Path("runs/charmnet-demo"),
            minutes=4.0,
            batch_size=4,
            optim=OptimConfig(lr=1e-3, lr_discriminator=1e-4, schedule="cosine", warmup_steps=20, clip_norm=5.0),
            init=InitConfig(blend_bias=1.0),
            validate_every=50,
            validate_limit=20,
            checkpoint_every=100,
            checkpoint_seconds=30.0,
        ),
    ),
    "charmnet-cpu-64": (
        "CharmNet on the fly on two CPU cores, first part: a smaller relative, 64x64 pictures, 16 + 16",
        _charmnet_on_cpu(64, steps=8_000, batch=16, lr=1e-3),
    ),
    "charmnet-cpu-128": (
        "Second part: 128x128 pictures, 16 + 16, grown from the weights of the first (--init.weights)",
        _charmnet_on_cpu(128, steps=2_000, batch=16, lr=5e-4),
    ),
    "charmnet-cpu": (
        "Last part: the network itself, 8 + 8, grown from the weights of the second (--init.weights)",
        _charmnet_on_cpu(256, steps=2_000, batch=8, lr=3e-4),
    ),
    "charmnet_hr": ("CharmNet-HR for a GPU: Adam 1e-3 along a cosine, 16 + 16 pictures made on the fly", _HR),
    "charmnet_hr-cpu-64": (
        "The same on two CPU cores, first part: 64x64 pictures, 16 + 16",
        _hr_on_cpu(64, steps=4_000, batch=16, lr=1e-3),
    ),
    "charmnet_hr-cpu-128": (
        "Second part: 128x128 pictures, 16 + 16, from the weights of the first (--init.weights)",
        _hr_on_cpu(128, steps=3_000, batch=16, lr=5e-4),
    ),
    "charmnet_hr-cpu": (
        "Last part: pictures as the network sees them in use, 4 + 4, from the weights of the second (--init.weights)",
        _hr_on_cpu(256, steps=2_000, batch=4, lr=2e-4),
    ),
    "idih": _published("idih_256", "iDIH: Adam 1e-3, 120 epochs of batch 16", **_IDIH),
    "idih-512": _published("idih_512", "iDIH at 512 px: as idih with A_min 1000", a_min=1000.0, **_IDIH),
    "issam": _published("issam_256", "iS2AM: as iDIH with A_min 1000", a_min=1000.0, **_IDIH),
    "s2am": _published("s2am_256", "S2AM as iDIH's repository trains it: MSE", **_IDIH),
    "hrnet18s": _published("hrnet18s_idih_256", "HRNet + iDIH: Adam 1e-3, 180 epochs of batch 16", **_HRNET),
    "hrnet18": _published("hrnet18_idih_256", "HRNet + iDIH: Adam 1e-3, 180 epochs of batch 16", **_HRNET),
    "hrnet32": _published("hrnet32_idih_256", "HRNet + iDIH: Adam 1e-3, 180 epochs of batch 16", **_HRNET),
    "cdtnet": _published("cdtnet_256", "CDTNet: three FN-MSE terms, Adam 1e-3, 120 epochs", batch=16, **_CDTNET),
    "cdtnet-sim": _published("cdtnet_256_sim", "CDTNet (sim): without refinement", batch=16, **_CDTNET),
    "cdtnet-512": _published("cdtnet_512", "CDTNet with a 512 px branch", batch=4, **_CDTNET),
    "cdtnet-512-sim": _published("cdtnet_512_sim", "CDTNet (sim) with a 512 px branch", batch=4, **_CDTNET),
    "fmm": _published("fmm_256", "Hao et al.: MSE, Adadelta, 230 epochs of batch 24", **_FMM),
    "dovenet": _published("dovenet_256", "DoveNet: L1, adversarial, verification; Adam 2e-4", **_PIX2PIX),
    "rainnet": _published("rainnet_256", "RainNet: L1 and adversarial; Adam 2e-4", **_PIX2PIX),
    "intrinsic": _published(
        "intrinsic_256", "Guo et al. 2021 (intrinsic): Adam 1e-4", epochs=100, batch=8, lr=1e-4, beta1=0.5,
        schedule="linear", milestones=(0.5,),
    ),
    "dht": _published(
        "dht_256", "Guo et al. 2021 (transformer): L1, Adam 1e-4", epochs=60, batch=8, lr=1e-4, beta1=0.5,
        schedule="linear", milestones=(0.5,),
    ),
    "pctnet-vit": _published(
        "pctnet_vit", "PCT-Net ViT: FN-MSE A_min 1000, Adam 1e-4", epochs=100, batch=16, a_min=1000.0, lr=1e-4,
        schedule="linear", milestones=(0.5,),
    ),
    "pctnet-cnn": _published("pctnet_cnn", "PCT-Net CNN: FN-MSE A_min 1000, Adam 1e-3", a_min=1000.0, **_HRNET),
    "harmonizer": _published(
        "harmonizer", "Harmonizer: Charbonnier and L2 at each stage, Adam 3e-4, each triplet used twice", epochs=60,
        batch=8, lr=3e-4, schedule="steps", milestones=(25 / 60, 50 / 60),
    ),
    "pix2pixhd": _published("pix2pixhd", "pix2pixHD: adversarial and feature matching", **_PIX2PIX),
    "crn": _published("crn", "CRN: perceptual or L1, Adam 1e-4, one picture a step", epochs=200, batch=1, lr=1e-4),
    "hidt": _published("hidt", "HiDT: Adam 1e-4", epochs=60, batch=8, lr=1e-4, beta1=0.5),
    "unit": _published("unit", "UNIT translation, then iDIH on translated and photographic triplets", **_TRANSLATOR),
    "cyclegan": _published("cyclegan", "CycleGAN translation, then iDIH", **_TRANSLATOR),
    "cut": _published("cut", "CUT translation, then iDIH", **_TRANSLATOR),
}  # fmt: skip
"""Presets by name: (one line for --help, config)."""


def preset(name: str) -> TrainConfig:
    """The config of a preset.

    Raises:
        UnknownName: no such preset; the message lists what there is.
    """
    if name not in PRESETS:
        raise UnknownName.of("training preset", name, PRESETS)
    return PRESETS[name][1]


def recipe_of(model: str) -> TrainConfig:
    """The published recipe of a network; of its nearest relative where it has no preset of its own (ablations)."""
    own = [config for _, config in PRESETS.values() if config.model == model]
    near = [config for _, config in PRESETS.values() if model.startswith(config.model)]
    near = near or [config for _, config in PRESETS.values() if config.model[:5] == model[:5]]
    return own[0] if own else replace((near or [PRESETS["idih"][1]])[0], model=model, run=Path("runs") / model)
