# SPDX-License-Identifier: GPL-3.0-or-later
# ty: ignore[invalid-type-form]
"""The Live button: its settings, its panel, and the hooks that are there only while it is on (`live_session`)."""

from __future__ import annotations

import contextlib

import bpy
from bpy.app.handlers import persistent
from bpy.props import EnumProperty, FloatProperty, PointerProperty

from harmonize_core.errors import HarmonizeError

from . import live_node
from .live_session import TICK, Session
from .panels import sub_panel
from .running import redraw_panels
from .sources import tells_characters
from .translations import sentence

SOURCES = (
    ("AUTO", "Automatic", "A 3D view in Material Preview or EEVEE's Rendered shading, else the rendered layers"),
    ("VIEW", "3D View", "Shading of a 3D view in Material Preview, or Rendered with EEVEE: light that is being set"),
    ("LAYERS", "Rendered Layers", "What Harmonize rendered last, of this frame or the nearest one"),
)

_LIGHTING = (
    "Object",
    "Light",
    "SunLight",
    "PointLight",
    "SpotLight",
    "AreaLight",
    "World",
    "Material",
    "ShaderNodeTree",
    "Collection",
    "Camera",
    "Mesh",
    "Curve",
    "Armature",
)
"""Types of datablocks whose change can change the picture; not the compositing nodes, which Live itself changes."""

_on: list[Session] = []
"""The session while Live is on, else empty."""


def session() -> Session | None:
    """What Live is doing; None while it is off."""
    return _on[0] if _on else None


def start() -> Session:
    """Switch Live on."""
    stop()
    _on.append(Session())
    for handlers, handler in _hooks():
        handlers.append(handler)
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=TICK)
    return _on[0]


def stop() -> None:
    """Switch Live off, and put the file back as it was."""
    for handlers, handler in _hooks():
        if handler in handlers:
            handlers.remove(handler)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    while _on:
        _on.pop().close()


def _hooks() -> tuple[tuple[list, object], ...]:
    hooks = bpy.app.handlers
    return (
        (hooks.depsgraph_update_post, _scene_changed),
        (hooks.save_pre, _before_saving),
        (hooks.load_pre, _before_loading),
    )


def _tick() -> float | None:
    """Timer: one step; panels are drawn anew when they have something new to say."""
    live = session()
    if live is None:
        return None
    said = live.text
    try:
        with _window_context() as context:
            live.step(context)
            if live.text != said:
                redraw_panels(context)
    except BaseException:
        stop()
        raise
    return TICK


@contextlib.contextmanager
def _window_context():
    """Timers run without a window; what is looked at is the first one's."""
    windows = bpy.context.window_manager.windows
    if bpy.context.window is not None or not windows:
        yield bpy.context
        return
    with bpy.context.temp_override(window=windows[0]):
        yield bpy.context


@persistent
def _scene_changed(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    live = session()
    kinds = {type(update.id).__name__ for update in depsgraph.updates}
    if live is None or not kinds.intersection(_LIGHTING):
        return
    (live.rebuilt if "Collection" in kinds else live.changed)()


@persistent
def _before_saving(*_: object) -> None:
    """The file is saved as it is without Live; the next tick goes on."""
    live_node.release_all()


@persistent
def _before_loading(*_: object) -> None:
    stop()


@persistent
def clean_up(*_: object) -> None:
    """After undo, redo and loading: the file may be of a time when Live was on."""
    live = session()
    if live is None:
        live_node.release_all()
    else:
        live.rebuilt()


class HarmonizeLive(bpy.types.PropertyGroup):
    """`scene.harmonize_live`: where Live looks, and how fast it follows."""

    source: EnumProperty(name="From", items=SOURCES, description="Where the small picture comes from")
    ease: FloatProperty(
        name="Ease",
        default=0.3,
        min=0.0,
        soft_max=2.0,
        max=10.0,
        subtype="TIME_ABSOLUTE",
        description="Seconds in which the look glides to a new estimate; 0 takes each as it is",
    )


class HARMONIZE_OT_live(bpy.types.Operator):
    """Estimate the look anew while scrubbing, playing or lighting, and show it through the compositing nodes"""

    bl_idname = "harmonize.live"
    bl_label = "Live"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """It can always be switched off; to switch it on there must be characters and a camera."""
        if session() is not None:
            return True
        if not tells_characters(context.scene) or context.scene.camera is None:
            cls.poll_message_set("Choose the characters and a camera first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Switch on or off; without a window the look of this frame is there at once."""
        if session() is not None:
            stop()
            redraw_panels(context)
            return {"FINISHED"}
        live = start()
        if bpy.app.background:
            return _updated(self, context, live)
        return {"FINISHED"}


class HARMONIZE_OT_live_update(bpy.types.Operator):
    """Estimate the look of this frame now, without easing"""

    bl_idname = "harmonize.live_update"
    bl_label = "Update Live"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Live is on."""
        if session() is None:
            cls.poll_message_set("Switch Live on first")
        return session() is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """One estimate."""
        return _updated(self, context, _on[0])


def _updated(operator: bpy.types.Operator, context: bpy.types.Context, live: Session) -> set[str]:
    try:
        live.update(context)
    except HarmonizeError as error:
        operator.report({"ERROR"}, sentence(error))
        return {"CANCELLED"}
    return {"FINISHED"}


def draw_live(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The switch, what it does, and how to see it."""
    live, settings = session(), context.scene.harmonize_live
    layout.operator("harmonize.live", icon="PAUSE" if live else "PLAY", depress=live is not None)
    column = layout.column(align=True)
    column.prop(settings, "source")
    column.prop(settings, "ease")
    space = context.space_data
    if space.type == "VIEW_3D":
        column.prop(space.shading, "use_compositor", text="Show In View")
    if live is not None and live.text:
        layout.label(text=live.text, icon="ERROR" if live.failed else "INFO")


CLASSES = (
    HarmonizeLive,
    HARMONIZE_OT_live,
    HARMONIZE_OT_live_update,
    *sub_panel("live", "Live", draw_live, 15),
)


def register() -> None:
    """The settings, and the one thing that stays while Live is off: files are cleaned of what Live left in them."""
    bpy.types.Scene.harmonize_live = PointerProperty(type=HarmonizeLive)
    for handlers in _cleaned():
        handlers.append(clean_up)


def unregister() -> None:
    """Switch off and take everything away."""
    stop()
    for handlers in _cleaned():
        handlers.remove(clean_up)
    del bpy.types.Scene.harmonize_live


def _cleaned() -> tuple[list, ...]:
    hooks = bpy.app.handlers
    return hooks.undo_post, hooks.redo_post, hooks.load_post
