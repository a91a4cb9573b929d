# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels between Blender, files and NumPy; nothing here makes a choice."""
