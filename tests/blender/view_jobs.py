# SPDX-License-Identifier: Apache-2.0
"""Jobs of single small views, for tests that render or place without a set around them."""

from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.job import RenderJob
from rdharmony_gen.spec.styles import STYLES


def view_job(scene="park", category="human", view=0, size=48, styles=(4,), **changes):
    """Two samples a pixel under some of the ten styles, by number."""
    chosen = [s for s in STYLES if s.style_id in styles]
    conditions = sample_conditions(7, scene, 0, view, chosen, indoor=scene == "room")
    name = f"{scene}_00_v{view:03d}"
    return RenderJob(f"S/{name}", category, scene, name, 0, view, 7, size, size, 2, conditions, **changes)
