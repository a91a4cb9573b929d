# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict JSON of frozen dataclasses: unknown keys and wrong types are errors that name their path.

msgspec checks types but silently drops unknown keys of dataclasses, so those are looked for first.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import typing
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

import msgspec

from harmonize_core.errors import ConfigError, InputError

T = TypeVar("T")

MAX_BYTES = 2**26
"""Of a JSON file; a larger one is not read."""


def encode(value: object) -> str:
    """Readable JSON of a dataclass, keys in field order, ending with a newline; equal values give equal text."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"


def encode_line(value: object) -> str:
    """The same in one line, without a newline."""
    return msgspec.json.encode(value).decode()


def decode_text(text: str | bytes, cls: type[T], where: str) -> T:
    """JSON text to `cls`; `where` (a path, or "file:12") goes into the error.

    Raises:
        ConfigError: not JSON, an unknown or missing key, or a value of the wrong type.
    """
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{where} should be JSON but is not ({error}); write it again") from None
    _refuse_unknown_keys(data, cls, "$", where)
    try:
        return msgspec.convert(data, type=cls)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where} is not a {cls.__name__}: {error}") from None


def decode(path: Path, cls: type[T]) -> T:
    """A JSON file to `cls`.

    Raises:
        InputError: the file cannot be read.
        ConfigError: as `decode_text`, or it is larger than any file of ours.
    """
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} should be a small JSON file but has more than {MAX_BYTES} bytes; write it again")
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path") from None
    return decode_text(data, cls, str(path))


@functools.cache
def _types_of(cls: type) -> dict[str, Any]:
    """Types of a dataclass's fields; looking them up costs more than anything else that is done with a line."""
    return typing.get_type_hints(cls)


def _refuse_unknown_keys(data: object, cls: Any, path: str, where: str) -> None:
    if isinstance(cls, UnionType) and len(own := [a for a in typing.get_args(cls) if a is not type(None)]) == 1:
        cls = own[0]  # `UserScene | None`
    if isinstance(data, list):
        inner = [a for a in typing.get_args(cls) if a is not Ellipsis]
        for index, item in enumerate(data):
            if inner:
                _refuse_unknown_keys(item, inner[min(index, len(inner) - 1)], f"{path}[{index}]", where)
    elif isinstance(data, dict) and isinstance(cls, type) and dataclasses.is_dataclass(cls):
        types = _types_of(cls)
        names = [field.name for field in dataclasses.fields(cls)]
        for key, value in data.items():
            if key not in names:
                close = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
                raise ConfigError(f"{where} has the unknown key {path}.{key}; {hint}")
            _refuse_unknown_keys(value, types[key], f"{path}.{key}", where)
