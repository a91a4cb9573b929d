# SPDX-License-Identifier: Apache-2.0
"""Strict JSON to frozen dataclasses and back: unknown keys and wrong types are errors that name their path.

msgspec checks types; it drops unknown keys of dataclasses silently, so those are refused by a walk of our own.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harmonize_core.errors import ConfigError

T = TypeVar("T")


def decode(data: Any, cls: type[T]) -> T:
    """Build `cls` from parsed JSON.

    Raises:
        ConfigError: an unknown key, a missing one, or a value of another type; the message names its path ("$.a.b").
    """
    _refuse_unknown_keys(data, cls, "$")
    try:
        return msgspec.convert(data, type=cls, dec_hook=_from_json)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{cls.__name__} does not decode: {error}") from error


def decode_text(text: str, cls: type[T], where: str = "the config") -> T:
    """`decode` of JSON text; `where` names its origin in messages.

    Raises:
        ConfigError: as `decode`, and text that is not JSON.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where} is not JSON ({error.msg} in line {error.lineno}); write it anew") from error
    try:
        return decode(data, cls)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def encode(config: Any) -> dict[str, Any]:
    """A dataclass tree as what `json.dump` writes; paths become strings."""
    # asdict also sees fields that were absent when the tree was decoded: msgspec leaves their defaults to the class
    return msgspec.to_builtins(dataclasses.asdict(config), enc_hook=_to_json)


def encode_text(config: Any, *, indent: int | None = 2) -> str:
    """A dataclass tree as JSON text with sorted keys."""
    return json.dumps(encode(config), indent=indent, sort_keys=True)


def _refuse_unknown_keys(data: object, kind: object, path: str) -> None:
    for option in (kind, *typing.get_args(kind)):  # `X | None` and tuple[X, ...] are looked into
        if isinstance(option, type) and dataclasses.is_dataclass(option):
            break
    else:
        return
    if isinstance(data, list | tuple):
        for index, item in enumerate(data):
            _refuse_unknown_keys(item, option, f"{path}[{index}]")
        return
    if not isinstance(data, dict):
        return
    types = typing.get_type_hints(option)
    names = [f.name for f in dataclasses.fields(option)]
    for key, value in data.items():
        if key not in names:
            close = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
            raise ConfigError(f"{option.__name__}: unknown key {path}.{key}; {hint}")
        _refuse_unknown_keys(value, types[key], f"{path}.{key}")


def _from_json(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"no JSON form is defined for {kind.__name__}")


def _to_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form is defined for {type(value).__name__}")
