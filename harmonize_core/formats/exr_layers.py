# SPDX-License-Identifier: Apache-2.0
"""The layers of an EXR file: which channels of which part make a picture, under the name an artist knows them by.

Channels are named <layer>.<channel> (OpenEXR, "Technical Introduction", section on channel names). Blender names its
picture "ViewLayer.Combined"; Nuke gives each layer a part of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harmonize_core.errors import InputError
from harmonize_core.formats.exr import ExrFile


@dataclass(frozen=True)
class Layer:
    """Channels of one part that belong together."""

    name: str
    """Empty for plain R, G, B in a part without name."""
    part: int
    channels: dict[str, str]
    """Full channel names by their last word in capitals: R, G, B, A, Y, Z ..."""

    @property
    def colors(self) -> tuple[str, ...] | None:
        """Channel names of red, green and blue, or of luminance alone; None where it is no picture."""
        if {"R", "G", "B"} <= self.channels.keys():
            return tuple(self.channels[c] for c in "RGB")
        if "Y" in self.channels and not {"RY", "BY"} & self.channels.keys() and "X" not in self.channels:
            return (self.channels["Y"],)
        return None


def layers(file: ExrFile) -> list[Layer]:
    """All layers, in the order of the file."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    for index, part in enumerate(file.parts):
        for channel in part.channels:
            prefix, _, last = channel.rpartition(".")
            found.setdefault((index, prefix), {})[last.upper()] = channel
    named = []
    for (index, prefix), channels in found.items():
        part_name = file.parts[index].name if len(file.parts) > 1 else ""
        shared = {"rgba", "rgb", "beauty"} if not prefix else set()
        name = prefix or ("" if part_name.lower() in shared and index == 0 else part_name)
        named.append(Layer(name, index, channels))
    return named


def find_layer(file: ExrFile, name: str | None) -> Layer:
    """The picture in a file, or the layer of a name.

    Args:
        file: as read.
        name: in full, its last word if only one layer has it ("Combined"), or None: the plain R, G, B, else the layer
            named Combined, beauty or rgba, else the only picture there is.

    Raises:
        InputError: no such layer, or several pictures to choose from; the message lists them.
    """
    pictures = [layer for layer in layers(file) if layer.colors]
    if name is not None:
        every = layers(file)
        exact = [layer for layer in every if layer.name == name or file.parts[layer.part].name == name]
        found = exact or [layer for layer in every if layer.name.rpartition(".")[2] == name]
        found = [layer for layer in found if layer.colors] or found
        if len(found) == 1:
            return found[0]
        problem = "several layers" if found else "no layer"
        raise InputError(f"{file.path} has {problem} named {name!r}; it holds: {listed(every)}")
    plain = [layer for layer in pictures if not layer.name]
    known = [layer for layer in pictures if layer.name.rpartition(".")[2].lower() in ("combined", "beauty", "rgba")]
    for choice in (plain, known, pictures):
        if len(choice) == 1:
            return choice[0]
    if pictures:
        raise InputError(f"{file.path} holds several pictures; choose one with --layer: {listed(pictures)}")
    raise InputError(f"{file.path} should hold the channels R, G and B, or Y, but holds {listed(layers(file))}")


def listed(found: list[Layer]) -> str:
    """Names for a message."""
    return ", ".join(sorted(set(_described(found)))) or "nothing"


def _described(found: list[Layer]) -> Iterator[str]:
    for layer in found:
        yield layer.name or f"(unnamed: {', '.join(sorted(layer.channels))})"
