# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker process: takes job files on standard input, renders and composes them, answers with one JSON line an event.

Started by `pool`, or by hand on any machine that sees the folder:

    echo OUT/jobs/SHuman/park_00_v000.json | python -m rdharmony_gen.run.worker OUT --steps render

Blender's own chatter goes to standard error. The process leaves by `os._exit`, because Blender's clean-up can hang.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from harmonize_core.errors import HarmonizeError, OutputError
from rdharmony_gen.compose.view import compose_view, is_composed, is_rendered
from rdharmony_gen.spec.codec import decode
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.job import RenderJob, read_job
from rdharmony_gen.spec.layout import SetLayout

Emit = Callable[..., None]


def run_job(layout: SetLayout, job: RenderJob, steps: list[str], keep_renders: bool, emit: Emit) -> None:
    """Do what is not done yet of one job; every finished file is an event."""
    started, cpu = time.monotonic(), _cpu_seconds()
    done = is_composed(layout, job.job_id)
    if "render" in steps and not is_rendered(layout, job) and not done:
        from rdharmony_gen.blender.render_job import render_job

        render_job(job, layout.renders(job.job_id), lambda name: emit("file", job=job.job_id, name=name))
        emit("rendered", job=job.job_id, wall_s=time.monotonic() - started, cpu_s=_cpu_seconds() - cpu)
    if "compose" in steps and not done:
        started, cpu = time.monotonic(), _cpu_seconds()
        spec = decode(layout.spec, DatasetSpec)
        compose_view(layout, spec, job, keep_renders=keep_renders)
        emit("composed", job=job.job_id, wall_s=time.monotonic() - started, cpu_s=_cpu_seconds() - cpu)


def main(argv: list[str] | None = None) -> None:
    """Work until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--steps", default="render,compose")
    parser.add_argument("--keep-renders", action="store_true")
    args = parser.parse_args(argv)
    _die_with_parent()
    _take_share_of_processors()
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def emit(kind: str, **facts: Any) -> None:
        events.write(msgspec.json.encode({"event": kind, **facts}).decode() + "\n")

    layout, steps = SetLayout(args.root), args.steps.split(",")
    jobs: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    while (line := jobs.get()) is not None:
        path = Path(line)
        print(f"== {path}", file=sys.stderr, flush=True)
        try:
            job = read_job(path)
            emit("started", job=job.job_id, pid=os.getpid())
            run_job(layout, job, steps, args.keep_renders, emit)
            emit("done", path=line)
        except HarmonizeError as error:
            emit("failed", path=line, reason=_reason(error), message=str(error), fatal=isinstance(error, OutputError))
        except MemoryError:
            emit("failed", path=line, reason="memory", message="the machine ran out of memory", fatal=False)
        except Exception as error:
            traceback.print_exc()
            emit("failed", path=line, reason="error", message=f"{type(error).__name__}: {error}", fatal=False)
    events.flush()
    sys.stderr.flush()
    os._exit(0)


def _reason(error: HarmonizeError) -> str:
    """`PlacementError` -> `placement`."""
    return type(error).__name__.removesuffix("Error").lower()


def _listen(jobs: SimpleQueue[str | None]) -> None:
    """Standard input to a queue; its end means no more jobs."""
    for line in sys.stdin:
        jobs.put(line.rstrip("\n"))
    jobs.put(None)


def _cpu_seconds() -> float:
    return time.process_time()


def _die_with_parent() -> None:
    """Ask Linux to kill this process when the pool dies, however it dies; elsewhere only the lock guards the folder."""
    if platform.system() == "Linux" and os.environ.get("RDHARMONY_POOL"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != int(os.environ["RDHARMONY_POOL"]):
            os._exit(1)


def _take_share_of_processors() -> None:
    """Worker i of n renders on every n-th processor, so that n workers do not start n times as many threads as fit."""
    number, _, workers = os.environ.get("RDHARMONY_SHARE", "1/1").partition("/")
    if hasattr(os, "sched_setaffinity") and int(workers) > 1:
        processors = sorted(os.sched_getaffinity(0))
        if share := processors[int(number) - 1 :: int(workers)]:
            os.sched_setaffinity(0, share)


if __name__ == "__main__":
    main()
