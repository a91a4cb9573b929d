# SPDX-License-Identifier: Apache-2.0
"""The log of a run: `metrics.jsonl` is the truth, `metrics.csv` a table of it, TensorBoard beside it when installed.

Lines hold `step`, `kind` ("train" or "validate"), `seconds` since the start of the run, and numbers by name.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import OutputError
from harmonize_core.formats.images import write_text

Kind = Literal["train", "validate"]


class MetricsLog:
    """Appends lines; on resume, lines after the checkpoint's step are dropped first, so that none is there twice."""

    def __init__(self, run: Path, *, resume_step: int) -> None:
        """Args: `resume_step` is the number of finished steps; 0 starts a new log."""
        self.path = run / "metrics.jsonl"
        kept = [row for row in read_log(run) if row["step"] <= resume_step] if resume_step else []
        self._validated = {row["step"] for row in kept if row["kind"] == "validate"}
        self._start(kept)
        self._board = _tensorboard(run / "tensorboard", resume_step)

    def _start(self, rows: list[dict[str, Any]]) -> None:
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in rows))
        self._file = open(self.path, "a", encoding="utf-8")

    def write(self, step: int, kind: Kind, seconds: float, values: dict[str, float]) -> None:
        """One line, flushed to the file; a second validation of a step (a finished run resumed) replaces the first.

        Raises:
            OutputError: the disk is full.
        """
        row = {"step": step, "kind": kind, "seconds": round(seconds, 3), **values}
        if kind == "validate" and step in self._validated:
            self._file.close()
            self._start([r for r in read_log(self.path.parent) if (r["kind"], r["step"]) != (kind, step)])
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        except OSError as error:
            what = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            raise OutputError(f"{self.path} could not be written ({what}); make room, then --resume") from error
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """A picture (H, W, 3) for TensorBoard, where it is installed."""
        if self._board is not None:
            self._board.add_image(name, pixels, step, dataformats="HWC")

    def write_csv(self) -> None:
        """Rewrite `metrics.csv` from the lines so far: one column per name, empty where a line has none."""
        self._file.flush()
        rows = read_log(self.path.parent)
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path.with_suffix(".csv"), text.getvalue())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(run: Path) -> list[dict[str, Any]]:
    """All whole lines of a run's `metrics.jsonl`; a last line cut off by a kill is ignored."""
    path = run / "metrics.jsonl"
    rows = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows


def environment(device: str) -> dict[str, Any]:
    """What a run ran on: versions, machine, command line, git commit when there is one."""
    packages = {}
    for name in ("rdharmony", "torch", "numpy", "opencv-python-headless", "pillow"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            packages[name] = metadata.version(name)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": device,
        "packages": packages,
        "git": git_commit(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def git_commit() -> str:
    """Commit of the source tree this package lies in, "unknown" outside a repository."""
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def _tensorboard(folder: Path, resume_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=resume_step + 1 if resume_step else 0)  # what is repeated is hidden
