# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a run needs, read once from the artist's settings and checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from harmonize_core.runtime.engines import Runtime
from harmonize_core.runtime.parts import Limits

from . import light_settings, model
from .characters import strength_of
from .compat import animated_value
from .controls import protected_materials, read_limits
from .lacks import Lack
from .layers import BACKGROUND, Cast, sort_cast
from .linked import library_path
from .plates import RENDERED, Plate, find_plate
from .renderers import ShotSpec
from .sources import Source, find_source, find_whole_cast

SUFFIX = {"PNG": ".png", "PNG16": ".png", "EXR": ".exr"}


@dataclass(frozen=True)
class ShotOptions:
    """One run: which frames of which scene, over what, how strongly, into which files."""

    scene: str
    view_layer: str
    characters: str
    """Name of their collection."""
    library: str
    """The file it is linked from; empty where it is not."""
    frames: tuple[int, ...]
    cast: Cast
    source: Source
    cut: bool
    plate: Plate
    strengths: tuple[float, ...]
    """One per frame: strength can be keyframed."""
    smoothing: float
    """Standard deviation of the smoothing over time, in frames of the run; 0 for none."""
    file_format: str
    """"PNG", "PNG16" or "EXR"."""
    folder: Path
    name: str
    write_composite: bool
    skip_finished: bool
    model_path: Path
    threads: int
    runtime: Runtime
    view: list[object] | None
    """The scene's view transform, or None when it is plain sRGB and layers need no detour through it."""
    render_fingerprint: tuple[object, ...]
    """Settings that change rendered layers, as far as they can be told; edits of objects cannot."""
    limits: Limits
    spared: tuple[str, ...]
    """Materials that change less."""
    part_strengths: tuple[float, ...]
    """Of each character that has a look of its own, times the strength of the frame."""

    def strength(self, index: int, layer: str) -> float:
        """How strongly a layer is changed in a frame of the run."""
        own = dict(zip(self.cast.over, self.part_strengths, strict=False))
        return self.strengths[index] * own.get(layer, 1.0)

    def result_path(self, frame: int) -> Path:
        """The harmonized picture of a frame."""
        return self.folder / f"{self.name}_{frame:04d}{SUFFIX[self.file_format]}"

    def composite_path(self, frame: int) -> Path:
        """The picture before harmonization, beside it."""
        return self.folder / f"{self.name}_before_{frame:04d}{SUFFIX[self.file_format]}"

    @property
    def spec(self) -> ShotSpec:
        """How whoever renders finds the shot in the file."""
        backdrop, separate = self.cast.backdrop, bool(self.cast.parts)
        place = (self.scene, self.view_layer, self.characters)
        return ShotSpec(
            *place, self.cut, backdrop, separate, bool(self.spared), library=self.library, **vars(self.source)
        )

    @property
    def work_folder(self) -> Path:
        """Rendered layers and estimates, kept so that a change of strength takes seconds."""
        return work_folder(self.folder, self.name)


def read_options(context: bpy.types.Context, *, animation: bool) -> ShotOptions:
    """Check the artist's settings and freeze them.

    Raises:
        HarmonizeError: something is missing; the sentence says what and where to set it.
    """
    scene, settings = context.scene, context.scene.harmonize
    check_scene(scene)
    frames = (scene.frame_current,)
    if animation:
        frames = tuple(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))
    if not frames:
        raise Lack("The frame range is empty: set Start and End in the Output properties")
    source = find_source(context, frames)
    cast = find_whole_cast(context, source) if source.split else find_cast(context)
    plate = find_plate(scene)
    model_path = model.model_path()
    folder, name = output_folder(settings.folder), _clean_name(settings.name_prefix)
    view = None if is_neutral_view(scene) or source.shown else view_key(scene)
    if plate.kind == "rendered":
        picture = f"{BACKGROUND}_####{'.png' if view else '.exr'}"
        plate = replace(plate, source=str(work_folder(folder, name) / picture))
    addon = context.preferences.addons.get(__package__ or "")
    return ShotOptions(
        scene=scene.name,
        view_layer=context.view_layer.name,
        characters=settings.characters.name if settings.characters else "",
        library=library_path(settings.characters) if settings.characters else "",
        frames=frames,
        cast=cast,
        source=source,
        cut=settings.others == "HOLDOUT",
        plate=plate,
        strengths=tuple(animated_value(scene, "harmonize.strength", f, settings.strength) for f in frames),
        smoothing=settings.smoothing if animation else 0.0,
        file_format=settings.file_format,
        folder=folder,
        name=name,
        write_composite=settings.write_composite,
        skip_finished=settings.skip_finished,
        model_path=model_path,
        threads=addon.preferences.threads if addon else 0,
        runtime=model.chosen_runtime(),
        view=view,
        render_fingerprint=(
            *_render_fingerprint(scene, context.view_layer, cast, cut=settings.others == "HOLDOUT"),
            source.split,
            source.names,
        ),
        limits=read_limits(scene),
        spared=protected_materials(scene),
        part_strengths=tuple(strength_of(part.collection) for part in cast.parts),
    )


