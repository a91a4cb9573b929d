# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of making a data set: take part in the folder, plan, render and compose in a pool, collect.

Every step looks at the disk for what is done, so calling it again after any kill, or on one more machine, goes on.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from tqdm import tqdm

from harmonize_core.errors import DatasetError, HarmonizeError, InputError, OutputError
from harmonize_core.formats.lock import exclusive
from rdharmony_gen.compose.collect import Counts, collect
from rdharmony_gen.run import disk, scratch
from rdharmony_gen.run.blender_app import require_app
from rdharmony_gen.run.claims import LEASE_S, Register
from rdharmony_gen.run.cluster import RayEngine
from rdharmony_gen.run.environment import require_blender, versions
from rdharmony_gen.run.failures import Failure, forget_failures, write_failures
from rdharmony_gen.run.jobs import (
    ALL,
    Shard,
    counts_as_picture,
    is_done,
    remaining,
    require_same_blender,
    write_jobs,
    write_recipe,
)
from rdharmony_gen.run.local import Engine, Event, LocalEngine, Task
from rdharmony_gen.run.pool import Work, run_pool
from rdharmony_gen.run.progress import Progress
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.codec import encode_line
from rdharmony_gen.spec.dataset import DatasetSpec, read_spec
from rdharmony_gen.spec.layout import SetLayout

PATIENCE_S = 3600.0
"""How long to wait for another run that collects or plans on the same set."""
LEFTOVERS = (".*.partial", ".*.partial.*", ".render*.exr")
"""Temporary siblings of atomic writes that a killed process left."""


@dataclass(frozen=True)
class Cost:
    """What the run that just ended cost; zero where everything was there already."""

    wall_s: float = 0.0
    render_cpu_s: float = 0.0
    pictures: int = 0
    """Real images that were rendered."""
    trouble: HarmonizeError | None = None
    """Why some views were not made; to be raised when the others are collected."""


@dataclass(frozen=True)
class WorkOptions:
    """How jobs are worked off; nothing here changes a byte of the result."""

    workers: int | None = None
    """Processes; if None, half the processors of this machine, or what a cluster has room for."""
    steps: str = "render,compose"
    keep_renders: bool = False
    timeout_s: float = 1800.0
    """Longest time without a finished file before a worker is taken for stuck."""
    shard: Shard = ALL
    engine: str = "local"
    """`local` or `ray`."""
    address: str = "auto"
    """Of the Ray cluster."""
    cpus_per_job: int = 2
    """Of a Ray node."""
    gpus_per_job: float = 0.0
    """Of a Ray node."""
    blender: Path | None = None
    """A Blender program that renders instead of the bpy package."""


def existing(root: Path) -> tuple[SetLayout, DatasetSpec]:
    """A set that was planned before.

    Raises:
        InputError: the folder holds no set.
        ConfigError: its spec does not decode.
    """
    layout = SetLayout(Path(root))
    if not layout.spec.is_file():
        raise InputError(
            f"{root} should hold a generated data set but has no jobs/spec.json; run rdharmony plan {root}"
        )
    return layout, read_spec(layout.spec)


@contextlib.contextmanager
def opened(root: Path, *, lease_s: float = LEASE_S) -> Generator[tuple[SetLayout, Register]]:
    """Take part in the work on a set, made if it is not there; the first run sweeps what killed runs left.

    Raises:
        OutputError: it is a file, holds foreign files, or cannot be written to.
    """
    layout = SetLayout(Path(root))
    _refuse_foreign(layout)
    with contextlib.ExitStack() as stack:
        with exclusive(layout.lock, layout.root, PATIENCE_S):
            register = stack.enter_context(Register(layout, lease_s=lease_s))
            _sweep_if_alone(layout, register)
        yield layout, register


@contextlib.contextmanager
def alone(layout: SetLayout, register: Register) -> Generator[None]:
    """For what only one run may do at a time: write the recipe, collect, report. Others wait."""
    with exclusive(layout.lock, layout.root, PATIENCE_S):
        _sweep_if_alone(layout, register)
        yield


def plan(layout: SetLayout, spec: DatasetSpec, options: WorkOptions, register: Register, *, quiet: bool) -> list[Path]:
    """Write the spec and the shard's job files, if the disk has room for what is to be made. Returns the job files.

    Raises:
        ConfigError, DatasetError: as `write_recipe` and `write_jobs`.
        OutputError: the views to be rendered do not fit on the disk.
    """
    if "render" in options.steps:
        wanted = [job_id for _, _, job_id in options.shard.part(job_ids(spec))]
        views = sum(not layout.view_record(job_id).is_file() for job_id in wanted)
        workers = options.workers or default_workers()
        disk.require_room(layout.root, spec, options.steps, options.keep_renders, views, workers)
    with alone(layout, register):
        write_recipe(layout, spec)
    jobs = write_jobs(layout, spec, options.shard, quiet=quiet)
    if options.shard.of > 1 or not register.others():  # a run that joins others leaves what they gave up
        forget_failures(layout, jobs)
    return jobs


