# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool of worker processes over job files: progress, timeouts, one retry, and an end that leaves nothing half-done.

A job is files in and files out, so the pool keeps no state of its own: after any kill the same call does the rest.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import msgspec

from harmonize_core.errors import OutputError
from rdharmony_gen.spec.layout import SetLayout

JOBS_PER_PROCESS = 12
"""A worker is replaced after so many jobs: Blender's memory only grows."""
ATTEMPTS = 2


@dataclass(frozen=True)
class Failure:
    """A job that could not be done, as a line of `failures.jsonl`."""

    job: str
    reason: str
    """Class: placement, input, dataset, memory, timeout, crash, error."""
    message: str
    log: str
    """Path below the set's root."""


@dataclass(frozen=True)
class PoolOptions:
    """How the pool works; nothing here changes a byte of the result."""

    workers: int = 1
    steps: str = "render,compose"
    keep_renders: bool = False
    timeout_s: float = 1800.0
    """Longest time without a finished file before a worker is taken for stuck."""
    lock_fd: int | None = None
    """Passed on to the workers, so that the set stays locked while any of them lives."""


@dataclass
class _Worker:
    number: int
    process: subprocess.Popen[str]
    stdin: IO[str]
    log: Path
    jobs_given: int = 0
    job: Path | None = None
    stuck: bool = False
    last_sign: float = field(default_factory=time.monotonic)


Event = dict[str, Any]
OnEvent = Callable[[Event], None]


def run_pool(layout: SetLayout, jobs: list[Path], options: PoolOptions, on_event: OnEvent) -> list[Failure]:
    """Run all job files; returns the ones that failed twice.

    Args:
        layout: The set.
        jobs: Job files.
        options: Number of workers, steps, timeout.
        on_event: Gets every event of every worker: started, file, rendered, composed, done, failed.

    Raises:
        OutputError: a worker met a full disk or a folder without rights; the whole run stops at once.
    """
    waiting = deque(jobs)
    tries: dict[Path, int] = {}
    failures: list[Failure] = []
    inbox: SimpleQueue[tuple[_Worker, Event]] = SimpleQueue()
    with _workers() as team:
        while waiting or any(w.job for w in team):
            _hire(team, waiting, layout, options, inbox)
            try:
                worker, event = inbox.get(timeout=0.5)
            except Empty:
                _check_clock(team, options.timeout_s)
                continue
            worker.last_sign = time.monotonic()
            if event["event"] == "ended":
                if worker in team:
                    team.remove(worker)
                if worker.job is None:
                    continue
                event = _crash(worker, event, options.timeout_s)
            if event["event"] == "failed":
                if event["fatal"]:
                    raise OutputError(event["message"])
                path, worker.job = worker.job or Path(event["path"]), None
                tries[path] = tries.get(path, 0) + 1
                if tries[path] < ATTEMPTS:
                    waiting.append(path)
                    continue
                failures.append(_failure(layout, path, event, worker))
            if event["event"] == "done":
                worker.job = None
            on_event(event)
    order = {path: i for i, path in enumerate(jobs)}
    return sorted(failures, key=lambda f: order[layout.job(f.job)])


@contextlib.contextmanager
def _workers() -> Generator[list[_Worker]]:
    """A team that is gone when the block ends: idle ones leave by themselves, busy ones are killed."""
    team: list[_Worker] = []
    try:
        yield team
    finally:
        for worker in team:
            if worker.job is not None:
                worker.process.kill()
            with contextlib.suppress(OSError):
                worker.stdin.close()
        for worker in team:
            try:
                worker.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()


def _hire(
    team: list[_Worker], waiting: deque[Path], layout: SetLayout, options: PoolOptions, inbox: SimpleQueue
) -> None:
    """Give every idle worker a job; start workers while there are jobs for them and retire the old ones."""
    for worker in [w for w in team if w.job is None and w.jobs_given >= JOBS_PER_PROCESS]:
        worker.stdin.close()
        team.remove(worker)
    while len(team) < min(options.workers, len(waiting) + sum(w.job is not None for w in team)):
        taken = {w.number for w in team}
        number = next(n for n in range(1, options.workers + 1) if n not in taken)
        team.append(_start(number, layout, options, inbox))
    for worker in team:
        if worker.job is None and waiting:
            worker.job, worker.last_sign = waiting.popleft(), time.monotonic()
            worker.jobs_given += 1
            with contextlib.suppress(OSError):  # a worker that just died reports through its "ended" event
                worker.stdin.write(f"{worker.job}\n")
                worker.stdin.flush()


def _start(number: int, layout: SetLayout, options: PoolOptions, inbox: SimpleQueue) -> _Worker:
    layout.logs.mkdir(parents=True, exist_ok=True)
    log = layout.logs / f"worker-{number}.log"
    command = [sys.executable, "-m", "rdharmony_gen.run.worker", str(layout.root), "--steps", options.steps]
    share = f"{number}/{options.workers}"
    with open(log, "ab") as stderr:
        process = subprocess.Popen(
            command + ["--keep-renders"] * options.keep_renders,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            bufsize=1,
            env={**os.environ, "RDHARMONY_POOL": str(os.getpid()), "RDHARMONY_SHARE": share},
            pass_fds=() if options.lock_fd is None else (options.lock_fd,),
            start_new_session=True,  # Ctrl-C reaches the pool alone, which then ends its workers
        )
    assert process.stdin is not None
    worker = _Worker(number, process, process.stdin, log)
    threading.Thread(target=_listen, args=(worker, inbox), daemon=True).start()
    return worker


def _listen(worker: _Worker, inbox: SimpleQueue) -> None:
    """Events of one worker into the inbox, and its end as the last one."""
    for line in worker.process.stdout or ():
        with contextlib.suppress(msgspec.DecodeError):
            inbox.put((worker, msgspec.json.decode(line)))
    inbox.put((worker, {"event": "ended", "code": worker.process.wait()}))


def _check_clock(team: list[_Worker], timeout_s: float) -> None:
    for worker in team:
        if worker.job is not None and time.monotonic() - worker.last_sign > timeout_s:
            worker.stuck = True
            worker.process.kill()


def _crash(worker: _Worker, event: Event, timeout_s: float) -> Event:
    """The failure of the job at which a worker ended."""
    if worker.stuck:
        message = f"no picture was finished in {timeout_s:.0f} s; raise --timeout-s or lower --samples"
        return {"event": "failed", "reason": "timeout", "message": message, "fatal": False}
    code = event["code"]
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    hint = " (the system kills processes this way when memory runs out)" if code == -9 else ""
    return {"event": "failed", "reason": "crash", "message": f"the worker ended with {how}{hint}", "fatal": False}


def _failure(layout: SetLayout, path: Path, event: Event, worker: _Worker) -> Failure:
    job = f"{path.parent.name}/{path.stem}"
    return Failure(job, event["reason"], event["message"], str(worker.log.relative_to(layout.root)))
