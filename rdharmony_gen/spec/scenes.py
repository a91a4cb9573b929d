# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of places there are, and which category fits into which: a living room holds no car.

Each has a module of its name in `rdharmony_gen.blender.scenes` whose `build(stage)` dresses one seeded variant.
"""

from __future__ import annotations

from dataclasses import dataclass

VEHICLES = frozenset({"car", "motorcycle"})


@dataclass(frozen=True)
class SceneSpec:
    """One kind of place."""

    name: str
    """Letters, digits and single underscores: it becomes part of file names."""
    title: str
    """What a person would call it."""
    indoor: bool = False
    unfit: frozenset[str] = frozenset()
    """Categories that have no place here."""


_ALL = (
    SceneSpec("park", "park with a house among trees"),
    SceneSpec("city_corner", "paved city corner"),
    SceneSpec("room", "living room", indoor=True, unfit=frozenset({"car"})),
    SceneSpec("plaza", "square with a fountain", unfit=frozenset({"cow"})),
    SceneSpec("street", "residential street with parked cars"),
    SceneSpec("parking_lot", "car park before a market hall", unfit=frozenset({"cow"})),
    SceneSpec("gas_station", "gas station", unfit=frozenset({"cow"})),
    SceneSpec("bus_stop", "bus stop with a shelter", unfit=frozenset({"cow"})),
    SceneSpec("market", "market with stalls"),
    SceneSpec("courtyard", "courtyard of brick houses", unfit=frozenset({"cow"})),
    SceneSpec("boulevard", "boulevard with a promenade", unfit=frozenset({"cow"})),
    SceneSpec("kitchen", "kitchen", indoor=True, unfit=frozenset({"car", "cow", "motorcycle", "couch"})),
    SceneSpec("bar", "bar on a street", indoor=True, unfit=frozenset({"car", "cow"})),
    SceneSpec("gym", "gym", indoor=True, unfit=frozenset({"car", "cow"})),
    SceneSpec("office", "office over the roofs", indoor=True, unfit=frozenset({"car", "cow", "motorcycle"})),
    SceneSpec("lobby", "lobby with a reception", indoor=True, unfit=frozenset({"car", "cow"})),
    SceneSpec("workshop", "workshop with an open door", indoor=True, unfit=frozenset({"cow"})),
    SceneSpec("bedroom", "bedroom", indoor=True, unfit=frozenset({"car", "cow", "motorcycle"})),
    SceneSpec("dining_room", "dining room", indoor=True, unfit=frozenset({"car", "cow", "motorcycle"})),
    SceneSpec("farmyard", "farmyard with a paddock", unfit=frozenset({"couch"})),
    SceneSpec("forest_path", "path through the woods", unfit=frozenset({"car", "couch"})),
    SceneSpec("beach", "sandy beach", unfit=frozenset({"car", "motorcycle", "cow", "couch"})),
    SceneSpec("waterfront", "promenade by a lake", unfit=frozenset({"cow", "couch"})),
    SceneSpec("garden", "garden with a terrace", unfit=frozenset({"cow"})),
    SceneSpec("playground", "playground", unfit=frozenset({"car", "motorcycle", "cow", "couch"})),
    SceneSpec("campsite", "campsite by a lake", unfit=frozenset({"cow", "couch"})),
    SceneSpec("snow_village", "village in snow", unfit=frozenset({"couch"})),
)

SCENES: dict[str, SceneSpec] = {scene.name: scene for scene in _ALL}
"""By name, in the order in which views are dealt to them."""


def scenes_for(category: str) -> tuple[str, ...]:
    """Names of the places in which a subject of this category can stand, in their usual order."""
    return tuple(scene.name for scene in _ALL if category not in scene.unfit)
