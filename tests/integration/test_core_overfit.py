# SPDX-License-Identifier: Apache-2.0
"""CharmNet with all its losses can learn: four triplets of each domain, seen again and again."""

from dataclasses import replace

import torch

from harmonize_core.data import toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.data.sources import list_triplets
from harmonize_core.train.config import preset
from harmonize_core.train.trainer import Trainer
from harmonize_core.train.validate import validate

STEPS = 80


def test_charmnet_overfits_four_triplets(tmp_path):
    config = preset("charmnet-demo")
    config = replace(config, optim=replace(config.optim, clip_norm=0.0))
    rendered = list_triplets(toy.write_rendered(tmp_path / "rendered"), "train")[:4]
    photographic = list_triplets(toy.write_photographic(tmp_path / "photographic"), "train")[:4]
    sets = {
        "rendered": TripletDataset(rendered, augment=False),
        "photographic": TripletDataset(photographic, augment=False),
    }
    batches = {domain: dataset.batch([(0, i) for i in range(4)]) for domain, dataset in sets.items()}
    trainer = Trainer(config, torch.device("cpu"))
    for step in range(STEPS):
        trainer.step(batches, 1.0 if step < 0.7 * STEPS else 0.2)
    fmse = validate(trainer.model, sets, torch.device("cpu"), has_domains=True)
    for domain in sets:
        assert fmse[f"fmse_{domain}"] < 0.2 * fmse[f"fmse_{domain}_composite"]
