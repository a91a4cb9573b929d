# SPDX-License-Identifier: GPL-3.0-or-later
"""Worker processes of this machine, as the pool sees them: give a job, end, and a stream of events."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from rdharmony_gen.run.blender_app import BlenderApp, worker_command
from rdharmony_gen.spec.layout import SetLayout

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


class Worker(Protocol):
    """One Blender somewhere. Its events go to the function it was started with; the last one is `ended`."""

    log: Path

    def give(self, job: Path) -> None:
        """Send a job file; a worker that is already dead says so by its event `ended`."""

    def retire(self) -> None:
        """Let it end when its job is done."""

    def kill(self) -> None:
        """End it now."""

    def wait(self) -> None:
        """Until it has ended."""


class Engine(Protocol):
    """Where workers come from."""

    def room(self) -> int:
        """How many workers there may be at this moment."""

    def start(self, number: int, on_event: OnEvent) -> Worker:
        """Start a worker; `on_event` is called from another thread."""

    def close(self) -> None:
        """After the last worker has ended."""


@dataclass(frozen=True)
class Task:
    """What all workers of a run do."""

    layout: SetLayout
    steps: str
    keep_renders: bool
    app: BlenderApp | None = None
    """The user's own Blender, else the bpy package renders."""


class LocalEngine:
    """As many processes on this machine as were asked for."""

    def __init__(self, task: Task, workers: int, lock_fd: int) -> None:
        self._task, self._workers, self._lock_fd = task, workers, lock_fd

    def room(self) -> int:
        return self._workers

    def start(self, number: int, on_event: OnEvent) -> Worker:
        log = self._task.layout.logs / f"worker-{number}-of-{os.getpid()}.log"
        return LocalWorker(self._task, log, f"{number}/{self._workers}", on_event, self._lock_fd)

    def close(self) -> None:
        pass


class LocalWorker:
    """A process with a pipe in and a pipe out."""

    def __init__(self, task: Task, log: Path, share: str, on_event: OnEvent, lock_fd: int | None = None) -> None:
        """Start it.

        Args:
            task: What it is to do.
            log: Gets what it says outside jobs.
            share: `i/n` of the processors of this machine.
            on_event: Called from a thread of its own.
            lock_fd: A lock that it holds while it lives.
        """
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        arguments = [str(task.layout.root), "--steps", task.steps, *["--keep-renders"] * task.keep_renders]
        command, variables = [sys.executable, "-m", "rdharmony_gen.run.worker", *arguments], {}
        if task.app:
            command, variables = worker_command(task.app, arguments)
        with open(log, "ab") as stderr:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
                env={**os.environ, **variables, "RDHARMONY_POOL": str(os.getpid()), "RDHARMONY_SHARE": share},
                pass_fds=() if lock_fd is None else (lock_fd,),
                start_new_session=True,  # Ctrl-C reaches the pool alone, which then ends its workers
            )
        threading.Thread(target=self._listen, args=(on_event,), daemon=True).start()

    def give(self, job: Path) -> None:
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write(f"{job}\n")
            self._process.stdin.flush()

    def retire(self) -> None:
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> None:
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self, on_event: OnEvent) -> None:
        before = _killed_for_memory()
        for line in self._process.stdout or ():
            with contextlib.suppress(msgspec.DecodeError):
                on_event(msgspec.json.decode(line))
        code = self._process.wait()
        on_event({"event": "ended", "code": code, "oom": code == -9 and _killed_for_memory() > before})
        with contextlib.suppress(OSError):
            if self.log.stat().st_size == 0:
                self.log.unlink()


def _killed_for_memory() -> int:
    """How many processes Linux has killed because memory ran out; 0 where that is not known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
