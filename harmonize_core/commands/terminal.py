# SPDX-License-Identifier: Apache-2.0
"""What every command says and how: one line at a time, a bar, and help from a docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

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
