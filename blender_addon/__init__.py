# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender extension: match computer-generated characters to their background."""
