# SPDX-License-Identifier: GPL-3.0-or-later
"""The packaged people, looked at: whose face each has, what each wears, and what suits which place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rdharmony_gen.sampling.deal import Deck

Wear = Literal["coat", "suit", "long", "light"]
"""Coats and jackets; suits and blazers; long sleeves and trousers or tights; bare arms or legs."""

POSES = {
    "standing": 1.0,
    "holding": 1.0,
    "walking_nathan": 1.0,
    "sitting_ground": 0.6,
    "sitting": 0.5,
    "lying": 0.35,
}
"""In how many rounds of the deck (`sampling.deal`) each person of a pose is, by the end of the asset's id."""
SAME_FACE = 0.05
"""How much less somebody suits a view who has the face of another person there."""


@dataclass(frozen=True)
class Person:
    """One packaged person; those with one face were made from one head."""

    face: str
    wear: Wear


PEOPLE = {
    "human_boy_01_standing": Person("boy", "long"),
    "human_boy_02_sitting": Person("boy", "long"),
    "human_boy_03_lying": Person("boy", "long"),
    "human_female_01_standing": Person("red hair", "long"),
    "human_female_02_standing": Person("brown hair", "light"),
    "human_female_03_standing": Person("short hair", "coat"),
    "human_female_04_holding": Person("brown hair", "long"),
    "human_female_05_holding": Person("brown hair", "long"),
    "human_female_06_holding": Person("short hair", "coat"),
    "human_female_07_sitting_ground": Person("red hair", "long"),
    "human_female_08_sitting_ground": Person("red hair", "light"),
    "human_female_09_sitting": Person("short hair", "suit"),
    "human_female_10_lying": Person("brown hair", "long"),
    "human_girl_01_standing": Person("girl", "long"),
    "human_girl_02_sitting": Person("girl", "long"),
    "human_girl_03_sitting_ground": Person("girl", "long"),
    "human_male_01_standing": Person("cap", "coat"),
    "human_male_02_standing": Person("brown beard", "suit"),
    "human_male_03_standing": Person("blond", "long"),
    "human_male_04_holding": Person("blond", "suit"),
    "human_male_05_sitting": Person("brown beard", "suit"),
    "human_male_06_sitting": Person("blond", "long"),
    "human_male_07_sitting_ground": Person("blond", "long"),
    "human_male_08_lying": Person("cap", "long"),
    "human_male_09_lying": Person("blond", "long"),
    "human_male_10_walking_nathan": Person("scanned", "light"),
}


@dataclass(frozen=True)
class Custom:
    """What people wear and do in a place: factors on how well somebody suits it, 1 where nothing is said.

    `brightness` and `tint` are ranges of new colours of clothes (`clothes.Recolour`).
    """

    coat: float = 1.0
    suit: float = 1.0
    long: float = 1.0
    light: float = 1.0
    sitting: float = 1.0
    sitting_ground: float = 1.0
    lying: float = 1.0
    brightness: tuple[float, float] = (0.75, 1.5)
    tint: tuple[float, float] = (0.0, 0.16)


USUAL = Custom()
_COUNTRY = Custom(suit=0.25)
_BUSINESS = Custom(suit=2.5, sitting_ground=0.4, lying=0.15)
_ROOM_WITH_GUESTS = Custom(coat=0.5, sitting_ground=0.3, lying=0.1)
_PAVED = Custom(sitting_ground=0.5)
CUSTOMS = {
    "snow_village": Custom(
        coat=6.0, suit=0.6, light=0.02, sitting=0.4, sitting_ground=0.1, lying=0.0, brightness=(0.6, 1.2)
    ),
    "beach": Custom(
        coat=0.1,
        suit=0.08,
        light=5.0,
        sitting=0.3,
        sitting_ground=2.0,
        lying=3.0,
        brightness=(1.0, 1.7),
        tint=(0.04, 0.16),
    ),
    "gym": Custom(coat=0.2, suit=0.15, light=3.0),
    "office": _BUSINESS,
    "lobby": _BUSINESS,
    "bar": _ROOM_WITH_GUESTS,
    "dining_room": _ROOM_WITH_GUESTS,
    "kitchen": _ROOM_WITH_GUESTS,
    "workshop": Custom(suit=0.25, sitting_ground=0.4, lying=0.1),
    "campsite": _COUNTRY,
    "farmyard": _COUNTRY,
    "forest_path": _COUNTRY,
    "garden": _COUNTRY,
    "boulevard": _PAVED,
    "city_corner": _PAVED,
    "gas_station": _PAVED,
    "parking_lot": _PAVED,
    "street": _PAVED,
}
"""By place; elsewhere everybody is as likely."""


def custom_of(scene: str) -> Custom:
    """What suits a place."""
    return CUSTOMS.get(scene, USUAL)


def pose_of(asset_id: str) -> str:
    """End of the asset's id for a packaged person, else empty."""
    if not asset_id.startswith("human_"):
        return ""
    return next(p for p in sorted(POSES, key=len, reverse=True) if asset_id.endswith(p))


def deck_of(seed: int) -> Deck:
    """The packaged people as views are dealt them: common poses more often, equal faces far from each other."""
    return Deck(seed, "subject/human", {i: POSES[pose_of(i)] for i in PEOPLE}, {i: p.face for i, p in PEOPLE.items()})


def suits(ids: Sequence[str], scene: str, beside: Sequence[str], *, lying: bool) -> np.ndarray:
    """How well each of `ids` suits a place (N,): how likely it is kept when it is dealt, the best always.

    Args:
        ids: of packaged people.
        scene: the place, a name in `spec.scenes.SCENES` or of the user's own.
        beside: ids of those who are there already: not taken again while there is anybody else, and others with
            their faces rarely.
        lying: whether somebody may lie here.
    """
    custom = custom_of(scene)
    faces = {PEOPLE[i].face for i in beside if i in PEOPLE}
    factors = []
    for asset_id in ids:
        person, pose = PEOPLE[asset_id], pose_of(asset_id)
        factor = getattr(custom, person.wear) * getattr(custom, pose, 1.0)
        factor *= SAME_FACE if person.face in faces else 1.0
        factors.append(0.0 if asset_id in beside or (pose == "lying" and not lying) else factor)
    return np.array(factors) / max(factors) if max(factors) else np.ones(len(ids))  # there is nobody else
