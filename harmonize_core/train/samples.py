# SPDX-License-Identifier: Apache-2.0
"""What a validation looked like: strips of the same few held-out triplets every time, the worst cases, every number.

`samples/step-00000100/` in the run's folder holds `rendered-0.jpg`, ... (composite | mask | harmonized | real),
`rendered-worst-0.jpg`, ... and `samples.json`. It appears whole or not at all. Worst cases and the numbers of every
triplet are kept for the newest validation only; the pictures come from the pass that measures, nothing is computed
twice.
"""

from __future__ import annotations

import contextlib
import heapq
import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from harmonize_core.data.dataset import Batch, Movable, SampleSource
from harmonize_core.formats.images import write_bytes, write_text
from harmonize_core.formats.triplet import Domain

FORMAT = "harmonize-samples/1"
PANELS = ("composite", "mask", "harmonized", "real")
SHOWN, WORST = 6, 6
"""Strips of each domain."""
SIDE = 256
"""Largest side of a panel in pixels."""
QUALITY = 88
LEAST_FMSE = 1.0
"""An fMSE of the composite below this counts as this: what is nearly right already has no ratio worth ranking by."""


@dataclass(frozen=True)
class Seen:
    """A part of a validation: n triplets of one domain, all on the device of the network."""

    domain: Domain
    indices: Sequence[int]
    """(n,) which triplets of the held-out set."""
    rows: Sequence[int]
    """(n,) their rows in the tensors; other rows stand in for triplets that cannot be read."""
    batch: Batch
    harmonized: Tensor
    """(B, 3, S, S) sRGB in [0, 1]."""
    fmse: Sequence[float]
    """(n,) of the harmonized images, 0..255 scale."""
    fmse_composite: Sequence[float]
    """(n,)"""


@dataclass(frozen=True)
class Case:
    """One held-out triplet at one validation."""

    name: str
    fmse: float
    fmse_composite: float
    strip: NDArray[np.uint8] | None = None
    """(S, 4 S, 3) sRGB; None where no picture is kept."""

    @property
    def ratio(self) -> float:
        """How much of the composite's error is left; above 1 the network did harm."""
        return self.fmse / max(self.fmse_composite, LEAST_FMSE)

    def facts(self, file: str) -> dict[str, Any]:
        return {"file": file, "name": self.name, "fmse": self.fmse, "fmse_composite": self.fmse_composite}


class Samples:
    """Collects while `validate` runs over the held-out sets, then saves."""

    def __init__(self, held_out: Mapping[Domain, SampleSource[Movable]]) -> None:
        self._names = {d: [_name(str(t.composite)) for t in dataset.triplets] for d, dataset in held_out.items()}
        self._chosen = {d: spread(len(dataset), SHOWN) for d, dataset in held_out.items()}
        self.shown: dict[Domain, dict[int, Case]] = {d: {} for d in held_out}
        self._cases: dict[Domain, list[Case]] = {d: [] for d in held_out}
        self._worst: dict[Domain, list[tuple[float, int, Case]]] = {d: [] for d in held_out}

    def __call__(self, seen: Seen) -> None:
        """Take in a part; as `validate` calls it."""
        domain = seen.domain
        for index, row, fmse, untouched in zip(seen.indices, seen.rows, seen.fmse, seen.fmse_composite, strict=True):
            case = Case(self._names[domain][index], fmse, untouched)
            self._cases[domain].append(case)
            worst = self._worst[domain]
            bad = len(worst) < WORST or case.ratio > worst[0][0]
            if not bad and index not in self._chosen[domain]:
                continue
            case = Case(case.name, fmse, untouched, _strip(seen, row))
            if index in self._chosen[domain]:
                self.shown[domain][index] = case
            if bad:
                (heapq.heappush if len(worst) < WORST else heapq.heappushpop)(worst, (case.ratio, -index, case))

    def save(self, run: Path, step: int) -> Path:
        """Write the folder of this validation and shrink the older ones; returns it.

        Raises:
            OutputError: the disk is full or the folder cannot be written to.
        """
        folder = folder_of(run, step)
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        domains: dict[str, Any] = {}
        for domain, cases in self._cases.items():
            worst = [case for _, _, case in sorted(self._worst[domain], reverse=True)]
            shown = [case for _, case in sorted(self.shown[domain].items())]
            domains[domain] = {
                "shown": [_write(partial, f"{domain}-{i}.jpg", case) for i, case in enumerate(shown)],
                "worst": [_write(partial, f"{domain}-worst-{i}.jpg", case) for i, case in enumerate(worst)],
                "cases": [[case.name, round(case.fmse, 4), round(case.fmse_composite, 4)] for case in cases],
            }
        write_text(partial / "samples.json", json.dumps({"format": FORMAT, "step": step, "domains": domains}) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        for older in saved(run):
            if older != step:
                _shrink(folder_of(run, older))
        return folder

    def strips(self, domain: Domain) -> NDArray[np.uint8] | None:
        """The shown strips of a domain below each other, (n S, 4 S, 3); None if there are none."""
        strips = [case.strip for _, case in sorted(self.shown[domain].items()) if case.strip is not None]
        return np.concatenate(strips) if strips else None


def saved(run: Path) -> list[int]:
    """Steps of the validations whose samples lie in a run's folder, ascending."""
    names = (re.fullmatch(r"step-(\d{8,})", path.name) for path in (Path(run) / "samples").glob("step-*"))
    return sorted(int(name[1]) for name in names if name)


def folder_of(run: Path, step: int) -> Path:
    """Where the samples of a step lie."""
    return Path(run) / "samples" / f"step-{step:08d}"


def spread(count: int, wanted: int) -> list[int]:
    """Up to `wanted` of `count` indices, evenly spread."""
    return [i * count // wanted for i in range(wanted)] if count > wanted else list(range(count))


def _strip(seen: Seen, row: int) -> NDArray[np.uint8]:
    batch = seen.batch
    parts = [batch.composite[row], batch.mask[row].expand(3, -1, -1), seen.harmonized[row], batch.real[row]]
    panels = torch.stack([part.detach().float() for part in parts])
    if max(panels.shape[2:]) > SIDE:
        panels = functional.interpolate(panels, (SIDE, SIDE), mode="area")
    pixels = (panels.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return np.concatenate(list(pixels), axis=1)


def _write(folder: Path, file: str, case: Case) -> dict[str, Any]:
    data = io.BytesIO()
    Image.fromarray(np.asarray(case.strip)).save(data, "JPEG", quality=QUALITY)
    write_bytes(folder / file, data.getvalue())
    return case.facts(file)


def _shrink(folder: Path) -> None:
    """Drop what is kept for the newest validation only; a folder that cannot be read is left as it is."""
    path = folder / "samples.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if any("cases" in domain for domain in facts["domains"].values()):
            facts["domains"] = {d: {"shown": parts["shown"]} for d, parts in facts["domains"].items()}
            write_text(path, json.dumps(facts) + "\n")
            for picture in folder.glob("*-worst-*.jpg"):
                picture.unlink()


def _name(path: str) -> str:
    """The last parts of a path, which tell a picture of its set apart without saying where the set lies."""
    return "/".join(path.replace("\\", "/").split("/")[-3:])
