# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker process: takes job files on standard input, renders and composes them, answers with one JSON line an event.

Started by `pool`, or by hand on any machine that sees the folder:

    echo OUT/jobs/SHuman/park_00_v000.json | python -m rdharmony_gen.run.worker OUT --steps render

What Blender prints about a job goes to `.rdharmony/logs/<job>.log` and is searched for messages that mean a bad
picture. The process leaves by `os._exit`, because Blender's clean-up can hang.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from harmonize_core.errors import HarmonizeError, OutputError
from rdharmony_gen.blender.chatter import logged
from rdharmony_gen.compose.clip import compose_clip
from rdharmony_gen.compose.view import compose_view, is_composed, is_rendered
from rdharmony_gen.run import scratch
from rdharmony_gen.run.environment import require_blender, versions
from rdharmony_gen.run.failures import BadPicture, bad_message, forget_messages, reason_of
from rdharmony_gen.run.jobs import load_job
from rdharmony_gen.run.stages import Stopwatch
from rdharmony_gen.spec.dataset import DatasetSpec, read_spec
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.layout import SetLayout

Emit = Callable[..., None]


class _State:
    """What the thread that listens needs to know."""

    step = ""
    """The step at work, empty between jobs."""
    device: Any = None
    """What Cycles renders on, once `_choose_device` was called."""


def run_job(
    layout: SetLayout, spec: DatasetSpec, job: RenderJob, steps: list[str], keep_renders: bool, emit: Emit
) -> None:
    """Do what is not done yet of one job; every finished file is an event."""
    started, cpu = time.monotonic(), _cpu_seconds()
    done = is_composed(layout, job.job_id)
    if "render" in steps and not is_rendered(layout, job) and not done:
        from rdharmony_gen.blender import clock
        from rdharmony_gen.blender.render_job import render_job

        _State.step = "render"
        watch, stage = Stopwatch(), ""

        def began(name: str) -> None:
            nonlocal stage
            if name not in (stage, "files"):
                stage = name
                emit("stage", job=job.job_id, name=name)

        def finished(name: str) -> None:
            watch.mark(name)
            emit("file", job=job.job_id, name=name)

        clock.beginning[:] = [began]
        render_job(job, layout.renders(job.job_id), finished, _State.device)
        _refuse_bad_pictures(layout, job)
        cost = {
            "cpu_s": _cpu_seconds() - cpu,
            "stages": watch.seconds,
            "parts": clock.take(),
            "peak_mb": clock.peak_memory_mb(),
        }
        emit("rendered", job=job.job_id, wall_s=time.monotonic() - started, **cost)
    if "compose" in steps and not done:
        _State.step = "compose"
        started, cpu = time.monotonic(), _cpu_seconds()
        (compose_clip if job.clip else compose_view)(layout, spec, job, keep_renders=keep_renders)
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
    own = scratch.enter()
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def emit(kind: str, **facts: Any) -> None:
        events.write(msgspec.json.encode({"event": kind, **facts}).decode() + "\n")

    layout, steps = SetLayout(args.root), args.steps.split(",")
    jobs: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    try:
        spec = read_spec(layout.spec)
        if "render" in steps and "bpy" not in sys.modules:  # it is there inside a Blender application
            require_blender()
        note = _choose_device() if "render" in steps else ""
    except HarmonizeError as error:
        emit("failed", path="", reason="job", message=f"{platform.node()}: {error}", fatal=True)
        os._exit(1)
    found = {name: v for name, v in versions().items() if name != "blender" or "render" in steps}
    emit("ready", pid=os.getpid(), host=platform.node(), versions=found)
    while (line := jobs.get()) is not None:
        path, _State.step = Path(line), "job"
        try:
            with _log_of(layout, path):
                job = load_job(layout, spec, path)
                emit("started", job=job.job_id, pid=os.getpid(), note=note)
                run_job(layout, spec, job, steps, args.keep_renders, emit)
            _State.step = ""
            emit("done", path=line)
        except HarmonizeError as error:
            reason, _State.step = reason_of(error, _State.step, steps), ""
            emit("failed", path=line, reason=reason, message=str(error), fatal=isinstance(error, OutputError))
        except MemoryError:
            _State.step = ""
            emit("failed", path=line, reason="memory", message="the machine ran out of memory", fatal=False)
        except Exception as error:
            _State.step, message = "", f"{type(error).__name__}: {error}"
            emit("failed", path=line, reason="error", message=message, fatal=False)
    events.flush()
    sys.stderr.flush()
    scratch.leave(own)
    os._exit(0)


@contextlib.contextmanager
def _log_of(layout: SetLayout, path: Path) -> Generator[None]:
    """Everything that is printed during a job, by Python or by Blender's C code, is added to the job's own log."""
    log = layout.job_log(f"{path.parent.name}/{path.stem}")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(logged(log))
        except OSError as error:
            message = f"{log} cannot be written ({error.strerror}); free space or look at its rights"
            raise OutputError(message) from None
        try:
            print(f"== {path} on {platform.node()}, process {os.getpid()}", file=sys.stderr, flush=True)
            yield
        except HarmonizeError:  # says it all, in failures.jsonl
            raise
        except BaseException:
            traceback.print_exc()
            raise


def _refuse_bad_pictures(layout: SetLayout, job: RenderJob) -> None:
    """Throw the renders of a job away if Blender said about them that they are not what was asked for."""
    log = layout.job_log(job.job_id)
    sys.stderr.flush()
    if found := bad_message(log):
        shutil.rmtree(layout.renders(job.job_id), ignore_errors=True)
        forget_messages(log)
        raise BadPicture(*found)


def _choose_device() -> str:
    """Find the device that the run asked for; returns a line for the user, or nothing.

    Raises:
        EnvironmentFault: it is not there.
    """
    from rdharmony_gen.blender import device

    index = int(os.environ.get("RDHARMONY_GPU_INDEX", "0"))
    _State.device = device.choose(os.environ.get("RDHARMONY_DEVICE", "cpu"), index)
    return _State.device.note


def _listen(jobs: SimpleQueue[str | None]) -> None:
    """Standard input to a queue; its end means no more jobs, or during a pool's job that the pool is gone."""
    for line in sys.stdin:
        jobs.put(line.rstrip("\n"))
    if _State.step and os.environ.get("RDHARMONY_POOL"):
        os._exit(1)
    jobs.put(None)


def _cpu_seconds() -> float:
    return time.process_time()


def _die_with_parent() -> None:
    """Ask Linux to kill this process when the pool dies, however it dies; elsewhere the end of its input tells it."""
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
