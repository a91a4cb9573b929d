# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender extension: match rendered characters to the photograph or movie behind them."""

from __future__ import annotations


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import registration

    registration.unregister()
