# SPDX-License-Identifier: GPL-3.0-or-later
"""Who stands in the foreground: an asset or a file of the user's, in a drawn pose and drawn clothes; put into place."""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from harmonize_core.errors import UnknownName
from rdharmony_gen.blender import clothes, materials, people
from rdharmony_gen.blender.assets import AssetLibrary, ids_of, manifest, vertices
from rdharmony_gen.blender.clothes import Recolour
from rdharmony_gen.blender.framing import Body
from rdharmony_gen.blender.stage import PAINTS, Stage
from rdharmony_gen.sampling.deal import Deck
from rdharmony_gen.spec.condition import RGB
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.user_files import UserCharacter

SMALL = frozenset({"apple", "bottle", "cake", "knife"})
VEHICLES = frozenset({"car", "motorcycle"})
SEAT_M = 0.445
"""Height of the stool that is put under the packaged sitting people."""
FADED = (
    (0.30, 0.20, 0.12),
    (0.42, 0.40, 0.37),
    (0.10, 0.11, 0.12),
    (0.34, 0.10, 0.07),
    (0.12, 0.17, 0.24),
    (0.5, 0.46, 0.38),
)
WALK_FRAMES = 54
WALKERS = 0.6
"""Share of people in clips who are drawn among those who can walk."""


@dataclass(frozen=True)
class Subject:
    """One foreground: what it is and where it stands.

    Attributes:
        asset_id: of the packaged asset, `user:<name>` or, in a scene of the user's, `scene:<object>`.
        frame: of its action, 0 for a static one.
        clip: name of the action of a user's character that has several.
        clothes: new colours of its garments.
        paint: of a packaged vehicle, linear.
        xyz: metres, the point on the ground under it.
        yaw_deg: 0 faces -Y.
        fg_ratio_estimate: share of the frame, from a coarse silhouette, hidden parts taken off.
        hidden_estimate: share of it that the place and other subjects hide.
    """

    asset_id: str
    frame: int = 0
    clip: str = ""
    clothes: tuple[Recolour, ...] = ()
    paint: RGB | None = None
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw_deg: float = 0.0
    fg_ratio_estimate: float = 0.0
    hidden_estimate: float = 0.0

    @property
    def pose(self) -> str:
        """End of the asset's id for a packaged person, else empty."""
        return people.pose_of(self.asset_id)


def draw_subject(
    job: RenderJob, rng: np.random.Generator, *, beside: Sequence[Subject] = (), lying: bool = True, redraw: int = 0
) -> Subject:
    """Who it is, dealt by the number of the view, in a drawn pose and drawn clothes.

    Args:
        job: says what it is and where it will stand.
        rng: decides what is not dealt.
        beside: who is in the view already: it is somebody else while there is anybody.
        lying: whether a person may lie here.
        redraw: how often the view was tried before: each time somebody else is taken, as far as there is anybody.

    Raises:
        UnknownName: there is no such category.
    """
    taken = [s.asset_id for s in beside]
    if own := own_characters(job):
        own = [c for c in own if c.asset_id not in taken] or own
        chosen = own[redraw % len(own)]
        if not chosen.clips:
            return Subject(chosen.asset_id)
        clip = chosen.clips[int(rng.integers(len(chosen.clips)))]
        return Subject(chosen.asset_id, int(rng.integers(clip.first, clip.last + 1)), clip.name)
    ids = ids_of(job.category)
    if not ids:
        known = sorted({a["category"] for a in manifest().values() if a["kind"] in ("character", "object")})
        raise UnknownName.of("category", job.category, known)
    if job.category != "human":
        ids = _hand(job, Deck(job.seed, f"subject/{job.category}", dict.fromkeys(ids, 1.0)))
        ids = [i for i in ids if i not in taken] or ids
        return Subject(ids[redraw % len(ids)], paint=_paint(job, beside))
    ids, custom = _hand(job, people.deck_of(job.seed)), people.custom_of(job.scene)
    if job.clip and rng.random() < WALKERS * min(1.0, custom.light):  # they walk in a T-shirt
        ids = [i for i in ids if manifest()[i]["rigged"]]
    suits = people.suits(ids, job.scene, taken, lying=lying)
    kept = np.flatnonzero(rng.random(len(ids)) < suits)  # the best suits for certain
    asset_id = ids[kept[redraw % len(kept)]]
    frame = int(rng.integers(1, WALK_FRAMES)) if manifest()[asset_id]["rigged"] else 0
    return Subject(asset_id, frame, clothes=clothes.draw(asset_id, rng, custom))


def _hand(job: RenderJob, deck: Deck) -> list[str]:
    """The cards of a deck in the order in which they are offered to a view."""
    return deck.hand(job.view * job.subjects, job.subjects)


def _paint(job: RenderJob, beside: Sequence[Subject]) -> RGB | None:
    """A colour for a vehicle, another one than those beside it."""
    if job.category not in VEHICLES:
        return None
    deck = Deck(job.seed, f"paint/{job.category}", {str(number): 1.0 for number in range(len(PAINTS))})
    paints = [PAINTS[int(number)] for number in _hand(job, deck)]
    taken = [s.paint for s in beside]
    return next((p for p in paints if p not in taken), paints[0])


def own_characters(job: RenderJob) -> list[UserCharacter]:
    """The user's own characters of the job's category."""
    return [c for c in job.characters if c.category == job.category]


def body_of(subject: Subject, library: AssetLibrary) -> Body:
    """Its shape, standing on z = 0 and facing -Y."""
    return Body.of_mesh(library.mesh(subject.asset_id, subject.frame, subject.clip))


def put_subject(stage: Stage, subject: Subject) -> list[bpy.types.Object]:
    """Stand it where it belongs; returns its objects. A sitting person gets a stool, which is not part of it."""
    mesh = stage.library.mesh(subject.asset_id, subject.frame, subject.clip)
    if subject.asset_id in manifest():
        stage.dress(subject.asset_id, mesh, subject.paint)
    made = bpy.data.objects.new("subject", clothes.recoloured(subject.asset_id, mesh, subject.clothes))
    made.location = subject.xyz
    made.rotation_euler = (0.0, 0.0, np.radians(subject.yaw_deg))
    stage.collection.objects.link(made)
    if subject.pose == "sitting":
        _stool(stage, subject, vertices(mesh))
    return [made]


def _stool(stage: Stage, subject: Subject, points: np.ndarray) -> None:
    """A padded block under the hips: where the upper body is, a little to the back."""
    rng = stage.rng("stool", subject.asset_id, round(subject.xyz[0] * 1000), round(subject.xyz[1] * 1000))
    height = float(points[:, 2].max())
    chest = points[(points[:, 2] > 0.62 * height) & (points[:, 2] < 0.8 * height) & (np.abs(points[:, 0]) < 0.15)]
    y = float(np.median(chest[:, 1]))
    material = materials.plain("stool", FADED[int(rng.integers(len(FADED)))], 0.8)
    block = stage.box("stool", (-0.24, y - 0.17, 0.0), (0.24, y + 0.21, SEAT_M), material)
    block.location, block.rotation_euler = subject.xyz, (0.0, 0.0, np.radians(subject.yaw_deg))
    soft = block.modifiers.new("edges", "BEVEL")
    soft.width, soft.segments = 0.02, 3
