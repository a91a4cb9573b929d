# SPDX-License-Identifier: Apache-2.0
"""Stands in for `blender --background FILE ... --python-expr CODE` where Blender is only a Python module."""

from __future__ import annotations

import importlib
import sys

import bpy
from addon_session import ADDON

arguments = sys.argv[1:]
# reading the preferences, which would do this, crashes 4.2 as a module
importlib.import_module("addon_utils").enable(ADDON)
bpy.ops.wm.open_mainfile(filepath=next(a for a in arguments if a.endswith(".blend")))
exec(arguments[arguments.index("--python-expr") + 1])
