# SPDX-License-Identifier: GPL-3.0-or-later
"""A render job: one view under ten capture conditions, as a JSON file that any machine can turn into renders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from harmonize_core.formats.images import write_text
from rdharmony_gen.spec.clip import ClipPlan, frame_folder
from rdharmony_gen.spec.codec import decode, encode
from rdharmony_gen.spec.condition import ConditionSpec
from rdharmony_gen.spec.user_files import UserCharacter, UserScene

Strategy = Literal["shared", "fresh"]
Renderer = Literal["cycles", "eevee"]
Device = Literal["auto", "cpu", "cuda", "optix", "hip", "metal", "oneapi"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
RENDERERS: tuple[Renderer, ...] = get_args(Renderer)
DEVICES: tuple[Device, ...] = get_args(Device)
SAMPLES: dict[Strategy, int] = {"shared": 12, "fresh": 64}
"""Paths a pixel where nobody says otherwise: for each direction of the sun, or for each picture."""


@dataclass(frozen=True)
class RenderJob:
    """One camera view with one foreground object, to be rendered once per capture condition.

    The numbers of the scene, the camera and the placement are drawn from `seed`, `scene`, `variation` and `view`
    (see `sampling.rng.rng_for`); those of the light are written out in `conditions`.
    """

    job_id: str
    """`<Folder>/<scene_id>`, for instance `SHuman/park_00_v000`; also the folder of the job's renders."""
    category: str
    """What stands in the foreground: a key of `harmonize_core.formats.rdharmony.CATEGORY_FOLDERS`."""
    scene: str
    """Which place is built: a name in `rdharmony_gen.spec.scenes.SCENES`."""
    scene_id: str
    """Kind, variation and view, for instance `park_00_v000`; holds no "-"."""
    variation: int
    """Number of the seeded variant of the place; views of one variation share the place."""
    view: int
    """Number of the camera view among the category's views, from 0."""
    seed: int
    """The data set's root seed, 0 or more."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    samples: int
    """Path-tracing samples a pixel, before denoising: of each direction of the sun, or of each picture."""
    conditions: tuple[ConditionSpec, ...]
    """The ten capture conditions in the order of their style numbers 1..10."""
    subjects: int = 1
    """How many foregrounds the view shows, 1 to 4."""
    characters: tuple[UserCharacter, ...] = ()
    """Files of the user's own from which the subjects are drawn, in place of the packaged assets."""
    user_scene: UserScene | None = None
    """The file that is the place, in place of a scene of this program."""
    strategy: Strategy = "shared"
    """Whether conditions share renders or are rendered one by one, each from scratch."""
    renderer: Renderer = "cycles"
    """The path tracer, or Blender's rasteriser, which renders one by one."""
    denoise: bool = True
    """Off for references only, which are rendered one by one with very many samples."""
    clip: ClipPlan | None = None
    """What moves; None for a still."""

    @property
    def folder(self) -> str:
        """Folder of the category, for instance `SHuman`."""
        return self.job_id.partition("/")[0]

    @property
    def renders(self) -> list[str]:
        """Names of the files that the job is done with, in its folder of renders; `view.json` is written last."""
        pictures = ["coverage.exr", *(f"{c.style}.exr" for c in self.conditions)]
        if self.clip is None:
            return ["view.json", *pictures]
        folders = [frame_folder(i) for i in range(self.clip.frames)]
        return ["view.json", *(f"{folder}/{name}" for folder in folders for name in (*pictures, "aux.exr"))]


def write_job(path: Path, job: RenderJob) -> None:
    """Write `job` as readable JSON, atomically; equal jobs give equal bytes."""
    write_text(path, encode(job))


def read_job(path: Path) -> RenderJob:
    """Read a job file.

    Raises:
        InputError: the file does not exist.
        ConfigError: it is not a job: a key is unknown or missing, or a value has the wrong type.
    """
    return decode(path, RenderJob)
