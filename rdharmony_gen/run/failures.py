# SPDX-License-Identifier: GPL-3.0-or-later
"""Why jobs fail: reason classes, how often each is tried, and Blender's messages that mean a bad picture."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import HarmonizeError, InputError, OutputError, UnknownName
from harmonize_core.formats.images import write_text
from rdharmony_gen.spec.codec import decode, encode, encode_line
from rdharmony_gen.spec.layout import SetLayout

ATTEMPTS = {"crash": 3, "lost": 5, "timeout": 2, "memory": 2, "picture": 2, "input": 2}
"""How often a job is tried within one run, by the reason of its failure. The others fail again for sure: one try.

memory: out of memory. crash: Blender ended. lost: the machine went away. timeout: no sign of progress. picture: Blender
said that what it rendered is not what was asked for. input: renders that cannot be composed; damaged ones are removed
first, and rendered again. One try: renders (the same in a run that only composes), asset (missing or unusable),
placement (no good view found), job (not of this set), disk, error.
"""


@dataclass(frozen=True)
class Failure:
    """A job that could not be done, as a line of `failures.jsonl`."""

    job: str
    reason: str
    """Class: memory, crash, lost, timeout, picture, input, renders, asset, placement, dataset, disk, job, error."""
    message: str
    log: str
    """Path below the set's root: what Blender and the worker said about this job."""


class BadPicture(HarmonizeError):
    """Blender rendered without an error but said something that makes the picture worthless."""

    def __init__(self, reason: str, line: str) -> None:
        super().__init__(f"Blender said {line!r}, so its pictures were thrown away")
        self.reason = reason


MESSAGES = (
    ("memory", re.compile(r"out of ((gpu|host|device|system|shared|and) )*memory|failed to allocate|bad_alloc", re.I)),
    ("memory", re.compile(r"could not allocate|unable to allocate|not enough memory|alloc returns null", re.I)),
    ("asset", re.compile(r"(cannot|can't|could ?n[o']t|failed to|unable to) (load|open|read) (the )?image", re.I)),
    ("asset", re.compile(r"failed to load image texture|missing (image|texture)|(image|texture)s? not found", re.I)),
    ("picture", re.compile(r"failed to load (image )?texture|texture allocation failed", re.I)),
    ("picture", re.compile(r"shader failed to compile|(failed|unable) to compile|compilation failed", re.I)),
    ("picture", re.compile(r"GPUShader: error|OSL (query )?error|cannot find shader create info", re.I)),
    ("picture", re.compile(r"OpenImageDenoise error|error (running|allocating) denoise", re.I)),
    ("picture", re.compile(r"denois\w* .*(failed|error)|(failed|error|unable)( \w+)* denois", re.I)),
    ("picture", re.compile(r"cycles error:|kernel execution error|illegal address", re.I)),
)
"""Reason class and pattern of what Blender (4.2 to 5.2) prints where it goes on with a wrong picture."""

_NEW_START = "== the pictures were thrown away"


def bad_message(log: Path) -> tuple[str, str] | None:
    """Reason and line of the first message in a job's log that makes its pictures worthless; None if there is none.

    Args:
        log: What was printed since the job's pictures were last thrown away counts.
    """
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    starts = [i for i, line in enumerate(lines) if line == _NEW_START]
    for line in lines[starts[-1] if starts else 0 :]:
        if line.startswith(("Fra:", "== ")):  # progress, with names of files
            continue
        for reason, pattern in MESSAGES:
            if pattern.search(line):
                return reason, line.strip()[:300]
    return None


def forget_messages(log: Path) -> None:
    """Say in the log that the pictures it speaks of are gone."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"\n{_NEW_START}\n")


def reason_of(error: BaseException, step: str, steps: Collection[str] = ("render", "compose")) -> str:
    """Reason class of what a step (render or compose) raised; our own kinds by name: `PlacementError` -> placement.

    Args:
        error: What was raised.
        step: The step it was raised in.
        steps: All that the run does; what is not rendered in it is not there at a second try either.
    """
    if isinstance(error, BadPicture):
        return error.reason
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, OutputError):
        return "disk"
    if step == "render" and isinstance(error, UnknownName | InputError):
        return "asset"
    if step == "compose" and "render" not in steps and isinstance(error, InputError):
        return "renders"
    if isinstance(error, HarmonizeError):
        return type(error).__name__.removesuffix("Error").lower()
    return "error"


def mark_failed(layout: SetLayout, failure: Failure) -> None:
    """Leave a job to nobody: other runs on the set see that it was tried."""
    write_text(layout.failed(failure.job), encode(failure))


def failure_of(layout: SetLayout, job_id: str) -> Failure | None:
    """How a job failed since its set was last taken up, if it did."""
    try:
        return decode(layout.failed(job_id), Failure)
    except HarmonizeError:
        return None


def forget_failures(layout: SetLayout, jobs: Iterable[Path]) -> None:
    """Running again tries them again."""
    if _marks(layout).is_dir():
        for path in jobs:
            layout.failed(f"{path.parent.name}/{path.stem}").unlink(missing_ok=True)


def write_failures(layout: SetLayout, job_ids: Iterable[str]) -> None:
    """`failures.jsonl` as the marks say, in the order of the jobs; no file if nothing failed."""
    marked = {p.relative_to(_marks(layout)).with_suffix("").as_posix() for p in _marks(layout).rglob("*.json")}
    found = [f for i in job_ids if i in marked and (f := failure_of(layout, i))]
    if found:
        write_text(layout.failures, "".join(f"{encode_line(f)}\n" for f in found))
    else:
        with contextlib.suppress(OSError):
            layout.failures.unlink(missing_ok=True)


def _marks(layout: SetLayout) -> Path:
    return layout.failed("x").parent
