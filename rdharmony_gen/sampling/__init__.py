# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is drawn by chance: pure functions of a seed, without Blender."""
