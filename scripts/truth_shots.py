# SPDX-License-Identifier: Apache-2.0
"""Shots whose harmonious version is known: a character in the light of one style before a place in that of another.

`rdharmony make --clip` renders every place twice, under two capture conditions A and B, in the same motion. The
character of A is cut out as a layer, B without its character is the plate, and B with its own character is the truth.
At soft edges the pure colours of both are estimated first, so the layers laid over each other without any change give
A before B, and those of B laid over each other give the truth: what is measured is light, not edges.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import srgb_to_linear
from harmonize_core.compositing import OPAQUE, separate, soft_pixels
from harmonize_core.errors import EnvironmentFault
from harmonize_core.pull_push import extrapolate
from harmonize_core.runtime import ColorTransform, harmonize_layers
from rdharmony_gen.compose.develop import expose_by
from rdharmony_gen.compose.exchange import BRIGHTEST
from rdharmony_gen.compose.renders import Renders
from rdharmony_gen.compose.view import composed_record
from rdharmony_gen.compose.view_transform import display
from rdharmony_gen.run.steps import existing
from rdharmony_gen.sampling.plan import job_ids
from rdharmony_gen.spec.clip import frame_folder
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.job import RenderJob, read_job
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.records import ClipRecord

Floats = NDArray[np.float32]

RECIPE = {
    "--category": "human",
    "--size": "256x144",
    "--samples": "8",
    "--seed": "20",
    "--clip-pairs": "1",
    "--views-per-scene": "1",
    "--device": "cpu",
}
PLACES = ("city_corner", "street")
"""Those that generated sets hold out for test and validation: no network that we train has seen them."""


@dataclass(frozen=True)
class Frame:
    """One frame of a shot, as the add-on needs it and as it should come out."""

    layer_linear: Floats
    """(H, W, 3) the character under style A: display-linear Rec.709, premultiplied."""
    alpha: Floats
    """(H, W) its coverage in [0, 1]."""
    plate: Floats
    """(H, W, 3) sRGB in [0, 1]: the place under style B; behind the character what is around it is continued."""
    truth: Floats
    """(H, W, 3) sRGB in [0, 1]: the character under style B over that plate."""


@dataclass(frozen=True)
class Shot:
    """One clip of a set, and which of its styles is whose."""

    layout: SetLayout
    spec: DatasetSpec
    job: RenderJob
    record: ClipRecord
    background: int
    """Number of style B."""
    foreground: int
    """Number of style A."""

    @property
    def name(self) -> str:
        """For instance `street_00_v001: night before noon, clear`."""
        styles = {c.style_id: c.style for c in self.job.conditions}
        return f"{self.job.scene_id}: {styles[self.foreground]} before {styles[self.background]}"

    @property
    def frames(self) -> int:
        """How many the shot has."""
        return self.record.view.frames

    def frame(self, index: int) -> Frame:
        """Read one frame, from 0, and cut it into its layers."""
        folder = self.layout.renders(self.job.job_id) / frame_folder(index)
        renders = Renders(folder, self.job)
        geometry = self.record.view.geometry
        coverage = renders.coverage()
        air = renders.air(coverage, geometry | geometry["frames"][index])
        stops = {r.style: r.exposure_ev for r in self.record.reals}
        soft = soft_pixels(coverage)
        straight: dict[int, Floats] = {}
        plates: dict[int, Floats] = {}
        for condition in self.job.conditions:
            style = condition.style_id
            exposed = expose_by(stops[style], renders.light(condition, air), condition)
            pure = separate(np.minimum(exposed, BRIGHTEST), coverage)
            straight[style], plates[style] = exposed.copy(), exposed.copy()
            straight[style][soft], plates[style][soft] = pure.foreground, pure.background

        def layer(style: int) -> Floats:
            shown = srgb_to_linear(display(straight[style], self.spec.view_transform))
            return np.where(coverage[..., None] > 0, shown * coverage[..., None], 0).astype(np.float32)

        behind = extrapolate(plates[self.background], (coverage < OPAQUE).astype(np.float32))
        plate = _in_steps(display(behind, self.spec.view_transform))
        truth = harmonize_layers(ColorTransform.identity(), _in_halves(layer(self.background)), coverage, plate)
        return Frame(_in_halves(layer(self.foreground)), coverage, plate, truth)


def render_shots(folder: Path, shots: int, frames: int) -> None:
    """Render what is missing of the shots, which goes on where it was stopped; the set lies in FOLDER/set.

    Raises:
        EnvironmentFault: the generator failed; its own words are on the console.
    """
    command = [sys.executable, "-m", "rdharmony_gen", "make", str(folder / "set"), "--clip", str(frames)]
    command += ["--views", str(shots), *(word for pair in RECIPE.items() for word in pair)]
    command += ["--scenes", *PLACES, "--keep-renders", "--workers", "1"]
    if subprocess.run(command).returncode:
        raise EnvironmentFault(f"the shots in {folder} were not all rendered; see above, and run again to go on")


def shots_in(folder: Path) -> Iterator[Shot]:
    """The finished shots of FOLDER/set in the order of the plan.

    Raises:
        InputError: there is no set.
    """
    layout, spec = existing(folder / "set")
    for _, _, job_id in job_ids(spec):
        record = composed_record(layout, job_id)
        if isinstance(record, ClipRecord) and layout.renders(job_id).is_dir():
            job = read_job(layout.job(job_id))
            pair = record.triplets[0]
            yield Shot(layout, spec, job, record, pair.bg_style, pair.fg_style)


def _in_halves(layer: Floats) -> Floats:
    """As a half-float file keeps it."""
    return layer.astype(np.float16).astype(np.float32)


def _in_steps(picture: Floats) -> Floats:
    """As an 8-bit file keeps it."""
    return (np.rint(picture * 255) / 255).astype(np.float32)
