# SPDX-License-Identifier: Apache-2.0
"""Networks small enough to train in a test, and `harmonize` with them registered: `python tiny.py train ...`."""

import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harmonize_core.cli import main
from harmonize_core.formats.triplet import Domain
from harmonize_core.models import HarmonizationModel, InputSpec, ModelConfig, ModelEntry, Output, _registry
from harmonize_core.models.charmnet import CharmNetConfig
from harmonize_core.models.pix2pixhd import Pix2PixHDConfig


@dataclass(frozen=True)
class PlainConfig(ModelConfig):
    def build(self) -> "Plain":
        return Plain()


class Plain(HarmonizationModel):
    """Two convolutions without batch norm, so that a picture's result does not depend on its neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ELU(), nn.Conv2d(8, 3, 3, padding=1))

    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        return Output(composite + mask * self.layers(torch.cat([composite, mask], dim=1)))


ENTRIES = {
    "tiny_plain": ModelEntry("tiny_plain", PlainConfig(), InputSpec(32), "this test", "Apache-2.0"),
    "tiny_charmnet": ModelEntry("tiny_charmnet", CharmNetConfig(4), InputSpec(256), "this test", "Apache-2.0"),
    "tiny_gan": ModelEntry(
        "tiny_gan", Pix2PixHDConfig(4, 2, 1, critic_width=4, scales=1), InputSpec(32), "this test", "Apache-2.0"
    ),
}
"""By name: no norm at all; CharmNet (batch norm, a critic, both domains); pix2pixHD (instance norm, a critic)."""


def register() -> None:
    """Make the networks known to this process."""
    _registry._entries.update(ENTRIES)


if __name__ == "__main__":
    register()
    sys.exit(main())
