# SPDX-License-Identifier: Apache-2.0
"""What every command says and how: one line at a time, a bar, and help from a docstring."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import docstring_parser
import tyro

T = TypeVar("T")

BAD_ARGUMENTS = 2
"""Exit code for arguments that make no sense."""


def help_of(command: Callable[..., Any]) -> str:
    """A command's docstring without its Args section."""
    return (inspect.getdoc(command) or "").split("\n\nArgs:")[0]


def say(line: str) -> None:
    """A result, seen at once also where stdout is a file."""
    print(line, flush=True)


def silent(_line: str) -> None:
    """`say` under --quiet."""


def bar(what: str, unit: str, quiet: bool) -> Callable[[Sequence[T]], Iterable[T]]:
    """A progress bar around a sequence."""

    def wrap(items: Sequence[T]) -> Iterable[T]:
        from tqdm import tqdm

        return tqdm(items, desc=what, unit=unit, disable=quiet, mininterval=0.5)

    return wrap


FLOWING = tyro.constructors.ConstructorRegistry()
"""For `tyro.cli` of dataclasses with default values: the help texts of fields as paragraphs. Tyro by itself keeps each
line break of an indented docstring."""


@FLOWING.struct_rule
def _flowing(info: tyro.constructors.StructTypeInfo) -> tyro.constructors.StructConstructorSpec | None:
    cls = info.type
    if not dataclasses.is_dataclass(cls) or not isinstance(info.default, cls):
        return None
    found = docstring_parser.parse_from_object(cls).params
    texts = {param.arg_name: " ".join((param.description or "").split()) for param in found}
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = tuple(
        tyro.constructors.StructFieldSpec(f.name, hints[f.name], getattr(info.default, f.name), texts.get(f.name))
        for f in dataclasses.fields(cls)
    )
    return tyro.constructors.StructConstructorSpec(cls, fields)
