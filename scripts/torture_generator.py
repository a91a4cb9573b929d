# SPDX-License-Identifier: Apache-2.0
"""Kill `rdharmony make` again and again, workers and parent alike, and compare the result with an undisturbed run.

    python scripts/torture_generator.py                 # 50 kills -9 of a set of 4 views
    python scripts/torture_generator.py --kills 20 --views 2 --seed 3

Half of the kills come at a random moment, soon: most hit a run that starts. The others wait until the set has one more
file, and up to the mean time of a file more, so that plan, renders, composites, lists and report are all cut off, at
any moment of each. The last line counts kills by what the set's newest file was a part of.
Every finished set must equal the undisturbed one byte for byte; then the next round begins on an empty folder. At the
end no temporary file and no process may be left. Linux only (it finds workers in /proc). Exit code 0 if all is well.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import tyro


@dataclass(frozen=True)
class Torture:
    """Options of the script."""

    kills: int = 50
    views: int = 4
    scenes: tuple[str, ...] = ("park", "city_corner")
    workers: int = 2
    size: str = "64x64"
    samples: int = 2
    styles: tuple[str, ...] = ("noon_clear", "sunrise_sunset_clear", "night")
    seed: int = 0
    """Of the moments and victims; the set itself always has seed 3."""
    work: Path | None = None
    """Folder to work in; a temporary one if none is given, removed if all is well."""

    @property
    def recipe(self) -> list[str]:
        numbers = ["--views", self.views, "--size", self.size, "--samples", self.samples, "--seed", 3]
        return [*map(str, numbers), "--keep-renders", "--scenes", *self.scenes, "--styles", *self.styles]


def content(root: Path) -> dict[str, bytes]:
    """Bytes of everything that belongs to a set."""
    files = [p for p in sorted(root.rglob("*")) if p.is_file() and ".rdharmony" not in p.relative_to(root).parts]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def files(root: Path) -> set[str]:
    """Names of the finished files of a set that may be gone at any moment; those of claims and temporary ones not."""
    names: set[str] = set()
    for folder, below, found in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        names.update(os.path.join(folder, name) for name in found if not name.startswith("."))
    return names


def stage_of(root: Path) -> str:
    """What the newest finished file of a set is a part of."""
    dated: list[tuple[int, str]] = []
    for name in files(root):
        with contextlib.suppress(OSError):
            dated.append((os.stat(name).st_mtime_ns, name))
    if not dated:
        return "start"
    top = Path(max(dated)[1]).relative_to(root).parts[0]
    return {"jobs": "plan", "renders": "render", "report": "report"}.get(top, "compose" if top[0] == "S" else "lists")


def descendants(pid: int) -> list[int]:
    """Processes below a process, by /proc."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
        except (OSError, ValueError):
            continue
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


@dataclass
class Run:
    """`rdharmony make` on one folder, started again whenever it is gone."""

    out: Path
    arguments: list[str]
    env: dict[str, str]
    process: subprocess.Popen | None = None
    patience_s: float = 3600.0
    """A run that makes no file, or does not end, for so long is taken for stuck."""
    ends: Counter[str] = field(default_factory=Counter)
    """Kills by victim."""
    stages: Counter[str] = field(default_factory=Counter)
    """Kills by stage."""

    @property
    def log(self) -> Path:
        return self.out.parent / f"{self.out.name}.log"

    def begin(self) -> None:
        command = [sys.executable, "-m", "rdharmony_gen", "make", str(self.out), *self.arguments, "--quiet"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.env)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self, rng: random.Random) -> bool:
        """Kill -9 the parent or one of its workers; False if neither was to be had."""
        assert self.process is not None
        workers = descendants(self.process.pid)
        victim = rng.choice(workers) if workers and rng.random() < 0.6 else self.process.pid
        stage = stage_of(self.out)
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return False
        who = "parent" if victim == self.process.pid else "worker"
        self.ends[who] += 1
        self.stages[stage] += 1
        if who == "parent":
            self.process.wait()
        return True

    def wait(self, rng: random.Random, soon_s: float, file_s: float) -> None:
        """Until the moment of the next kill, or the end of the run.

        Args:
            rng: Draws the moment.
            soon_s: Latest moment of a kill that waits for no file.
            file_s: Longest time after a new file.
        """
        assert self.process is not None
        longest = soon_s
        if rng.random() < 0.5:
            longest = file_s
            before, deadline = files(self.out), time.monotonic() + self.patience_s
            while self.alive() and files(self.out) <= before:
                if time.monotonic() > deadline:
                    self._stuck()
                time.sleep(rng.uniform(0.005, 0.05))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(rng.uniform(0, longest))

    def finish(self) -> None:
        """Until a whole run ends well; views that were given up after kills are tried again."""
        for _ in range(4):
            if not self.alive():
                self.begin()
            assert self.process is not None
            try:
                if self.process.wait(self.patience_s) == 0:
                    return
            except subprocess.TimeoutExpired:
                self._stuck()
        sys.exit(f"error: no undisturbed run ended well; see {self.log}")

    def _stuck(self) -> NoReturn:
        """End the run and the script; workers leave once their parent is gone."""
        assert self.process is not None
        self.process.kill()
        sys.exit(f"error: a run showed no sign for {self.patience_s:.0f} s, at {stage_of(self.out)}; see {self.log}")


