# SPDX-License-Identifier: GPL-3.0-or-later
"""Job files of a set: written by the plan, checked before they are followed, dealt out to shards, seen as done."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from harmonize_core.errors import ConfigError, DatasetError, HarmonizeError
from harmonize_core.formats.images import read_lines, write_text
from rdharmony_gen.compose.view import is_composed, is_rendered, restore_records
from rdharmony_gen.run.claims import create
from rdharmony_gen.run.environment import versions
from rdharmony_gen.sampling.plan import job_ids, plan_job
from rdharmony_gen.spec.codec import encode
from rdharmony_gen.spec.dataset import DatasetSpec, growth_only, read_spec
from rdharmony_gen.spec.job import RenderJob, read_job, write_job
from rdharmony_gen.spec.layout import SetLayout

T = TypeVar("T")
_SAME = ("seed", "width", "height", "samples")
"""What every job of a set has in common."""


@dataclass(frozen=True)
class Shard:
    """Every n-th job, from the i-th on: what one machine of n does when each is told its number."""

    number: int = 1
    of: int = 1

    def part(self, jobs: list[T]) -> list[T]:
        """Those of all jobs that belong to the shard."""
        return jobs[self.number - 1 :: self.of]

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


ALL = Shard(1, 1)


def parse_shard(text: str) -> Shard:
    """`"3/8"` to a shard; an empty text is all jobs.

    Raises:
        ConfigError: not of this form, or the number is not between 1 and n.
    """
    if not text:
        return ALL
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"--shard should read i/n with i from 1 to n, for instance 1/8, but reads {text!r}")
    return Shard(int(match[1]), int(match[2]))


def write_recipe(layout: SetLayout, spec: DatasetSpec) -> None:
    """Write the spec, or make sure that it is the one that is there; for one run at a time.

    Raises:
        ConfigError: the folder holds a set of another spec, or of another version of this program.
    """
    if layout.spec.is_file():
        old = read_spec(layout.spec)
        if difference := growth_only(old, spec):
            raise ConfigError(
                f"{layout.root} already holds another data set: {difference}; use another folder or the same options"
            )
    _same_version(layout, "rdharmony", versions().get("rdharmony"))
    write_text(layout.spec, encode(spec))


def write_jobs(layout: SetLayout, spec: DatasetSpec, shard: Shard, *, quiet: bool) -> list[Path]:
    """Write the shard's job files, one a view; files that are there are kept. Returns all of the shard.

    Views that the manifest lists are known as finished again if `.rdharmony/` was deleted.

    Raises:
        DatasetError: a job file is of another set.
    """
    wanted = shard.part(job_ids(spec))
    restore_records(layout, [job_id for _, _, job_id in wanted])
    missing = [w for w in wanted if not _is_job(layout, spec, layout.job(w[2]))]
    bar = tqdm(missing, desc="plan", unit="view", disable=quiet, leave=False, delay=2, mininterval=calm_s())
    for category, view, job_id in bar:
        write_job(layout.job(job_id), plan_job(spec, category, view))
    return [layout.job(job_id) for _, _, job_id in wanted]


def load_job(layout: SetLayout, spec: DatasetSpec, path: Path) -> RenderJob:
    """Read a job file and make sure that following it writes where a job of this set may write, and no more.

    Raises:
        InputError, ConfigError: it cannot be read.
        DatasetError: it is not a job of this set.
    """
    job = read_job(path)
    if not _same_file(layout.job(job.job_id), path):
        raise DatasetError(
            f"{path} should be the job of its own name but says it is {job.job_id[:200]!r}; delete it, and the same "
            "command writes it again"
        )
    ours = {"frames": job.clip.frames if job.clip else 0} | {n: getattr(job, n) for n in _SAME}
    for name, found in ours.items():
        wanted = spec.clip if name == "frames" else getattr(spec, name)
        if found != wanted:
            raise DatasetError(
                f"{path} is a job of another data set: its {name} is {found} but the recipe here says {wanted}; "
                "delete it, and the same command writes it again"
            )
    return job


def is_done(layout: SetLayout, steps: str, path: Path) -> bool:
    """Whether nothing is left to do of a job, looking at the disk."""
    job_id = f"{path.parent.name}/{path.stem}"
    if is_composed(layout, job_id):
        return True
    return "compose" not in steps and is_rendered(layout, read_job(path))


def calm_s() -> float:
    """Seconds between updates of a progress bar: on a screen, or in a log file, which needs few."""
    return 0.5 if sys.stderr.isatty() else 15.0


def counts_as_picture(name: str) -> bool:
    """Whether a file of a job's renders is a picture under some condition: a real image to be."""
    return name.endswith(".exr") and not name.endswith(("aux.exr", "coverage.exr"))


@dataclass(frozen=True)
class Remaining:
    """What is left to do."""

    jobs: list[Path]
    render: int
    """Pictures to render."""
    compose: int
    """Views to compose."""
    unrendered: list[str]
    """Jobs that should be composed but have no renders."""


def remaining(layout: SetLayout, spec: DatasetSpec, jobs: list[Path], steps: str) -> Remaining:
    """Look at the disk for what is left of these jobs."""
    todo, count = [], {"render": 0, "compose": 0}
    unrendered = []
    for path in jobs:
        job = load_job(layout, spec, path)
        if is_composed(layout, job.job_id):
            continue
        rendered = is_rendered(layout, job)
        if "render" in steps and not rendered:
            folder = layout.renders(job.job_id)
            pictures = [name for name in job.renders if counts_as_picture(name)]
            count["render"] += sum(not (folder / name).is_file() for name in pictures)
        elif "compose" in steps and not rendered:
            unrendered.append(job.job_id)
            continue
        elif "compose" not in steps:
            continue
        count["compose"] += "compose" in steps
        todo.append(path)
    return Remaining(todo, count["render"], count["compose"], unrendered)


def require_same_blender(layout: SetLayout, mine: str | None) -> None:
    """Refuse to mix pictures of two Blenders in one set: the same numbers look different in them.

    Raises:
        ConfigError: renders of this set were begun with another version.
    """
    _same_version(layout, "blender", mine)


def _same_version(layout: SetLayout, program: str, mine: str | None) -> None:
    """What the first run wrote must be what this run has; an unknown version passes."""
    file = layout.version(program)
    if mine is None:
        return
    create(file, f"{mine}\n")
    found = "\n".join(read_lines(file))
    if found != mine:
        raise ConfigError(
            f"{layout.root} was begun with {program} {found[:40]} but this machine has {mine}, whose pictures differ; "
            "install the same version here, or use another folder"
        )


def _same_file(one: Path, other: Path) -> bool:
    return one.is_file() and one.resolve() == other.resolve()


def _is_job(layout: SetLayout, spec: DatasetSpec, path: Path) -> bool:
    """Whether a job file is there; one that cannot be read is written again, one of another set is refused."""
    try:
        load_job(layout, spec, path)
    except DatasetError:
        raise
    except HarmonizeError:
        return False
    return True
