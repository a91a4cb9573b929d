# SPDX-License-Identifier: Apache-2.0
"""Every network can learn through its own objective: four triplets, seen again and again.

Four run always; the others are marked slow (`python -m pytest -m slow tests/integration/test_core_overfit.py`), have
up to five rounds of as many steps and need only halve the error.
"""

from dataclasses import replace

import pytest
import torch

from harmonize_core.data import toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets
from harmonize_core.models import (
    InputSpec,
    _registry,
    charmnet_hr,
    harmonizer,
    lookup,
    parameter_count,
    register,
    registered,
)
from harmonize_core.models.cdtnet import CdtNetConfig
from harmonize_core.models.pctnet import PctNetConfig
from harmonize_core.train.config import InitConfig, LossConfig, OptimConfig, TrainConfig
from harmonize_core.train.objectives import objective_for
from harmonize_core.train.presets import preset, recipe_of
from harmonize_core.train.trainer import Trainer
from harmonize_core.train.validate import validate

CPU = torch.device("cpu")
SIDE = 32
"""Of the small pictures, pixels, and of the copies that CDTNet and PCT-Net look at (256 as registered)."""
LARGEST = 64
"""Networks that need larger pictures than this learn with an eighth of their channels, and so do those with many
parameters; Harmonizer's and CharmNet-HR's EfficientNet look at pictures of this side."""
MANY = 9_500_000
FASTEST = 2e-3
"""Rate of Adam where twice the published one is no smaller: at this one outputs behind a sigmoid or tanh saturate that
were published with a tenth of it (intrinsic)."""
UNBOUNDED = ("crn",)
"""Networks without such outputs that are too slow at twice their published rate."""
ALWAYS = ("cdtnet_256", "fmm_256", "issam_256")
SMALL_START = ("dht_256", "harmonizer", "pix2pixhd")
"""Networks that begin with weights of their published spread, normal(0, 0.02); wider ones saturate or unlearn late."""
LATE = {"harmonizer": 20}
"""Rounds of networks whose batch norms count the last hundred steps (momentum 0.01, EfficientNet's): what they do in
use follows late what they do while training."""


def networks() -> list:
    """All that learn, but for charmnet_256, which has a test of its own."""
    found = []
    for name in sorted(registered()):
        with torch.device("meta"):
            learns = parameter_count(lookup(name).config.build()) > 0
        if learns and name != "charmnet_256":
            found.append(pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow))
    return found


def overfit(
    config: TrainConfig, sets: dict, steps: int, share: float, *, rounds: int = 1, has_domains: bool = False
) -> dict[str, float]:
    """What remains of each domain's error, as a share; no more rounds once that of the photographs is below `share`."""
    batches = {domain: dataset.batch([(0, i) for i in range(4)]) for domain, dataset in sets.items()}
    trainer = Trainer(config, CPU)
    left: dict[str, float] = {}
    for _ in range(rounds):
        for step in range(steps):
            trainer.step(batches, 1.0 if step < 0.7 * steps else 0.2)
        fmse = validate(trainer.model, sets, CPU, has_domains=has_domains)
        left = {domain: fmse[f"fmse_{domain}"] / fmse[f"fmse_{domain}_composite"] for domain in sets}
        if left["photographic"] < share:
            break
    return left


def test_charmnet_overfits_four_triplets_of_each_domain(tmp_path):
    config = preset("charmnet-demo")
    config = replace(config, optim=replace(config.optim, clip_norm=0.0))
    rendered = list_triplets(toy.write_rendered(tmp_path / "rendered"), "train")[:4]
    photographic = list_triplets(toy.write_photographic(tmp_path / "photographic"), "train")[:4]
    sets = {
        "rendered": TripletDataset(rendered, augment=False),
        "photographic": TripletDataset(photographic, augment=False),
    }
    assert max(overfit(config, sets, 80, 0.2, has_domains=True).values()) < 0.2


@pytest.mark.parametrize("name", networks())
def test_small_pictures_are_learned_by_heart(name, tmp_path, monkeypatch, narrow):
    monkeypatch.setattr(_registry, "_entries", dict(_registry._entries))
    monkeypatch.setattr(harmonizer, "SIZE", LARGEST)
    monkeypatch.setattr(charmnet_hr, "SIZE", LARGEST)
    config = lookup(name).config
    if isinstance(config, CdtNetConfig):
        config = replace(config, base_size=SIDE)
    if isinstance(config, PctNetConfig):
        config = config.at(SIDE)
    model = config.build()
    if model.divisor > LARGEST or parameter_count(model) > MANY:
        config = narrow(config)
    side = LARGEST if name == "hidt" else max(SIDE, model.divisor)  # the third of its critics sees a quarter of it
    register(replace(lookup(name), name="small", config=config, input_spec=InputSpec(side)))
    makers = {"photographic": toy.write_photographic, "rendered": toy.write_rendered}
    sets = {
        domain: TripletDataset(list_triplets(makers[domain](tmp_path / domain), "train")[:4], size=side, augment=False)
        for domain in objective_for(config, model, LossConfig()).needs or ("photographic",)
    }
    published = recipe_of(name).optim
    trained = TrainConfig(
        photographic=tmp_path,
        model="small",
        optim=OptimConfig(lr=FASTEST if name in UNBOUNDED else min(FASTEST, 2 * published.lr), beta1=published.beta1),
        loss=LossConfig(a_min=10.0),
        init=InitConfig(std=0.02 if name in SMALL_START else 0.05, blend_bias=1.0),
    )
    share, rounds = (0.25, 1) if name in ALWAYS else (0.5, LATE.get(name, 5))
    assert overfit(trained, sets, 100 if name in ALWAYS else 60, share, rounds=rounds)["photographic"] < share