def main(options: Torture) -> None:
    work = options.work or Path(tempfile.mkdtemp(prefix="torture-"))
    work.mkdir(parents=True, exist_ok=True)
    temporary = work / "tmp"
    temporary.mkdir(exist_ok=True)
    env = {**os.environ, "TMPDIR": str(temporary)}
    started = time.monotonic()
    Run(work / "undisturbed", [*options.recipe, "--workers", "1"], env).finish()
    seconds = time.monotonic() - started
    wanted = content(work / "undisturbed")
    print(f"undisturbed: {len(wanted)} files in {seconds:.0f} s", flush=True)

    rng, kills, rounds = random.Random(options.seed), 0, 0
    run = Run(work / "tortured", [*options.recipe, "--workers", str(options.workers)], env)
    run.patience_s = 10 * seconds + 60
    while kills < options.kills:
        if not run.alive():
            if run.process is not None and run.process.returncode == 0:
                rounds += _compare(wanted, run.out)
                shutil.rmtree(run.out)
            run.begin()
        run.wait(rng, seconds / 10, seconds / len(wanted))
        kills += run.alive() and run.kill(rng)
    run.finish()
    rounds += _compare(wanted, run.out)
    _nothing_is_left(run.out, temporary)
    victims = ", ".join(f"{count} of {who}s" for who, count in sorted(run.ends.items()))
    stages = ", ".join(f"{count} at {stage}" for stage, count in sorted(run.stages.items()))
    took = time.monotonic() - started
    print(f"{kills} kills ({victims}; {stages}), {rounds} sets finished, every byte as undisturbed, in {took:.0f} s")
    if options.work is None:
        shutil.rmtree(work)


def _compare(wanted: dict[str, bytes], out: Path) -> int:
    found = content(out)
    different = sorted(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))
    if different:
        sys.exit(f"error: {len(different)} of {len(wanted)} files differ in {out}, the first: {different[:5]}")
    return 1


def _nothing_is_left(out: Path, temporary: Path) -> None:
    """No process, no claim, no temporary file of all the killed runs."""
    deadline = time.monotonic() + 10
    while alive := [p.parent.name for p in Path("/proc").glob("[0-9]*/cmdline") if _names(p, out)]:
        if time.monotonic() > deadline:
            sys.exit(f"error: processes are left: {', '.join(alive)}")
        time.sleep(0.2)
    left = [p for p in (out / ".rdharmony" / "claims").rglob("*") if p.is_file()]
    left += [p for p in temporary.rglob("*") if p.name not in ("lock", f"rdharmony-{os.getuid()}")]
    if left:
        sys.exit(f"error: files are left: {', '.join(map(str, left[:5]))}")


def _names(cmdline: Path, out: Path) -> bool:
    try:
        return str(out).encode() in cmdline.read_bytes().split(b"\0")
    except OSError:
        return False


if __name__ == "__main__":
    main(tyro.cli(Torture, description=__doc__))
