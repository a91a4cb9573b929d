# SPDX-License-Identifier: Apache-2.0
"""Networks with their own objectives can learn: four triplets, seen again and again."""

from dataclasses import replace

import pytest
import torch

from harmonize_core.data import toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets
from harmonize_core.models import InputSpec, _registry, lookup, register
from harmonize_core.train.config import InitConfig, LossConfig, OptimConfig, TrainConfig
from harmonize_core.train.presets import preset
from harmonize_core.train.trainer import Trainer
from harmonize_core.train.validate import validate

CPU = torch.device("cpu")
SIDE = 32
"""Of the small pictures, pixels."""


def overfit(config: TrainConfig, sets: dict, steps: int, *, has_domains: bool = False) -> dict[str, float]:
    batches = {domain: dataset.batch([(0, i) for i in range(4)]) for domain, dataset in sets.items()}
    trainer = Trainer(config, CPU)
    for step in range(steps):
        trainer.step(batches, 1.0 if step < 0.7 * steps else 0.2)
    return validate(trainer.model, sets, CPU, has_domains=has_domains)


def test_charmnet_overfits_four_triplets_of_each_domain(tmp_path):
    config = preset("charmnet-demo")
    config = replace(config, optim=replace(config.optim, clip_norm=0.0))
    rendered = list_triplets(toy.write_rendered(tmp_path / "rendered"), "train")[:4]
    photographic = list_triplets(toy.write_photographic(tmp_path / "photographic"), "train")[:4]
    sets = {
        "rendered": TripletDataset(rendered, augment=False),
        "photographic": TripletDataset(photographic, augment=False),
    }
    fmse = overfit(config, sets, 80, has_domains=True)
    for domain in sets:
        assert fmse[f"fmse_{domain}"] < 0.2 * fmse[f"fmse_{domain}_composite"]


@pytest.mark.parametrize(("name", "steps"), [("issam_256", 100), ("fmm_256", 100), ("cdtnet_256", 100)])
def test_small_pictures_are_learned_by_heart(name, steps, tmp_path, monkeypatch):
    entry = lookup(name)
    if name.startswith("cdtnet"):  # its number is the side of what its U-Net sees
        monkeypatch.setattr(_registry, "_entries", dict(_registry._entries))
        entry = replace(entry, name="cdtnet", config=replace(entry.config, base_size=SIDE), input_spec=InputSpec(SIDE))
        register(entry)
    triplets = list_triplets(toy.write_photographic(tmp_path / "photographic"), "train")[:4]
    sets = {"photographic": TripletDataset(triplets, size=SIDE, augment=False)}
    config = TrainConfig(
        photographic=tmp_path,
        model=entry.name,
        optim=OptimConfig(lr=2e-3),
        loss=LossConfig(a_min=10.0),
        init=InitConfig(std=0.05, blend_bias=1.0),
    )
    fmse = overfit(config, sets, steps)
    assert fmse["fmse_photographic"] < 0.25 * fmse["fmse_photographic_composite"]
