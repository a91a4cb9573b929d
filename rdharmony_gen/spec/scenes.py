# SPDX-License-Identifier: GPL-3.0-or-later
"""Which category fits into which kind of place: a living room holds no car."""

from rdharmony_gen.spec.job import SCENE_KINDS, SceneKind

UNFIT: dict[str, frozenset[SceneKind]] = {"car": frozenset({"room"})}


def scenes_for(category: str) -> tuple[SceneKind, ...]:
    """The kinds of places in which a subject of this category can stand, in their usual order."""
    return tuple(kind for kind in SCENE_KINDS if kind not in UNFIT.get(category, frozenset()))
