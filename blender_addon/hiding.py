# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that light and shade without being seen, for engines that know no indirect-only collections.

It is the artist's objects that are hidden from the camera, so nothing may leave them so: neither the end of a run nor
a file that something saves in the middle of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable

import bpy


@contextlib.contextmanager
def hidden_from_camera(things: Iterable[bpy.types.Object]) -> Generator[list[bpy.types.Object]]:
    """Hide objects from the camera while this lasts, but in files that are saved.

    Yields:
        Those that cannot be changed, as they are linked from a library.
    """
    hidden: list[bpy.types.Object] = []
    locked: list[bpy.types.Object] = []

    def show(*_: object) -> None:
        for thing in hidden:
            with contextlib.suppress(ReferenceError):  # deleted meanwhile
                thing.visible_camera = True

    def hide(*_: object) -> None:
        for thing in hidden:
            with contextlib.suppress(ReferenceError):
                thing.visible_camera = False

    handlers = bpy.app.handlers
    hooks = ((handlers.save_pre, show), (handlers.save_post, hide), (handlers.save_post_fail, hide))
    try:
        for thing in things:
            try:
                if thing.visible_camera:
                    thing.visible_camera = False
                    hidden.append(thing)
            except AttributeError:
                locked.append(thing)
        for functions, function in hooks:
            functions.append(function)
        yield locked
    finally:
        for functions, function in hooks:
            if function in functions:  # loading a file takes them away, too
                functions.remove(function)
        show()
