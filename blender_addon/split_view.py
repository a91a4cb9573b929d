# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""Before/after in the image editor: a line to drag; left of it the composite before harmonizing lies over the result.

Any image editor that shows a result file `<name>_0001.png` beside which `<name>_before_0001.png` lies takes part. The
picture is only drawn (a draw handler), the line is dragged as a gizmo, so no operator keeps running: autosave, undo and
every shortcut work as usual, and switched off nothing is left. Sources: Blender API, `Space.draw_handler_add`, `Gizmo`,
`gpu.types.GPUTexture`.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import bpy
from bpy.props import BoolProperty, FloatProperty, PointerProperty

from harmonize_core.errors import HarmonizeError

from .split_drawing import Textures, draw_caption, draw_line, draw_picture

NEAR = 10
"""Pixels (of an unscaled interface) on either side of the line at which it is grabbed."""

NO_BEFORE = 'No "before" picture: switch on Also Write Before and harmonize again'


class _View:
    """What is drawn while the split is on; empty while it is off."""

    def __init__(self) -> None:
        self.handle: object | None = None
        self.textures = Textures()
        self.wanted: Path | None = None

    def start(self) -> None:
        """Draw in all image editors from now on."""
        if self.handle is None and not bpy.app.background:
            self.handle = bpy.types.SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")

    def stop(self) -> None:
        """Draw no more, and give the textures back."""
        if self.handle is not None:
            bpy.types.SpaceImageEditor.draw_handler_remove(self.handle, "WINDOW")
            self.handle = None
        if bpy.app.timers.is_registered(_load):
            bpy.app.timers.unregister(_load)
        self.textures.clear()
        self.wanted = None


_view = _View()


def before_path(result: Path) -> Path | None:
    """The file of the composite before harmonizing beside a result file; None when the name has no frame number."""
    match = re.fullmatch(r"(.+?)(_before)?_(-?\d+)", result.stem)
    if match is None or match[2]:
        return None
    return result.with_name(f"{match[1]}_before_{match[3]}{result.suffix}")


def shown_path(space: bpy.types.SpaceImageEditor) -> Path | None:
    """The file that an image editor shows at this frame; None when it shows no file."""
    image = space.image
    if image is None or image.source not in ("FILE", "SEQUENCE") or not image.filepath:
        return None
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    if image.source == "FILE":
        return path
    number = space.image_user.frame_current
    match = re.fullmatch(r"(.*?)(\d+)", path.stem)
    return path.with_name(f"{match[1]}{number:0{len(match[2])}d}{path.suffix}") if match else None


def line_place(region: bpy.types.Region, position: float) -> tuple[int, tuple[int, int, int, int]]:
    """Where the line is, and the picture's (left, bottom, right, top), in pixels of a region."""
    left, bottom = region.view2d.view_to_region(0, 0, clip=False)
    right, top = region.view2d.view_to_region(1, 1, clip=False)
    return round(left + position * (right - left)), (left, bottom, right, top)


def _draw() -> None:
    """Draw handler of image editors: the picture before over its part of the result, and the line."""
    context = bpy.context
    space, region = context.space_data, context.region
    result = shown_path(space)
    before = before_path(result) if result else None
    if space.mode != "VIEW" or result is None or before is None:
        return
    line, box = line_place(region, context.window_manager.harmonize_split.position)
    if not before.is_file():
        if result.is_file():
            draw_caption(region, NO_BEFORE)
        return
    texture = _view.textures.get(before)
    if texture is None:
        _want(before)
        return
    draw_picture(texture, box, line)
    draw_line(line, box, context.preferences.system.ui_scale)


def _want(path: Path) -> None:
    """Load a picture soon: a draw handler must not change the file's data."""
    _view.wanted = path
    if not bpy.app.timers.is_registered(_load):
        bpy.app.timers.register(_load, first_interval=0.0)


def _load() -> None:
    """Timer: read the picture that is wanted, and the one after it, for playing."""
    path = _view.wanted
    if path is None or _view.handle is None:
        return
    match = re.fullmatch(r"(.+_)(\d+)", path.stem)
    paths = [path]
    if match and _is_playing():
        paths.append(path.with_name(f"{match[1]}{int(match[2]) + 1:0{len(match[2])}d}{path.suffix}"))
    for each in paths:
        with contextlib.suppress(HarmonizeError):  # half-written or removed: drawn when it is there
            _view.textures.load(each)
    redraw()


