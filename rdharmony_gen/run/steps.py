# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of making a data set on one machine: open the folder, plan, render and compose in a pool, collect.

Every step looks at the disk for what is done, so calling it again after any kill goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from tqdm import tqdm

from harmonize_core.errors import ConfigError, DatasetError, HarmonizeError, InputError, OutputError
from harmonize_core.formats.images import write_text
from harmonize_core.formats.lock import exclusive
from rdharmony_gen.compose.collect import Counts, collect
from rdharmony_gen.compose.view import is_composed, is_rendered, restore_records
from rdharmony_gen.run.environment import require_blender
from rdharmony_gen.run.pool import Event, Failure, PoolOptions, run_pool
from rdharmony_gen.sampling.plan import job_ids, plan_job
from rdharmony_gen.spec.codec import encode, encode_line
from rdharmony_gen.spec.dataset import DatasetSpec, growth_only, read_spec
from rdharmony_gen.spec.job import read_job, write_job
from rdharmony_gen.spec.layout import SetLayout


@dataclass(frozen=True)
class Cost:
    """What the run that just ended cost; zero where everything was there already."""

    wall_s: float = 0.0
    render_cpu_s: float = 0.0
    pictures: int = 0
    """Real images that were rendered."""


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
def opened(root: Path) -> Generator[tuple[SetLayout, int]]:
    """The folder of a set, locked for this run and swept of what a killed run left; made if it is not there.

    Raises:
        OutputError: it is a file, holds foreign files, cannot be written to, or another run is at work on it.
    """
    layout = SetLayout(Path(root))
    _refuse_foreign(layout)
    with exclusive(layout.lock, layout.root) as lock_fd:
        _sweep(layout)
        yield layout, lock_fd


def plan(layout: SetLayout, spec: DatasetSpec, *, quiet: bool) -> list[Path]:
    """Write the spec and one job file a view; job files that are there are kept. Returns the job files.

    Views that the manifest lists are known as finished again if `.rdharmony/` was deleted.

    Raises:
        ConfigError: the folder holds a set of another spec.
    """
    if layout.spec.is_file():
        difference = growth_only(read_spec(layout.spec), spec)
        if difference:
            raise ConfigError(
                f"{layout.root} already holds another data set: {difference}; use another folder or the same options"
            )
    write_text(layout.spec, encode(spec))
    wanted = job_ids(spec)
    restore_records(layout, [job_id for _, _, job_id in wanted])
    missing = [w for w in wanted if not _is_job(layout.job(w[2]))]
    for category, view, job_id in tqdm(missing, desc="plan", unit="view", disable=quiet or None, leave=False):
        write_job(layout.job(job_id), plan_job(spec, category, view))
    return [layout.job(job_id) for _, _, job_id in wanted]


def work(layout: SetLayout, jobs: list[Path], options: PoolOptions, *, quiet: bool) -> Cost:
    """Render and/or compose what is not done yet, by `options.steps`.

    Raises:
        EnvironmentFault: Blender is needed and cannot run here.
        DatasetError: some views failed twice; the others are done, `failures.jsonl` tells why.
        OutputError: the disk is full or a folder is not writable.
    """
    started = time.monotonic()
    todo, pictures = _remaining(layout, jobs, options.steps)
    if pictures["render"]:
        require_blender()
    layout.state.mkdir(parents=True, exist_ok=True)
    cost = Cost()
    failures: list[Failure] = []
    if todo:
        calm = 0.5 if sys.stderr.isatty() else 15.0  # seconds between updates; a log file needs few
        name = options.steps.replace(",", " + ")
        with tqdm(
            total=sum(pictures.values()), desc=name, unit="picture", disable=quiet, smoothing=0.05, mininterval=calm
        ) as bar:

            def on_event(event: Event) -> None:
                nonlocal cost
                if event["event"] == "file" and event["name"].endswith(".exr"):
                    bar.update()
                    cost = replace(cost, pictures=cost.pictures + (event["name"] != "coverage.exr"))
                if event["event"] in ("rendered", "composed"):
                    with open(layout.timings, "a") as file:
                        file.write(encode_line(event) + "\n")
                if event["event"] == "rendered":
                    cost = replace(cost, render_cpu_s=cost.render_cpu_s + event["cpu_s"])
                if event["event"] == "composed":
                    bar.update()

            failures = run_pool(layout, todo, options, on_event)
            if not failures:
                bar.update(bar.total - bar.n)
    _write_failures(layout, failures)
    _remove_empty_folders(layout.root / "renders")
    if failures:
        first = failures[0]
        raise DatasetError(
            f"{len(failures)} of {len(jobs)} views failed twice, the first, {first.job}, because {first.message} "
            f"(log: {layout.root / first.log}); the list is in {layout.failures}, running again tries them again"
        )
    return replace(cost, wall_s=time.monotonic() - started)


def gather(layout: SetLayout, spec: DatasetSpec) -> Counts:
    """Write manifest, labels, splits, dataset.json and credits from the views composed so far.

    Raises:
        DatasetError: no view is composed.
    """
    counts = collect(layout, spec)
    if counts.views == 0:
        raise DatasetError(f"{layout.root} should hold at least one composed view but has none; run rdharmony render")
    return counts


def default_workers() -> int:
    """Half the processors, at least one: a render uses several threads, its preparation only one."""
    return max(1, (os.cpu_count() or 1) // 2)


def _remaining(layout: SetLayout, jobs: list[Path], steps: str) -> tuple[list[Path], dict[str, int]]:
    """Job files with something to do, and the number of pictures to render and views to compose."""
    todo, count = [], {"render": 0, "compose": 0}
    unrendered = []
    for path in jobs:
        job = read_job(path)
        if is_composed(layout, job.job_id):
            continue
        rendered = is_rendered(layout, job)
        if "render" in steps and not rendered:
            folder = layout.renders(job.job_id)
            names = [*(c.style for c in job.conditions), "coverage"]
            count["render"] += sum(not (folder / f"{name}.exr").is_file() for name in names)
        elif "compose" in steps and not rendered:
            unrendered.append(job.job_id)
            continue
        elif "compose" not in steps:
            continue
        count["compose"] += "compose" in steps
        todo.append(path)
    if unrendered and not todo:
        raise InputError(
            f"{layout.root / 'renders'} should hold the renders of {unrendered[0]} but does not "
            f"({len(unrendered)} views have none); run rdharmony render first"
        )
    return todo, count


def _is_job(path: Path) -> bool:
    try:
        read_job(path)
    except HarmonizeError:
        return False
    return True


def _write_failures(layout: SetLayout, failures: list[Failure]) -> None:
    if failures:
        write_text(layout.failures, "".join(msgspec.json.encode(f).decode() + "\n" for f in failures))
    else:
        layout.failures.unlink(missing_ok=True)


def _remove_empty_folders(folder: Path) -> None:
    """What is left of the renders folder when renders are not kept."""
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _refuse_foreign(layout: SetLayout) -> None:
    root = layout.root
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


def _sweep(layout: SetLayout) -> None:
    """Remove the temporary siblings of atomic writes that a killed process left."""
    for pattern in (".*.partial", ".*.partial.*", ".render.exr"):
        for path in layout.root.rglob(pattern):
            path.unlink(missing_ok=True)
