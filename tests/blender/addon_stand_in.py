# SPDX-License-Identifier: Apache-2.0
"""Stands in for `blender --background FILE ... --python-expr CODE` where Blender is only a Python module."""

from __future__ import annotations

import sys

import bpy

arguments = sys.argv[1:]
bpy.ops.wm.read_userpref()
bpy.ops.wm.open_mainfile(filepath=next(a for a in arguments if a.endswith(".blend")))
exec(arguments[arguments.index("--python-expr") + 1])
