# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does which job, so that any number of runs on any number of machines share one folder.

A *run* is a process that hands out jobs. Its file in `.rdharmony/runs/` tells its heartbeat by the time of its last
change, and the run keeps a kernel lock on it. A *claim* is a file `.rdharmony/claims/<job>.<n>` that names a run:
making it is atomic and the highest number holds, so a job of a dead run is taken over by making the next number.

A run is dead when its kernel lock is free (on the same machine: at once), or when its heartbeat stood still for the
lease on the observer's clock (of another machine: the file system need not share locks).
Two runs that hold one job after all, say one that slept longer than its lease, write the same bytes twice.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harmonize_core.errors import HarmonizeError, OutputError
from harmonize_core.formats.lock import is_locked, try_lock
from rdharmony_gen.spec.codec import decode, encode
from rdharmony_gen.spec.layout import SetLayout

T = TypeVar("T")

HEARTBEAT_S = 15.0
LEASE_S = 180.0
"""A run of another machine without a sign for so long is dead. Network file systems show a change up to 60 s late."""
MARGIN_S = 120.0
"""A run whose last sign is older than ours by the lease and this is dead at first sight; clocks may differ by less."""
MAX_LOST = 3
"""A job that so many machines were lost with is not given to another one."""


@dataclass(frozen=True)
class Run:
    """What a run says about itself."""

    id: str
    host: str
    boot: str
    """Which start of which kernel; the same text means the same machine."""
    pid: int


@dataclass(frozen=True)
class Claim:
    """A job that this run holds."""

    job: str
    number: int
    run: str
    lost: int
    """How many machines were lost while they held this job."""


