# SPDX-License-Identifier: Apache-2.0
"""The page's form: one field for each of `Controls`, as its type asks, and the way back from what was chosen."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import docstring_parser

from harmonize_core.infer.controls import STRONGEST, Controls
from harmonize_core.web.guard import Refused

RANGES = {"strength": (0.0, STRONGEST, 0.01), "max_delta_e": (0.0, 30.0, 0.5)}
"""Lowest, highest and step of numbers; others go from 0 to 1."""

LABELS = {
    "max_delta_e": "Largest change (ΔE)",
    "map": "Map",
    "global": "Global",
    "invert": "Fit the background instead",
    "keep_hue": "Keep hues",
    "reference": "Match another picture",
}
"""Where a field's name alone would not be understood."""

HELP = {
    "strength": "100 % is the network’s opinion, 0 % the composite.",
    "mode": "Map changes each place in its own way; Global gives all of it one grade.",
    "protect_skin": "Colours like human skin change less, at 100 % not at all.",
    "invert": "The foreground stays as it is, and all around it changes.",
    "reference": "The foreground fits that picture, instead of what is behind it.",
}
"""What is said in the page; of other fields, what `Controls` says."""

WHEN_ON = {"max_delta_e": 6.0}
"""Where numbers that may be left out start when they are not."""

Value = bool | float | str | None


def form() -> list[dict[str, Any]]:
    """The fields of `Controls` in their order: name, kind, label, help, default, and what the kind needs.

    Kinds: range, optional (a range that may be off), switch, choice, picture (a key of what was sent).
    """
    hints = typing.get_type_hints(Controls)
    texts = {
        p.arg_name: " ".join((p.description or "").split()) for p in docstring_parser.parse_from_object(Controls).params
    }
    fields = []
    for field in dataclasses.fields(Controls):
        entry = {
            "name": field.name,
            "label": label(field.name),
            "help": HELP.get(field.name, texts.get(field.name, "")),
            "default": field.default,
        }
        fields.append(entry | _kind(field.name, hints[field.name]))
    return fields


def controls(values: Mapping[str, Value], picture: Callable[[str], Path]) -> Controls:
    """What was chosen.

    Args:
        values: by the name of the field; fields that are left out keep their default.
        picture: the file that a key stands for.

    Raises:
        Refused: a field that is not in the form, or a value that its kind does not take.
        ConfigError: a number outside its range.
    """
    kinds = {entry["name"]: entry for entry in form()}
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        entry = kinds.get(name)
        if entry is None or not _takes(entry, value):
            raise Refused(400, f"the form has no field {name!r} that takes {value!r}")
        chosen[name] = picture(value) if entry["kind"] == "picture" and isinstance(value, str) else value
    return Controls(**chosen)


def label(name: str) -> str:
    """What the page calls a field or a choice."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def _kind(name: str, hint: Any) -> dict[str, Any]:
    if hint is bool:
        return {"kind": "switch"}
    if typing.get_origin(hint) is Literal:
        return {"kind": "choice", "choices": [{"value": v, "label": label(v)} for v in typing.get_args(hint)]}
    low, high, step = RANGES.get(name, (0.0, 1.0, 0.05))
    bounds = {"low": low, "high": high, "step": step}
    if hint is float:
        return {"kind": "range", **bounds}
    if isinstance(hint, types.UnionType) and set(typing.get_args(hint)) == {float, types.NoneType}:
        return {"kind": "optional", "when_on": WHEN_ON.get(name, high), **bounds}
    if isinstance(hint, types.UnionType) and set(typing.get_args(hint)) == {Path, types.NoneType}:
        return {"kind": "picture"}
    raise TypeError(f"Controls.{name} is {hint}, which the page has no field for")


def _takes(entry: Mapping[str, Any], value: Value) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        "switch": isinstance(value, bool),
        "choice": value in [choice["value"] for choice in entry.get("choices", [])],
        "range": number,
        "optional": number or value is None,
        "picture": isinstance(value, str) or value is None,
    }[entry["kind"]]
