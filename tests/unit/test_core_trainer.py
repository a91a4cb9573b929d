# SPDX-License-Identifier: Apache-2.0
"""One optimizer step: at which rate each part learns, and which networks learn from one picture at a time."""

from dataclasses import replace

import pytest
import torch

from harmonize_core.data import sources, toy
from harmonize_core.data.dataset import TripletDataset
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.models.crn import CRNConfig
from harmonize_core.train.config import LossConfig, TrainConfig
from harmonize_core.train.objectives import objective_for
from harmonize_core.train.presets import preset, recipe_of
from harmonize_core.train.trainer import Trainer, needs_several

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> TripletDataset:
    return TripletDataset(sources.list_triplets(toy.write_photographic(tmp_path_factory.mktemp("toy"))), size=256)


def largest_changes(config: TrainConfig, dataset: TripletDataset, rate: float) -> tuple[dict[str, float], Trainer]:
    """How far the farthest parameter of each part goes in the first step: with Adam, the part's learning rate."""
    trainer = Trainer(config, CPU)
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    losses = trainer.step({"photographic": dataset.batch([(0, i) for i in range(config.batch_size)])}, rate)
    assert torch.isfinite(losses["loss"])
    changes: dict[str, float] = {}
    for name, value in trainer.model.named_parameters():
        part = name.split(".")[0]
        changes[part] = max(changes.get(part, 0.0), float((value.detach() - before[name]).abs().max()))
    return changes, trainer


def test_an_hrnet_learns_at_a_tenth_of_the_rate_of_what_it_guides(dataset):
    config = replace(preset("hrnet18s"), batch_size=2)
    changes, trainer = largest_changes(config, dataset, rate=0.5)
    full = 0.5 * config.optim.lr
    assert changes.pop("backbone") == pytest.approx(0.1 * full, rel=0.01)
    assert changes == {
        part: pytest.approx(full, rel=0.01) for part in ("mask_conv", "mask_scale", "context", "network")
    }
    even = replace(config, optim=replace(config.optim, rate_factors=False))
    assert largest_changes(even, dataset, rate=0.5)[0]["backbone"] == pytest.approx(full, rel=0.01)
    with pytest.raises(CheckpointError, match="optimizer does not fit"):  # one group cannot go on as two
        Trainer(even, CPU).load_state(trainer.state())


def test_crn_learns_from_one_picture_as_published(dataset):
    assert recipe_of("crn").batch_size == 1
    config = CRNConfig(widths=(8,) * 9)  # its coarsest module sees a single pixel, as the full network's does
    objective = objective_for(config, config.build(), LossConfig()).train()
    assert not needs_several(objective)
    batches = {"photographic": dataset.batch([(0, 0)])}
    objective.generator_losses(objective(batches), batches)["total"].backward()
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_batches_of_one_are_refused_by_name_where_batch_norm_needs_more():
    with pytest.raises(ConfigError, match=r"--batch-size should be at least 2 for issam_256 because its batch norm"):
        Trainer(replace(preset("issam"), batch_size=1), CPU)
