# SPDX-License-Identifier: Apache-2.0
"""Names to architectures: a name is one frozen config object, and a config knows how to build itself.

To vary a model, `dataclasses.replace(lookup("charmnet_256").config, base_channels=32).build()`.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn

from harmonize_core.errors import ConfigError, InputError, UnknownName
from harmonize_core.formats.triplet import Domain


@dataclass(frozen=True)
class Output:
    """What one forward pass gives. Networks with more to say (features, attention, stages) extend it."""

    harmonized: Tensor
    """(B, 3, H, W) sRGB, not clamped; the background as the published network leaves it."""


class HarmonizationModel(nn.Module, abc.ABC):
    """A network as it is trained; `inference()` is the part of it that is used afterwards.

    Every network takes and gives sRGB in [0, 1] and keeps its own normalisation to itself.
    """

    divisor: int = 1
    """Height and width of the pictures must be multiples of this; set by the subclass or its constructor."""

    rate_factors: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Parts by name of their submodule that the published recipe trains at this share of the learning rate."""

    beta1s: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Parts by name of their submodule that the published recipe trains with this beta1 of Adam."""

    @abc.abstractmethod
    def forward(self, composite: Tensor, mask: Tensor, domain: Domain = "photographic") -> Output:
        """Harmonize a batch of one domain.

        Args:
            composite: (B, 3, H, W) sRGB in [0, 1].
            mask: (B, 1, H, W) in [0, 1], 1 = foreground.
            domain: where the foregrounds come from; networks without parts of their own for a domain ignore it.
        """

    def inference(self, domain: Domain = "photographic") -> InferenceNetwork:
        """What users run on foregrounds of one domain, sharing this model's parameters."""
        return InferenceNetwork(self, domain)

    def look_at(self, side: int) -> None:
        """Pictures of this side in pixels are coming to be trained on. Networks that bring every picture to one size
        then take these as they are, if they are smaller: first steps on small pictures cost a fraction."""

    def grow_from(self, smaller: HarmonizationModel) -> bool:
        """Take the weights of the same network built for smaller pictures, after initialisation; False: it cannot.

        CharmNet knows how; the levels that the smaller network lacks must not be heard at first."""
        return False

    def reset_special(self) -> None:
        """Set parameters whose first values carry meaning (identity tables, zero gates); called after the general
        initialisation has filled convolutions, linear layers and norms."""


class InferenceNetwork(nn.Module):
    """A model in use: checked sizes in, pictures in [0, 1] out, and an empty mask leaves the composite as it is."""

    def __init__(self, model: HarmonizationModel, domain: Domain = "photographic") -> None:
        super().__init__()
        self.model = model
        self.domain: Domain = domain

    def forward(self, composite: Tensor, mask: Tensor) -> Tensor:
        """Harmonize a batch.

        Args:
            composite: (B, 3, H, W) sRGB in [0, 1].
            mask: (B, 1, H, W) in [0, 1], 1 = foreground.

        Returns:
            (B, 3, H, W) sRGB in [0, 1].

        Raises:
            InputError: height or width is not a multiple of the model's divisor.
        """
        height, width = (int(side) for side in composite.shape[2:])
        divisor = self.model.divisor
        if height % divisor or width % divisor:
            raise InputError(
                f"{type(self.model).__name__} needs a height and width that are multiples of {divisor} but found "
                f"{width}x{height}; resize the picture, or use `harmonize predict`, which takes any size"
            )
        harmonized = self.model(composite, mask, self.domain).harmonized.clamp(0.0, 1.0)
        return torch.where(mask.amax(dim=(1, 2, 3), keepdim=True) > 0, harmonized, composite)


@dataclass(frozen=True)
class ModelConfig(abc.ABC):
    """Architecture hyper-parameters. Subclasses are final: never subclass a concrete config."""

    sides: ClassVar[tuple[int, ...]] = ()
    """Sides in pixels of the pictures that the network can be built for beside its own (`lookup_at`)."""

    def at(self, side: int) -> ModelConfig:
        """The same architecture for pictures of one of `sides`; as it is where its layers do not depend on the size."""
        return self

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
    """Declared abilities; tests select on these. onnx: can be exported; domains: has parts of its own per domain;
    background: leaves pixels with mask 0 exactly as they are; any_size: made for full-resolution pictures; look:
    estimates a look (`runtime.look`), which the runtime applies."""
    not_exported: str = ""
    """Why it cannot be exported, for networks without `onnx`; told to whoever asks for it."""


_entries: dict[str, ModelEntry] = {}


def register(entry: ModelEntry) -> None:
    """Add a name; a second registration of the same name is a programming error."""
    if entry.name in _entries:
        raise ValueError(f"model {entry.name!r} is registered twice")
    _entries[entry.name] = entry


def register_variants(
    variants: Mapping[str, ModelConfig],
    input_spec: InputSpec,
    *,
    source: str,
    licence: str,
    features: frozenset[str] = frozenset(),
) -> None:
    """Add the names of one paper's networks that differ in their config alone; the rest as in `ModelEntry`."""
    for name, config in variants.items():
        register(ModelEntry(name, config, input_spec, source, licence, features))


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


def lookup_at(name: str, side: int) -> ModelEntry:
    """The entry of a name for pictures of another side; of networks that take any size as they are, their own.

    Args:
        name: registered name.
        side: in pixels; 0: the network's own.

    Raises:
        UnknownName: no such model.
        ConfigError: the network cannot be built for this side.
    """
    entry = lookup(name)
    spec = entry.input_spec
    if side in (0, spec.size) or ("any_size" in entry.features and not entry.config.sides):
        return entry
    if side not in entry.config.sides:
        known = " or ".join(map(str, sorted({*entry.config.sides, spec.size})))
        raise ConfigError(f"{name} takes pictures of {known} px but was asked for {side}; choose another --data.side")
    spec = replace(spec, size=side, divisor=side if spec.divisor == spec.size else spec.divisor)
    return replace(entry, config=entry.config.at(side), input_spec=spec)


def build(name: str) -> HarmonizationModel:
    """A new, untrained network by name.

    Raises:
        UnknownName: no such model.
    """
    return lookup(name).config.build()
