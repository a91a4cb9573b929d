# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the user's own 3D files into Blender: bounded, and without running anything that is in them.

Scripts of a .blend never run: it is appended, not opened, so its text blocks and handlers stay behind; drivers that
need Python are removed before the first evaluation, and Blender's own automatic running of scripts is off.
"""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from harmonize_core.errors import InputError
from rdharmony_gen.blender.chatter import quiet
from rdharmony_gen.spec.picture_size import texture_problem, too_large
from rdharmony_gen.spec.user_files import MAX_INSTANCES, MAX_OBJECTS, MAX_TEXTURE_PX


@dataclass
class Findings:
    """What was seen in a file: what forbids its use, what is worth knowing, which other files it needs."""

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def import_file(path: Path, findings: Findings) -> list[bpy.types.Object]:
    """Bring a character file into the session; returns the new objects.

    Raises:
        InputError: Blender cannot read it.
    """
    if path.suffix.lower() == ".blend":
        return append_blend(path, findings)[0]
    before = set(bpy.data.objects)
    try:
        with quiet():
            match path.suffix.lower():
                case ".glb" | ".gltf":
                    bpy.ops.import_scene.gltf(filepath=str(path))
                case ".fbx":
                    bpy.ops.import_scene.fbx(filepath=str(path))
                case _:
                    bpy.ops.wm.obj_import(filepath=str(path))
    except MemoryError:
        raise
    except Exception as error:  # importers are Python programs of their own and raise anything
        raise InputError(f"{path} cannot be read by Blender ({_short(error)}); export it again") from None
    _disarm(findings)
    return [o for o in bpy.data.objects if o not in before]


def append_blend(path: Path, findings: Findings) -> tuple[list[bpy.types.Object], bpy.types.Scene]:
    """Bring the objects of the largest scene of a .blend into the session's scene.

    Returns:
        The objects, and the scene they came from (for its frame and units); remove it when it is not needed any more.

    Raises:
        InputError: not a .blend, a broken one, without a scene, or with too many objects or instances of them.
    """
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    before = set(bpy.data.objects)
    try:
        with quiet(), bpy.data.libraries.load(str(path), link=False) as (there, here):
            objects = len(there.objects)
            if objects <= MAX_OBJECTS:
                here.scenes = list(there.scenes)
    except (OSError, RuntimeError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a whole .blend file ({_short(error)}); save it again") from None
    if objects > MAX_OBJECTS:
        raise InputError(f"{path} holds {objects} objects, more than the {MAX_OBJECTS} allowed; join some of them")
    scenes = [s for s in here.scenes if s is not None]
    if not scenes:
        raise InputError(f"{path} should hold a scene but has none; save it with its scene")
    _disarm(findings)
    chosen = max(scenes, key=lambda s: len(s.collection.all_objects))
    if len(scenes) > 1:
        findings.remarks.append(f"holds {len(scenes)} scenes; {chosen.name!r}, the largest, is used")
    if _shown(chosen.collection) > MAX_INSTANCES:
        raise InputError(
            f"{path} shows more than the {MAX_INSTANCES} objects allowed, counting what is instanced as often as it is "
            "seen; take some of the instances out"
        )
    ours = bpy.context.scene
    for child in chosen.collection.children:
        ours.collection.children.link(child)
    for thing in chosen.collection.objects:
        ours.collection.objects.link(thing)
    _same_exclusions(chosen.view_layers[0].layer_collection, bpy.context.view_layer.layer_collection)
    for other in scenes:
        if other is not chosen:
            bpy.data.scenes.remove(other)
    chosen.world = None
    for thing in bpy.data.objects:  # what is not rendered must not be in the way of rays either
        if thing not in before:
            thing.hide_viewport = thing.hide_render
    for collection in bpy.data.collections:
        collection.hide_viewport = collection.hide_render
    return [o for o in ours.objects if o not in before], chosen


def look_at_files(path: Path, findings: Findings) -> None:
    """Check the images and libraries of the session by their headers, before Blender opens any of them."""
    folder = path.parent
    for library in bpy.data.libraries:
        file = Path(bpy.path.abspath(library.filepath))
        if file.is_file():
            findings.files.append(os.path.relpath(file, folder))
        else:
            findings.problems.append(f"links the library {file}, which is missing; make it local or put it back")
    for image in bpy.data.images:
        if image.source not in ("FILE", "SEQUENCE", "TILED", "GENERATED") or not image.users:
            continue
        file = Path(bpy.path.abspath(image.filepath, library=image.library)) if image.filepath else None
        if image.packed_file is not None:
            problem = texture_problem(image.name, io.BytesIO(image.packed_file.data))
        elif image.source == "GENERATED":
            size = (image.generated_width, image.generated_height)
            problem = too_large(image.name, size) if max(size) > MAX_TEXTURE_PX else ""
        elif image.source != "FILE":
            problem = f"uses the image series {image.name!r}; use a single image"
        elif file is None or not file.is_file():
            problem = f"uses the texture {file or image.name}, which is missing; pack it or put it back"
        else:
            findings.files.append(os.path.relpath(file, folder))
            problem = texture_problem(image.name, file)
        if problem:
            findings.problems.append(problem)
    findings.files = sorted(set(findings.files))


def _shown(top: bpy.types.Collection) -> int:
    """Objects of a collection with what they are instancers of, within one another, before Blender unfolds any.

    Particles and geometry nodes are not counted: what they make is known only when they are evaluated.
    """
    known: dict[str, int] = {}
    children: dict[str, list[bpy.types.Object]] = {}
    for thing in bpy.data.objects:
        if thing.parent is not None:
            children.setdefault(thing.parent.name_full, []).append(thing)

    def of_collection(collection: bpy.types.Collection) -> int:
        if collection.name_full not in known:
            known[collection.name_full] = 0  # of a circle, which Blender does not unfold
            known[collection.name_full] = sum(of_object(o) for o in collection.all_objects)
        return known[collection.name_full]

    def of_object(thing: bpy.types.Object) -> int:
        if thing.instance_type == "COLLECTION" and thing.instance_collection is not None:
            return 1 + of_collection(thing.instance_collection)
        if thing.instance_type in ("VERTS", "FACES") and thing.type == "MESH":
            places = len(thing.data.vertices if thing.instance_type == "VERTS" else thing.data.polygons)
            return 1 + places * sum(of_object(child) for child in children.get(thing.name_full, ()))
        return 1

    return of_collection(top)


def _disarm(findings: Findings) -> None:
    """Remove what would run or write when the scene is evaluated."""
    removed = sum(_without_python(block) for block in _blocks())
    for text in list(bpy.data.texts):
        bpy.data.texts.remove(text)
    fluids = 0
    for thing in bpy.data.objects:
        for modifier in [m for m in thing.modifiers if m.type == "FLUID"]:  # would bake into the user's folders
            thing.modifiers.remove(modifier)
            fluids += 1
    if removed:
        findings.remarks.append(f"{removed} drivers in Python were removed: nothing in a file is ever run")
    if fluids:
        findings.remarks.append(f"{fluids} fluid simulations were removed")


def _blocks() -> list[bpy.types.ID]:
    """All data blocks of the session that may be animated, with the node trees and shape keys inside of others."""
    kinds = (getattr(bpy.data, name) for name in dir(bpy.data))
    blocks = [block for kind in kinds if isinstance(kind, bpy.types.bpy_prop_collection) for block in kind]
    inner = [getattr(block, name, None) for block in blocks for name in ("node_tree", "shape_keys")]
    return [*blocks, *(block for block in inner if block is not None)]


def _without_python(block: bpy.types.ID) -> int:
    """Remove the drivers that Blender would hand to Python; returns how many."""
    animation = getattr(block, "animation_data", None)
    if animation is None:
        return 0
    dangerous = [c for c in animation.drivers if c.driver.type == "SCRIPTED" and not c.driver.is_simple_expression]
    for curve in dangerous:
        animation.drivers.remove(curve)
    return len(dangerous)


def _same_exclusions(theirs: bpy.types.LayerCollection, ours: bpy.types.LayerCollection) -> None:
    """Collections that the file's view layer leaves out stay out."""
    for child in theirs.children:
        mine = ours.children.get(child.name)
        if mine is not None:
            _same_exclusions(child, mine)
            if child.exclude:
                mine.exclude = True


def _short(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