def work(layout: SetLayout, jobs: list[Path], options: WorkOptions, register: Register, *, quiet: bool) -> Cost:
    """Render and/or compose what is not done yet, by `options.steps`, together with other runs on the set.

    Views that fail are left out and named in `failures.jsonl`; the result holds the error to end with.

    Raises:
        EnvironmentFault: Blender or Ray is needed and cannot run here.
        ConfigError: renders of the set were begun with another Blender.
        OutputError: the disk is full or a folder is not writable.
    """
    started = time.monotonic()
    spec = read_spec(layout.spec)
    left = remaining(layout, spec, jobs, options.steps)
    workers = options.workers or default_workers()
    app = require_app(options.blender) if options.blender else None
    if left.render:
        if app is None and options.engine == "local":  # nodes of a cluster look for themselves
            require_blender()
        require_same_blender(layout, app.version if app else versions().get("blender"))
    cost = Cost()
    failures: list[Failure] = []
    if left.jobs:
        made = (layout.root, spec, options.steps, options.keep_renders)
        disk.require_room(*made, len(left.jobs), workers)
        with Progress(options.steps.replace(",", " + "), left, quiet=quiet) as progress:
            notes: set[str] = set()

            def on_event(event: Event) -> None:
                nonlocal cost
                progress.take(event)
                if event["event"] == "file" and counts_as_picture(event["name"]):
                    cost = replace(cost, pictures=cost.pictures + 1)
                if event.get("note") and not quiet and event["note"] not in notes:
                    notes.add(event["note"])
                    tqdm.write(event["note"], file=sys.stderr)
                if event["event"] in ("rendered", "composed"):
                    with open(layout.timings, "a") as file:
                        file.write(encode_line(event) + "\n")
                if event["event"] == "rendered":
                    cost = replace(cost, render_cpu_s=cost.render_cpu_s + event["cpu_s"])

            task = Task(layout, options.steps, options.keep_renders, app)
            plan_of_work = Work(
                layout,
                left.jobs,
                lambda path: is_done(layout, options.steps, path),
                lambda: disk.require_reserve(*made, workers),
                options.timeout_s,
            )
            failures = run_pool(plan_of_work, _engine(task, options, workers, register), register, on_event)
            if not failures:
                progress.complete()
        scratch.sweep()
    write_failures(layout, [job_id for _, _, job_id in job_ids(spec)])
    if not register.others():
        _remove_empty_folders(layout.root / "renders")
    trouble = _trouble(layout, len(jobs), failures, left.unrendered)
    return replace(cost, wall_s=time.monotonic() - started, trouble=trouble)


def missing_views(layout: SetLayout, spec: DatasetSpec) -> int:
    """How many views of the whole set no run has composed yet, by their records."""
    return sum(not layout.view_record(job_id).is_file() for _, _, job_id in job_ids(spec))


def gather(layout: SetLayout, spec: DatasetSpec, trouble: HarmonizeError | None = None) -> Counts:
    """Write manifest, labels, splits, dataset.json and credits from the views composed so far.

    Raises:
        DatasetError: no view is composed; `trouble` instead if there is one.
    """
    if trouble and missing_views(layout, spec) == len(job_ids(spec)):
        raise trouble
    counts = collect(layout, spec)
    if counts.views == 0:
        raise DatasetError(f"{layout.root} should hold at least one composed view but has none; run rdharmony render")
    return counts


def default_workers() -> int:
    """Half the processors, at least one: a render uses several threads, its preparation only one."""
    return max(1, (os.cpu_count() or 1) // 2)


def _engine(task: Task, options: WorkOptions, workers: int, register: Register) -> Engine:
    if options.engine == "ray":
        return RayEngine(task, options.address, options.cpus_per_job, options.gpus_per_job, options.workers)
    return LocalEngine(task, workers, register.lock_fd)


def _trouble(layout: SetLayout, jobs: int, failures: list[Failure], unrendered: list[str]) -> HarmonizeError | None:
    if failures:
        first = failures[0]
        return DatasetError(
            f"{len(failures)} of {jobs} views failed, the first, {first.job}, because {first.message} "
            f"(log: {layout.root / first.log}); the list is in {layout.failures}, running again tries them again"
        )
    if unrendered:
        return InputError(
            f"{layout.root / 'renders'} should hold the renders of {unrendered[0]} but does not "
            f"({len(unrendered)} views have none); run rdharmony render first"
        )
    return None


def _remove_empty_folders(folder: Path) -> None:
    """What is left of the renders folder when renders are not kept."""
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _refuse_foreign(layout: SetLayout) -> None:
    root = layout.root
    if root.is_symlink() and not root.exists():
        raise OutputError(f"{root} is a link that leads nowhere; choose another name")
    if root.exists() and not root.is_dir():
        raise OutputError(f"{root} should be a folder but is a file; choose another name")
    if layout.spec.is_file() or not root.exists():
        return
    try:
        foreign = sorted(p.name for p in root.iterdir() if p.name not in ("jobs", layout.state.name))
    except OSError as error:
        raise OutputError(f"{root} cannot be read ({error.strerror}); choose a folder of yours") from None
    if foreign:
        raise OutputError(
            f"{root} should be empty or hold a data set of this program but holds {foreign[0]!r}; "
            "choose an empty folder"
        )


def _sweep_if_alone(layout: SetLayout, register: Register) -> None:
    """Remove what killed runs left; while another run is at work its temporary files look the same."""
    if register.others():
        return
    register.sweep()
    for folder, _, names in os.walk(layout.root):
        for name in names:
            if name.startswith(".") and any(fnmatch(name, pattern) for pattern in LEFTOVERS):
                (Path(folder) / name).unlink(missing_ok=True)
