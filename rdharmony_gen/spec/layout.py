# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of a generated set lies below its root; see docs/dataset_format.md.

`.rdharmony/` is the generator's own (lock, logs, timings, records of finished views): not part of the set. It may be
deleted while no run is at work; finished views are then known from manifest.jsonl.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import DatasetError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


def inside(root: Path, name: str) -> Path:
    """The path of a file that a list of the set names; it need not exist.

    Raises:
        DatasetError: the name, or a link on the way, leaves the set, or what is there is no plain file.
    """
    shown = name if len(name) <= 200 else f"{name[:200]}..."
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
        raise DatasetError(
            f"{root} lists {shown!r}, which leaves the data set; get the set again from a place you trust"
        )
    if len(name) > 1000 or not _NAME.fullmatch(name):
        raise DatasetError(f"{root} lists {shown!r}, which is not a name that files of a set have; get the set again")
    path, real_root = root / name, os.path.realpath(root)
    real = os.path.realpath(path)
    if not real.startswith(real_root.rstrip(os.sep) + os.sep):
        raise DatasetError(f"{path} is a link that leaves the data set; put the file itself there")
    try:
        mode = os.stat(real).st_mode
    except OSError:
        return path
    if not stat.S_ISREG(mode):
        raise DatasetError(f"{path} should be a plain file but is not; remove it and make its view again")
    return path


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

    def version(self, program: str) -> Path:
        """Which version of a program the set was begun with."""
        return self.state / "versions" / program

    def job_log(self, job_id: str) -> Path:
        """What was printed while a job was worked on; removed when it is done."""
        return self.logs / f"{job_id}.log"

    def failed(self, job_id: str) -> Path:
        """Why a job failed; its presence means that no run tries it again until the set is taken up anew."""
        return self.state / "failed" / f"{job_id}.json"

    def job(self, job_id: str) -> Path:
        return self.root / "jobs" / f"{job_id}.json"

    def renders(self, job_id: str) -> Path:
        return self.root / "renders" / job_id

    @property
    def linear(self) -> Path:
        """Light for training on the fly, a file a view; not looked into by `validate`."""
        return self.root / "linear"

    def view_record(self, job_id: str) -> Path:
        """Manifest lines of one composed view; its presence means that the view's pictures are whole."""
        return self.state / "views" / f"{job_id}.json"

    def split(self, name: str) -> Path:
        """RdHarmony layout: composites of one split."""
        return self.root / "splits" / f"{name}.txt"

    def labels(self, folder: str) -> Path:
        """RdHarmony layout: composites of a category with their style labels."""
        return self.root / folder / f"{folder}_all_labeled.txt"

    def root_list(self, split: str) -> Path:
        """iHarmony4 layout: composites of one split as paths."""
        return self.root / f"IHD_{split}.txt"

    def subset_list(self, folder: str, split: str) -> Path:
        """iHarmony4 layout: composites of a category in one split as bare names."""
        return self.root / folder / f"{folder}_{split}.txt"
