# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour spaces by what they mean: a studio may start Blender with an OpenColorIO configuration of its own ($OCIO).

Names are those of Blender's configuration, of ACES 1.3 and 2.0 (CG and Studio), of ACES 1.2, and of old Blender ones.
"""

from __future__ import annotations

import bpy

from harmonize_core.errors import EnvironmentFault

LINEAR_REC709 = ("Linear Rec.709", "Linear Rec.709 (sRGB)", "lin_rec709", "Utility - Linear - sRGB", "Linear")
PLAIN_NUMBERS = ("Non-Color", "Raw", "Utility - Raw", "raw", "Generic Data")


def linear_rec709() -> str:
    """What linear light with the primaries of Rec.709 is called here.

    Raises:
        EnvironmentFault: there is no such colour space.
    """
    return _first(LINEAR_REC709, "linear Rec.709")


def plain_numbers() -> str:
    """What numbers that are no colours are called here.

    Raises:
        EnvironmentFault: there is no such colour space.
    """
    return _first(PLAIN_NUMBERS, "data")


def _first(names: tuple[str, ...], label: str) -> str:
    there = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items.keys()
    found = next((name for name in names if name in there), None)
    if found is None:
        raise EnvironmentFault(
            f"The OpenColorIO configuration of this Blender has no colour space for {label}: start Blender without "
            "OCIO in its environment, or with the ACES CG configuration"
        )
    return found