class Register:
    """The runs and claims of one set, seen from one run."""

    def __init__(self, layout: SetLayout, *, lease_s: float = LEASE_S) -> None:
        host = platform.node() or "unknown"
        self.run = Run(f"{_plain(host)}-{os.getpid()}-{os.urandom(3).hex()}", host, _boot(), os.getpid())
        self.lease_s = lease_s
        self.lock_fd = -1
        """Worker processes inherit it, so a run counts as alive while one of them works."""
        self._runs, self._claims = layout.state / "runs", layout.state / "claims"
        self._signs: dict[str, tuple[int, float]] = {}
        self._last_beat = time.monotonic()

    def __enter__(self) -> Register:
        with _writing(self._runs):
            self._sign_in()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            for claim in self._claims.rglob("*.*"):
                if (found := _read(claim, Claim)) and found.run == self.run.id:
                    claim.unlink(missing_ok=True)
            self._file(self.run.id).unlink(missing_ok=True)
        os.close(self.lock_fd)

    def beat(self) -> None:
        """Show that this run is alive; cheap enough to be called all the time."""
        if time.monotonic() - self._last_beat < min(HEARTBEAT_S, self.lease_s / 4):
            return
        self._last_beat = time.monotonic()
        try:
            os.utime(self._file(self.run.id))
        except FileNotFoundError:  # it slept so long that it was swept away
            os.close(self.lock_fd)
            with _writing(self._runs):
                self._sign_in()
        except OSError:  # a network folder that is away for a moment; if it stays away, the work itself fails
            return

    def others(self) -> list[Run]:
        """Other runs on this set that are not known to be dead."""
        found = [_read(path, Run) for path in sorted(self._runs.glob("*.json"))]
        return [run for run in found if run and run.id != self.run.id and self.is_alive(run.id)]

    def holders(self) -> dict[str, str]:
        """Jobs that living runs hold, and which run each."""
        found: dict[str, tuple[int, str]] = {}
        for path in self._claims.rglob("*.*"):
            claim = _read(path, Claim)
            if claim and claim.number > found.get(claim.job, (0, ""))[0]:
                found[claim.job] = (claim.number, claim.run)
        return {job: run for job, (_, run) in found.items() if self.is_alive(run)}

    def last_sign(self, run_id: str) -> float:
        """When a run was last seen, seconds since 1970 by the clock of the file system; 0 if never."""
        try:
            return self._file(run_id).stat().st_mtime
        except OSError:
            return 0.0

    def is_alive(self, run_id: str) -> bool:
        """Whether a run may still be at work."""
        path = self._file(run_id)
        try:
            sign = path.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        run = _read(path, Run)
        if run and run.boot == self.run.boot and (locked := is_locked(path)) is not None:
            return locked
        with contextlib.suppress(OSError):  # far behind our own sign, by the clock of the file server
            if self._file(self.run.id).stat().st_mtime_ns - sign > (self.lease_s + MARGIN_S) * 1e9:
                return False
        return not self._stands_still(run_id, sign)

    def claim(self, job_id: str) -> Claim | None:
        """Take a job, or None if a living run holds it."""
        held = self._held(job_id)
        number, lost = 1, 0
        if held:
            number, claim = held
            if self.is_alive(claim.run) if claim else not self._stands_still(f"{job_id}.{number}", 0):
                return None
            lost = claim.lost + self._is_elsewhere(claim.run) if claim else 0
            number += 1
        mine = Claim(job_id, number, self.run.id, lost)
        if not create(self._path(job_id, number), encode(mine)):
            return None
        if not self.holds(mine):
            self.release(mine)
            return None
        for older in range(1, number):
            self._path(job_id, older).unlink(missing_ok=True)
        return mine

    def holds(self, claim: Claim) -> bool:
        """Whether nobody took the job over meanwhile."""
        held = self._held(claim.job)
        return held is not None and held[1] == claim

    def release(self, claim: Claim) -> None:
        """Give a job back."""
        with contextlib.suppress(OSError):
            self._path(claim.job, claim.number).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Forget dead runs and their claims; only for a run that is alone."""
        for path in self._claims.rglob("*.*"):
            claim = _read(path, Claim)
            if claim is None or not self.is_alive(claim.run):
                path.unlink(missing_ok=True)
        for path in self._runs.glob("*.json"):
            if not self.is_alive(path.stem):
                path.unlink(missing_ok=True)

    def _sign_in(self) -> None:
        """Our file appears whole and locked."""
        path = self._file(self.run.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.stem}.partial")
        self.lock_fd = os.open(partial, os.O_RDWR | os.O_CREAT, 0o644)
        try_lock(self.lock_fd)
        os.write(self.lock_fd, encode(self.run).encode())
        os.replace(partial, path)

    def _held(self, job_id: str) -> tuple[int, Claim | None] | None:
        """Number and text of the claim that holds a job; the text is None if it cannot be read."""
        folder = self._path(job_id, 0).parent
        stem = self._path(job_id, 0).stem
        try:
            names = [n.rpartition(".") for n in os.listdir(folder)]
        except FileNotFoundError:
            return None
        numbers = [int(n) for s, _, n in names if s == stem and n.isdecimal()]
        if not numbers:
            return None
        return max(numbers), _read(self._path(job_id, max(numbers)), Claim)

    def _stands_still(self, what: str, sign: int) -> bool:
        """Whether a sign has been the same for the lease, by our clock, since we first saw it."""
        last, since = self._signs.get(what, (None, 0.0))
        if last != sign:
            self._signs[what] = (sign, time.monotonic())
            return False
        return time.monotonic() - since >= self.lease_s

    def _is_elsewhere(self, run_id: str) -> bool:
        run = _read(self._file(run_id), Run)
        return run is not None and run.boot != self.run.boot

    def _file(self, run_id: str) -> Path:
        return self._runs / f"{run_id}.json"

    def _path(self, job_id: str, number: int) -> Path:
        return self._claims / f"{job_id}.{number}"


def create(path: Path, text: str) -> bool:
    """A whole new file in one step, as no two can make it; False if there is one.

    Raises:
        OutputError: its folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.partial")
    with _writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(text, encoding="utf-8")
            os.link(partial, path)
        except FileExistsError:
            return False
        except OSError:
            if not partial.is_file() or partial.stat().st_size != len(text.encode()):
                raise
            with contextlib.suppress(FileExistsError), open(path, "x", encoding="utf-8") as file:
                file.write(text)  # a file system without links
                return True
            return False
        finally:
            partial.unlink(missing_ok=True)
    return True


def _read(path: Path, cls: type[T]) -> T | None:
    try:
        return decode(path, cls)
    except HarmonizeError:
        return None


@contextlib.contextmanager
def _writing(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written to ({error.strerror}); free space there or choose a folder you may write to"
        ) from None


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return platform.node()


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)[:60]
