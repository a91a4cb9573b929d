# SPDX-License-Identifier: Apache-2.0
"""What a case of failure is, and how one is tried: break something, press a button, read the sentence, mend it.

The tables (`addon_failures_*.py`) are read without Blender, too: docs/addon_messages.md is made of them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Breaks = Callable[[Any], AbstractContextManager[None]]
"""Given a shot (`addon_scene.new_shot`, with `bpy` and `addon` in it): breaks something, and mends it at the end."""


@dataclass(frozen=True)
class Failure:
    """One thing that goes wrong."""

    what: str
    """In the artist's words."""
    says: str
    """The whole sentence; <words> stand for names and numbers."""
    breaks: Breaks
    press: str = "frame"
    """Button: name of the operator."""
    options: dict[str, Any] = field(default_factory=dict)
    during: Callable[[Any], None] | None = None
    """What happens in the middle of an animation, after its first frame; nothing is pressed then."""
    background: bool = False
    """That animation is rendered by a second Blender, as from the window."""

    def fits(self, said: str) -> bool:
        """Whether a message is this sentence."""
        parts = re.split(r"<[^>]+>", self.says)
        return re.fullmatch(".+".join(map(re.escape, parts)), said) is not None


def try_failure(case: Failure, shot: Any) -> None:
    """Break it, press, and see: one sentence, the scene and its files as before, and all well once it is mended."""
    from addon_scene import assert_unchanged, snapshot

    with case.breaks(shot):
        scene = shot.bpy.context.scene
        shot.bpy.context.view_layer.update()
        before, files = snapshot(scene), _files(shot.folder)
        said = _during(case, shot) if case.during else pressed(shot, case.press, **case.options)
        assert case.fits(said), f"{case.what}: said {said!r}"
        assert "\n" not in said, said
        if not case.during:
            assert_unchanged(before, scene)
            assert _files(shot.folder) == files, f"{case.what}: {_files(shot.folder) ^ files}"
        assert not [path for path in _files(shot.folder) if re.search(r"partial|render\.(blend|json)", path)], case.what
        assert not [s.name for s in shot.bpy.data.scenes if "temporary" in s.name], case.what
    assert not shot.bpy.context.window_manager.harmonize_progress.running
    assert shot.bpy.ops.harmonize.frame() == {"FINISHED"}, f"{case.what}: does not run afterwards"


def pressed(shot: Any, button: str, **options: Any) -> str:
    """What Blender shows when a button is pressed and does not work, or why it is grey; else "done"."""
    try:
        getattr(shot.bpy.ops.harmonize, button)(**options)
    except RuntimeError as error:
        text = str(error).strip().removeprefix("Error: ")
        return text.removeprefix(f"Operator bpy.ops.harmonize.{button}.poll() ")
    return "done"


def _during(case: Failure, shot: Any) -> str:
    """Run an animation step by step, as the window does, and let something happen in the middle."""
    job, running, happened = shot.addon("job"), shot.addon("running"), False
    with contextlib.ExitStack() as stack:
        if case.background:
            shot.script = stack.enter_context(shot.background_blender(shot.folder))
            shot.children = _children()
        options = shot.addon("options").read_options(shot.bpy.context, animation=True)
        try:
            for progress in job.Job(options, interactive=case.background).steps():
                if not happened and progress.rendered:
                    happened = True
                    case.during(shot)
        except (job.HarmonizeError, OSError, MemoryError) as error:
            return running.why_ended(error)
    return "done"


def _children() -> set[int]:
    """Process numbers of the processes that this one started."""
    import os

    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(number) for path in found for number in path.read_text().split()}


def new_children(shot: Any) -> set[int]:
    """Those that came since the case began."""
    return _children() - shot.children


def setting(path: str, value: Any) -> Breaks:
    """A setting by its path from the shot; a function gets the shot and gives the value."""

    @contextlib.contextmanager
    def change(shot: Any) -> Generator[None]:
        *way, name = path.split(".")
        owner = shot
        for step in way:
            owner = getattr(owner, step)
        before = getattr(owner, name)
        setattr(owner, name, value(shot) if callable(value) else value)
        try:
            yield
        finally:
            setattr(owner, name, before)

    return change


def both(*breaks: Breaks) -> Breaks:
    """Several things at once."""

    @contextlib.contextmanager
    def change(shot: Any) -> Generator[None]:
        with contextlib.ExitStack() as stack:
            for each in breaks:
                stack.enter_context(each(shot))
            yield

    return change


def content(path: str, change: Callable[[bytes], bytes]) -> Breaks:
    """The bytes of a file of the shot are others, its date stays."""

    @contextlib.contextmanager
    def broken(shot: Any) -> Generator[None]:
        import os

        file = shot.folder / path
        known, dates = file.read_bytes(), file.stat()
        file.write_bytes(change(known))
        os.utime(file, ns=(dates.st_atime_ns, dates.st_mtime_ns))
        try:
            yield
        finally:
            file.write_bytes(known)
            os.utime(file, ns=(dates.st_atime_ns, dates.st_mtime_ns))

    return broken


def broken(change: Callable[[Any], Iterator[None]]) -> Breaks:
    """A generator that breaks, yields once, and mends."""
    return contextlib.contextmanager(change)


def nothing(_shot: Any) -> AbstractContextManager[None]:
    """Breaks nothing: it is missing from the start, or breaks later."""
    return contextlib.nullcontext()


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


HEAD = """# What the Blender extension says

Every message of [the extension](addon.md) that stands for something missing or gone wrong, as far as it is checked:
each of these cases is tried in Blender (`tests/blender/addon_failures_*.py`). The button says one sentence, the scene
and the files stay as they were, and once it is mended the next run works. Words in `<>` stand for names and numbers.
"""

FOOT = """## On a full disk

*The disk is full: `<file>` was not written; free space and run again, finished frames are kept*; or, while Blender
itself writes what it renders, *Blender could not render frame `<frame>`* or *Blender rendered no picture for frame
`<frame>`*.
"""


def page(tables: dict[str, tuple[Failure, ...]]) -> str:
    """docs/addon_messages.md: headings with their cases."""
    parts = [HEAD]
    for heading, cases in tables.items():
        rows = [f"| {case.what} | {_cell(case.says)} |" for case in cases]
        parts.append("\n".join([f"## {heading}\n", "| what happened | message |", "|---|---|", *rows]) + "\n")
    return "\n".join([*parts, FOOT])


def _cell(text: str) -> str:
    return re.sub(r"<([^>]+)>", r"`<\1>`", text).replace("(* stands", r"(\* stands")