def _is_playing() -> bool:
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


def redraw() -> None:
    """Draw all image editors anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                area.tag_redraw()


def _switched(settings: HarmonizeSplit, _context: bpy.types.Context) -> None:
    (_view.start if settings.show else _view.stop)()
    redraw()


def _moved(_settings: HarmonizeSplit, _context: bpy.types.Context) -> None:
    redraw()


class HarmonizeSplit(bpy.types.PropertyGroup):
    """`window_manager.harmonize_split`: of this session, never saved."""

    show: BoolProperty(
        name="Before / After",
        options={"SKIP_SAVE"},
        update=_switched,
        description="Lay the composite before harmonizing over the left part of a result; drag the line",
    )
    position: FloatProperty(
        name="Line",
        options={"SKIP_SAVE"},
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=_moved,
        description="Where the line stands in the picture; drag it in the image editor",
    )


class HARMONIZE_GT_split_line(bpy.types.Gizmo):
    """The line, as something the mouse can take hold of"""

    bl_idname = "HARMONIZE_GT_split_line"

    def draw(self, _context: bpy.types.Context) -> None:
        """The draw handler draws it."""

    def test_select(self, context: bpy.types.Context, location: tuple[int, int]) -> int:
        """0 near the line, else -1."""
        scale = context.preferences.system.ui_scale
        line, (_, bottom, _, top) = line_place(context.region, context.window_manager.harmonize_split.position)
        return 0 if abs(location[0] - line) <= NEAR * scale and bottom <= location[1] <= top else -1

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Take hold."""
        self.start = context.window_manager.harmonize_split.position
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event, _tweak: set[str]) -> set[str]:
        """Follow the mouse."""
        _, (left, _, right, _) = line_place(context.region, 0)
        context.window_manager.harmonize_split.position = (event.mouse_region_x - left) / max(1, right - left)
        return {"RUNNING_MODAL"}

    def exit(self, context: bpy.types.Context, cancel: bool) -> None:
        """Let go; Esc puts the line back."""
        if cancel:
            context.window_manager.harmonize_split.position = self.start


class HARMONIZE_GGT_split(bpy.types.GizmoGroup):
    """The line in every image editor, while the split is on."""

    bl_idname = "HARMONIZE_GGT_split"
    bl_label = "Before / After"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "WINDOW"
    bl_options = {"PERSISTENT"}  # noqa: RUF012 (Blender reads this class attribute)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """The split is on and the editor shows something to compare."""
        return context.window_manager.harmonize_split.show and _compares(context.space_data)

    def setup(self, _context: bpy.types.Context) -> None:
        """One line."""
        line = self.gizmos.new(HARMONIZE_GT_split_line.bl_idname)
        line.use_draw_modal = True


def _compares(space: bpy.types.SpaceImageEditor) -> bool:
    result = shown_path(space)
    return space.mode == "VIEW" and result is not None and before_path(result) is not None


def draw_switch(self: bpy.types.Header, context: bpy.types.Context) -> None:
    """In the header of image editors that show a result."""
    if _compares(context.space_data):
        self.layout.prop(context.window_manager.harmonize_split, "show", icon="MOD_MIRROR", toggle=True)


class HARMONIZE_PT_split(bpy.types.Panel):
    """Sidebar of the image editor."""

    bl_label = "Before / After"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Harmonize"

    def draw(self, context: bpy.types.Context) -> None:
        """The switch and the place of the line."""
        settings = context.window_manager.harmonize_split
        self.layout.prop(settings, "show")
        row = self.layout.row()
        row.enabled = settings.show
        row.prop(settings, "position", slider=True)


CLASSES = (HarmonizeSplit, HARMONIZE_GT_split_line, HARMONIZE_GGT_split, HARMONIZE_PT_split)


def register() -> None:
    """The switch lives on the window manager and in the image editor's header."""
    bpy.types.WindowManager.harmonize_split = PointerProperty(type=HarmonizeSplit)
    bpy.types.IMAGE_HT_header.append(draw_switch)


def unregister() -> None:
    """Draw no more."""
    _view.stop()
    bpy.types.IMAGE_HT_header.remove(draw_switch)
    del bpy.types.WindowManager.harmonize_split
