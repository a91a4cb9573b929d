# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of a generated set lies below its root; see docs/dataset_format.md.

`.rdharmony/` is the generator's own (lock, logs, timings, records of finished views): not part of the set. It may be
deleted while no run is at work; finished views are then known from manifest.jsonl.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SetLayout:
    """Paths of the set at `root`."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "jobs" / "spec.json"

    @property
    def dataset(self) -> Path:
        return self.root / "dataset.json"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.jsonl"

    @property
    def failures(self) -> Path:
        return self.root / "failures.jsonl"

    @property
    def credits(self) -> Path:
        return self.root / "CREDITS.md"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def state(self) -> Path:
        return self.root / ".rdharmony"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def timings(self) -> Path:
        return self.state / "timings.jsonl"

    def job(self, job_id: str) -> Path:
        return self.root / "jobs" / f"{job_id}.json"

    def renders(self, job_id: str) -> Path:
        return self.root / "renders" / job_id

    def view_record(self, job_id: str) -> Path:
        """Manifest lines of one composed view; its presence means that the view's pictures are whole."""
        return self.state / "views" / f"{job_id}.json"

    def split(self, name: str) -> Path:
        return self.root / "splits" / f"{name}.txt"

    def labels(self, folder: str) -> Path:
        return self.root / folder / f"{folder}_all_labeled.txt"
