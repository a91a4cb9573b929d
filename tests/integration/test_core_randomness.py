# SPDX-License-Identifier: Apache-2.0
"""A network that draws random numbers while it trains (dropout, first weights) repeats its run all the same."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from harmonize_core.data import toy
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import (
    HarmonizationModel,
    InputSpec,
    ModelConfig,
    ModelEntry,
    Output,
    _registry,
)
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.log import read_log
from harmonize_core.train.loop import train


@dataclass(frozen=True)
class NoisyConfig(ModelConfig):
    def build(self) -> "Noisy":
        return Noisy()


class Noisy(HarmonizationModel):
    """A gain per channel that no initialisation of ours knows of, and dropout on the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.rand(3, 1, 1))
        self.dropout = nn.Dropout(0.5)

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        return Output(self.dropout(composite) * self.gain)


@pytest.fixture
def noisy(monkeypatch):
    entry = ModelEntry("noisy", NoisyConfig(), InputSpec(256), "this test", "Apache-2.0")
    monkeypatch.setattr(_registry, "_entries", {**_registry._entries, "noisy": entry})


def losses(config: TrainConfig, **options) -> list[float]:
    train(config, quiet=True, say=lambda _: None, **options)
    return [row["loss"] for row in read_log(config.run) if row["kind"] == "train"]


def test_dropout_and_first_weights_follow_the_seed_also_when_resumed(noisy, tmp_path):
    data = toy.write_photographic(tmp_path / "photographic")
    config = TrainConfig(photographic=data, run=tmp_path / "whole", model="noisy", steps=4, batch_size=2, device="cpu")
    config = replace(config, validate_every=0, validate_limit=1)
    whole = losses(config)
    parts = replace(config, run=tmp_path / "parts")
    losses(replace(parts, steps=2))
    torch.rand(1)  # whatever else draws in this process has no part in the run
    assert losses(parts, resume=True) == whole
    assert losses(replace(config, run=tmp_path / "other", seed=1)) != whole
