# SPDX-License-Identifier: Apache-2.0
"""Names to architectures: a name is one frozen config object, and a config knows how to build itself.

To vary a model, `dataclasses.replace(lookup("charmnet_256").config, base_channels=32).build()`.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor, nn

from harmonize_core.errors import UnknownName
from harmonize_core.formats.triplet import Domain


class InferenceNetwork(nn.Module, abc.ABC):
    """What every model becomes for use: pictures in, pictures out, in eval mode."""

    @abc.abstractmethod
    def forward(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Harmonize a batch.

        Args:
            composite: (B, 3, H, W) sRGB in [0, 1].
            mask: (B, 1, H, W) in [0, 1], 1 = foreground.

        Returns:
            (B, 3, H, W) sRGB in [0, 1].
        """


class HarmonizationModel(nn.Module, abc.ABC):
    """A network as it is trained; `inference()` is the part of it that is used afterwards."""

    @abc.abstractmethod
    def inference(self, domain: Domain = "photographic") -> InferenceNetwork:
        """The network users run on foregrounds of one domain, sharing this model's parameters.

        Models without parts of their own for a domain return the same network for both.
        """


@dataclass(frozen=True)
class ModelConfig(abc.ABC):
    """Architecture hyper-parameters. Subclasses are final: never subclass a concrete config."""

    @abc.abstractmethod
    def build(self) -> HarmonizationModel:
        """A new network with torch's default initialisation, on the CPU."""


@dataclass(frozen=True)
class InputSpec:
    """What the network expects. It travels with the weights; callers never retype it."""

    size: int = 256
    """Side of the square images it was made for, in pixels."""
    divisor: int = 256
    """Height and width must be multiples of this."""
    color_space: str = "srgb"


@dataclass(frozen=True)
class ModelEntry:
    """One registered name."""

    name: str
    config: ModelConfig
    input_spec: InputSpec
    source: str
    """Paper or repository the architecture follows."""
    licence: str
    """Licence of this implementation."""
    features: frozenset[str] = frozenset()
    """Declared abilities, e.g. {"onnx", "domains"}. Tests select on these."""


_entries: dict[str, ModelEntry] = {}


def register(entry: ModelEntry) -> None:
    """Add a name; a second registration of the same name is a programming error."""
    if entry.name in _entries:
        raise ValueError(f"model {entry.name!r} is registered twice")
    _entries[entry.name] = entry


def registered() -> Mapping[str, ModelEntry]:
    """All entries by name, read only."""
    return MappingProxyType(_entries)


def lookup(name: str) -> ModelEntry:
    """The entry of a name.

    Raises:
        UnknownName: no such model; the message lists what there is.
    """
    if name not in _entries:
        raise UnknownName.of("model", name, sorted(_entries))
    return _entries[name]


def build(name: str) -> HarmonizationModel:
    """A new, untrained network by name.

    Raises:
        UnknownName: no such model.
    """
    return lookup(name).config.build()
