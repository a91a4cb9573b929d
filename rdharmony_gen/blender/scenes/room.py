# SPDX-License-Identifier: GPL-3.0-or-later
"""Placeholder while the place is under construction."""

from rdharmony_gen.blender.stage import Place, Stage


def build(stage: Stage) -> Place:
    """Build."""
    raise NotImplementedError
