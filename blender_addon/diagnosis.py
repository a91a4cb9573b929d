# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would lack, said before the button is pressed: the same checks, with the same words, as the run's own.

`diagnose` is asked at every redraw of the panel, so its checks look at settings and at names of files, never into
files. Besides what would stop a run it finds what an artist may not have meant.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy

from harmonize_core.errors import HarmonizeError

from . import mending, model
from .compat import compositor_is_on, compositor_tree
from .lacks import Lack
from .options import check_scene, find_cast, output_folder, region_of
from .plates import MOVIE_SUFFIXES, check_plate, split_number
from .sources import find_source
from .translations import sentence

Check = Callable[[bpy.types.Context], object]

CHECKS: tuple[Check, ...] = (
    lambda context: check_scene(context.scene),
    lambda context: _check_foreground(context),
    lambda context: check_plate(context.scene),
    lambda context: output_folder(context.scene.harmonize.folder),
)
"""Each raises what it finds, in the order in which a shot is set up."""

LOOK_MARK = "harmonize_look"
"""Custom property of the node group that a baked look lives in."""


@dataclass(frozen=True)
class Finding:
    """One thing to say: a sentence, the name of what mends it (or ""), and whether a run would stop at it."""

    text: str
    mend: str
    stops: bool


def diagnose(context: bpy.types.Context) -> list[Finding]:
    """All that is missing, then what is only odd; empty when the shot is ready and plain."""
    found = []
    for check in CHECKS:
        try:
            check(context)
        except HarmonizeError as error:
            found.append(Finding(str(error), getattr(error, "mend", ""), stops=True))
    try:
        model.model_path()
    except HarmonizeError as error:
        found.append(Finding(str(error), "network", stops=True))
    return [*found, *(Finding(str(odd), odd.mend, stops=False) for odd in _oddities(context))]


def draw_diagnosis(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The first finding in a sentence, the others in a few words, each with the button that mends it."""
    findings = diagnose(context)
    if not any(f.stops for f in findings):
        layout.label(text="Ready", icon="CHECKMARK")
    for place, finding in enumerate(findings):
        icon = "ERROR" if finding.stops else "INFO"
        box = layout.box().column(align=True)
        if place and finding.mend:
            row = box.split(factor=0.55)
            row.label(text=mending.MENDS[finding.mend].lack, icon=icon)
            mending.draw(row, finding.mend, alone=False)
            continue
        for number, line in enumerate(wrapped(sentence(finding.text), context)):
            box.label(text=line, icon=icon if number == 0 else "BLANK1", translate=False)
        if finding.mend:
            mending.draw(box, finding.mend, alone=True)


def _check_foreground(context: bpy.types.Context) -> None:
    """Of existing pictures only the current frame is looked for: a run looks for all."""
    if not find_source(context, (context.scene.frame_current,)).split:
        find_cast(context)


def _oddities(context: bpy.types.Context) -> Iterator[Lack]:
    """What may not be meant; nothing of it stops a run."""
    scene, settings = context.scene, context.scene.harmonize
    if region_of(scene):
        yield Lack("A render region is set: only the characters inside it are rendered and matched", "region")
    path = Path(bpy.path.abspath(settings.plate_path)) if settings.plate_path else None
    if settings.background == "FILE" and path and not settings.plate_is_sequence and is_numbered(path):
        yield Lack(f"{path.name} is one of several numbered pictures, but only this one is shown", "sequence")
    if settings.source == "FILES" and not settings.render_path:
        yield from _own_output(scene, context.view_layer)
    tree = compositor_tree(scene)
    baked = tree is not None and any(_is_look(node) for node in tree.nodes)
    if baked and not compositor_is_on(scene):
        yield Lack("The baked look does nothing: compositing is switched off in the Output properties", "compositing")


def _own_output(scene: bpy.types.Scene, passes: bpy.types.ViewLayer) -> Iterator[Lack]:
    """What the next rendering of the scene's own output will lack."""
    settings = scene.harmonize
    if settings.background != "SCENE" and not scene.render.film_transparent:
        yield Lack("The film is opaque: what is rendered next will hide the background", "film")
    if settings.foreground == "ALPHA":
        if scene.render.image_settings.color_mode != "RGBA":
            yield Lack("The scene's output holds no alpha: what is rendered next will tell no characters", "rgba")
        return
    if scene.render.image_settings.file_format != "OPEN_EXR_MULTILAYER":
        yield Lack("The scene's output holds no passes: what is rendered next will tell no characters", "output")
    if not passes.use_pass_cryptomatte_object and settings.matte not in passes.aovs:
        yield Lack("The view layer writes no Cryptomatte: what is rendered next will tell no characters", "passes")


def is_numbered(path: Path) -> bool:
    """Whether the picture before or after this one in a numbered sequence is there, too."""
    stem, digits, tail = split_number(path.name)
    if not digits or path.suffix.lower() in MOVIE_SUFFIXES:
        return False
    beside = (int(digits) + step for step in (-1, 1))
    return any(path.with_name(f"{stem}{n:0{len(digits)}d}{tail}").is_file() for n in beside if n >= 0)


def _is_look(node: bpy.types.Node) -> bool:
    return node.type == "GROUP" and node.node_tree is not None and LOOK_MARK in node.node_tree


def wrapped(text: str, context: bpy.types.Context) -> list[str]:
    """A sentence in lines that fit the region; Blender's labels do not wrap."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width if context.region else 300
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text) / max(1, len(text))
    return textwrap.wrap(text, int(max(24, width / scale / 7 - 9) / (1 + wide))) or [""]