def check_scene(scene: bpy.types.Scene) -> None:
    """What every run needs of the scene.

    Raises:
        Lack: it is missing, or the scene is set up for pictures that cannot be matched.
    """
    if scene.camera is None:
        raise Lack("The scene has no camera: add one and make it the active camera", "camera")
    if scene.camera.type != "CAMERA":  # Blender allows it; Cycles of 5.2 crashes
        raise Lack(
            f"The active camera {scene.camera.name!r} is another kind of object: choose a camera in the Scene "
            "properties",
            "camera",
        )
    if scene.render.use_multiview:
        raise Lack(
            "Stereoscopy is on, and the eyes cannot be matched together: switch it off in the Output properties, and "
            "match each eye with a camera of its own",
            "stereo",
        )
    if scene.render.engine == "BLENDER_WORKBENCH":
        raise Lack(
            "Workbench renders no light to be matched: choose Cycles or EEVEE in the Render properties", "engine"
        )


def find_cast(context: bpy.types.Context) -> Cast:
    """The objects of the shot by their roles, where the characters are rendered by themselves.

    Raises:
        Lack: no characters are chosen, or none of them could be seen in a render.
    """
    scene, settings = context.scene, context.scene.harmonize
    if settings.characters is None:
        raise Lack(
            "No characters are chosen: pick their collection in the Harmonize panel, or select them and press "
            "Collect Selected",
            "collect",
        )
    backdrop = settings.background if settings.background in RENDERED else ""
    separate = scene.harmonize_characters.separate
    return sort_cast(scene, context.view_layer, settings.characters, backdrop, separate=separate)


def result_file(settings: bpy.types.PropertyGroup, frame: int) -> Path:
    """Where the result of a frame is, with the panel's settings of now.

    Raises:
        InputError: the output folder is not chosen, or cannot be told.
    """
    name = f"{_clean_name(settings.name_prefix)}_{frame:04d}{SUFFIX[settings.file_format]}"
    return output_folder(settings.folder) / name


def work_folder(folder: Path, name: str) -> Path:
    """Where rendered layers of the shot `name` are kept."""
    return folder / f"{_clean_name(name)}_work"


def output_folder(folder: str) -> Path:
    """The absolute output folder.

    Raises:
        Lack: it is relative to a .blend file that was never saved, or empty.
    """
    if not folder.strip():
        raise Lack("No output folder is chosen: set one in the Harmonize panel", "folder")
    if folder.startswith("//") and not bpy.data.filepath:
        raise Lack(
            "The output folder is relative to a .blend file that was never saved: save it, or choose an absolute "
            "folder",
            "save",
        )
    path = Path(bpy.path.abspath(folder))
    if path.exists() and not path.is_dir():
        raise Lack(f"The output folder {path} is a file: choose a folder in the Harmonize panel", "folder")
    return path


def is_neutral_view(scene: bpy.types.Scene) -> bool:
    """Whether the scene shows linear light as plain sRGB, without exposure, look or curves."""
    view = scene.view_settings
    plain = view.view_transform == "Standard" and view.look in ("None", "NONE", "")
    adjusted = view.use_curve_mapping or getattr(view, "use_white_balance", False)
    return plain and not adjusted and abs(view.exposure) < 1e-6 and abs(view.gamma - 1) < 1e-6


def region_of(scene: bpy.types.Scene) -> tuple[float, ...]:
    """The part of the picture that is rendered, as (left, right, bottom, top) in [0, 1]; empty for all of it."""
    render = scene.render
    if not render.use_border:
        return ()
    edges = (render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y)
    return tuple(round(edge, 6) for edge in edges)


def view_key(scene: bpy.types.Scene) -> list[object]:
    """What a view transform depends on, as JSON."""
    view = scene.view_settings
    curves = []
    if view.use_curve_mapping:
        curves = [[list(p.location) for p in curve.points] for curve in view.curve_mapping.curves]
    balance = [getattr(view, n, 0) for n in ("use_white_balance", "white_balance_temperature", "white_balance_tint")]
    return [view.view_transform, view.look, round(view.exposure, 6), round(view.gamma, 6), curves, *balance]


def _render_fingerprint(scene: bpy.types.Scene, view_layer: bpy.types.ViewLayer, cast: Cast, *, cut: bool) -> tuple:
    render = scene.render
    size = (render.resolution_x, render.resolution_y, render.resolution_percentage)
    samples = getattr(getattr(scene, "cycles", None), "samples", 0)
    roles = (cast.characters, cast.others, cast.catchers, *(part.objects for part in cast.parts))
    names = tuple(tuple(sorted(o.name for o in role)) for role in roles)
    return (
        scene.name,
        view_layer.name,
        scene.camera.name,
        size,
        region_of(scene),
        render.engine,
        samples,
        cut,
        names,
        cast.backdrop,
        light_settings.fingerprint(scene),
    )


def _clean_name(name: str) -> str:
    cleaned = "".join(c if c.isalnum() or c in "-_." else "_" for c in name.strip()).strip(".")
    return cleaned or "harmonized"
