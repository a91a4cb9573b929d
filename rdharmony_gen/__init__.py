# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless generation of rendered harmonization triplets with Blender."""
