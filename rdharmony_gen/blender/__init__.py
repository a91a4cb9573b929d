# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender side: turns a render job into pictures. Only modules in here import `bpy`."""
