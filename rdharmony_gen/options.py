# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the command line mean: the recipe of a data set, and how its jobs are worked off."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from harmonize_core.errors import ConfigError, HarmonizeError, InputError, UnknownName
from rdharmony_gen.spec.dataset import DatasetSpec, make_spec, read_spec
from rdharmony_gen.spec.job import Device
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.scenes import SCENES
from rdharmony_gen.spec.styles import STYLE_NAMES, Style

if TYPE_CHECKING:
    from rdharmony_gen.run.steps import WorkOptions
    from rdharmony_gen.spec.user_files import UserCharacter, UserScene

Names = tuple[str, ...]


class BadArguments(HarmonizeError):
    """Options that parse but make no sense; the exit code is 2."""


@dataclass(frozen=True)
class SetOptions:
    """The recipe of a data set, as options."""

    views: int | None = None
    """Camera views per category, dealt in turn over the places that fit it (no car stands in a room); 50 in each
    place if not given."""
    category: Names = ("human",)
    """What stands in the foreground; `rdharmony assets` lists what there is."""
    size: str = "512x512"
    """Width x height in pixels, for instance 1920x1080."""
    seed: int = 0
    """Root of all chance; the same seed gives the same bytes."""
    samples: int | None = None
    """Paths a pixel before denoising: 12 for each direction of the sun (shared), 64 for each picture (fresh)."""
    strategy: str = "shared"
    """Conditions share renders, or every one is rendered from scratch as other generators do (fresh): much dearer."""
    renderer: str = "cycles"
    """The path tracer cycles, or the rasteriser eevee."""
    styles: Names = ()
    """Names of capture conditions (see `rdharmony styles`) and files of own ones (.toml, .yaml); all ten if none."""
    scenes: Names = ()
    """Kinds of places to use (see `rdharmony scenes`); all if none is given."""
    test_scenes: Names | None = None
    """Places whose pictures form the test split, and no other; city_corner if none is given."""
    val_scenes: Names | None = None
    """Places whose pictures form the validation split, and no other; street if none is given and others are left to
    train on."""
    views_per_scene: int = 5
    """Views that share one seeded variant of a place."""
    format: str = "jpg"
    """Of composites and real images, jpg or png."""
    layout: str = "rdharmony"
    """Of names and lists, rdharmony or iharmony4; clips have their own, that of HYouTube."""
    clip: int = 0
    """Render clips of so many frames, 24 a second, instead of stills: a moving camera, people who walk."""
    clip_pairs: int = 6
    """Composite videos of each view, each another pair of styles; 6 need 3 styles of the chosen ones."""
    view_transform: str = "standard"
    """From light to display colours: standard, agx or filmic."""
    subjects: int = 1
    """Foregrounds in each view, 1 to 4; together they are what is exchanged."""
    characters: Path | None = None
    """Folder with your own characters (.glb .gltf .fbx .obj .blend), which take the place of the packaged ones; check
    them with `rdharmony assets --characters`."""
    scene: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """Your own scene, a .blend file, as a place; may be given several times. Nothing in it is ever run."""
    keep_lights: bool = False
    """Leave the lights of your own scenes burning in every style; otherwise they are lamps that a style turns on."""
    characters_collection: str = ""
    """Collection of your own scenes with their characters, who are then the foreground; "Characters" if there is one.
    Without any, subjects are placed on the scene's ground."""


@dataclass(frozen=True)
class Machines:
    """Which machines work on a set, as options."""

    shard: str = ""
    """Do the i-th of n parts only, as `i/n`: for job arrays (see scripts/slurm_array.sh)."""
    engine: Literal["local", "ray"] = "local"
    """Worker processes here, or on all nodes of a Ray cluster that see the folder."""
    address: str = "auto"
    """Ray: the cluster, `host:port`, or the one that this machine is part of."""
    cpus_per_job: int = 2
    """Ray: processors that one Blender gets."""
    gpus_per_job: float = 0
    """Ray: GPUs that one Blender gets."""
    blender: Path | None = None
    """A Blender program (4.2 or later) that renders instead of the bpy package; see `rdharmony doctor --blender`."""
    device: Device = "auto"
    """Of Cycles: auto takes a graphics card if there is one; other devices give other noise, so keep to one a set."""
    gpu_index: int = 0
    """Which card, from 0, where there are several."""


def spec_of(recipe: SetOptions, out: Path | None = None) -> DatasetSpec:
    """The checked recipe of the set in the folder `out`, if it has a folder yet.

    Places of test and validation that were not named are those that a set there was begun with, so that a default that
    changes from one version to the next moves no picture from split to split.

    Raises:
        BadArguments: an option names what does not exist, is out of range, or contradicts another.
        ConfigError: the recipe in the folder cannot be read.
    """
    options = asdict(recipe)
    file = SetLayout(out).spec if out else None
    begun = read_spec(file) if file and file.is_file() else None
    options["categories"] = options.pop("category")
    for name in ("scene", "keep_lights", "characters_collection"):
        del options[name]
    options["scenes"] = options["scenes"] or (() if recipe.scene else tuple(SCENES))
    try:
        options["characters"], options["user_scenes"] = own_files(recipe)
        options["styles"], options["own_styles"] = chosen_styles(recipe.styles)
        spec = make_spec(**options)
    except (ConfigError, InputError, UnknownName) as error:
        raise BadArguments(str(error)) from None
    if begun:
        kept = {name: getattr(begun, name) for name in ("test_scenes", "val_scenes") if options[name] is None}
        spec = replace(spec, **kept)
    return spec


def own_files(recipe: SetOptions) -> tuple[tuple[UserCharacter, ...], tuple[UserScene, ...]]:
    """The user's own characters and scenes that can be used; what is wrong with others goes to standard error.

    Raises:
        InputError: a folder is none or is empty, a scene cannot be used, or no character can.
    """
    from rdharmony_gen.run.user_files import check_characters, check_scenes, usable

    characters = usable(check_characters(recipe.characters), "characters") if recipe.characters else []
    scenes = check_scenes(recipe.scene, recipe.characters_collection, recipe.keep_lights)
    if scenes:
        good = usable(scenes, "scenes")
        if len(good) < len(scenes):  # a place that is left out would shift all views
            raise InputError(f"{len(scenes) - len(good)} of {len(scenes)} scenes cannot be used; leave them out")
    else:
        good = []
    return tuple(c.character for c in characters if c.character), tuple(s.scene for s in good if s.scene)


def chosen_styles(words: Names) -> tuple[Names, tuple[Style, ...]]:
    """Names of the styles that words of the command line mean, and the own ones among them with their numbers.

    Raises:
        InputError: a file, or a panorama that it names, cannot be read.
        ConfigError: something in a file is wrong, or two files have a style of one name.
    """
    from rdharmony_gen.sampling.style_file import is_style_file, read_styles

    names: list[str] = []
    own: list[Style] = []
    for word in words:
        if not is_style_file(word):
            names.append(word)
            continue
        found = read_styles(Path(word), len(STYLE_NAMES) + len(own) + 1)
        if both := sorted({s.name for s in own} & {s.name for s in found}):
            raise ConfigError(f"{word} has a style {both[0]!r} that another file has too; give it another name")
        own += found
        names += [style.name for style in found]
    return tuple(names) or STYLE_NAMES, tuple(own)


def work_options(
    workers: int | None, timeout_s: float, steps_text: str, keep_renders: bool, machines: Machines
) -> WorkOptions:
    """The checked options of the work; a bad number is refused before anything is made.

    Raises:
        BadArguments: a number is out of range, or the shard does not read i/n.
    """
    from rdharmony_gen.run.jobs import parse_shard
    from rdharmony_gen.run.steps import WorkOptions

    if workers is not None and not 1 <= workers <= 1024:
        raise BadArguments(f"--workers should be between 1 and 1024 but is {workers}")
    if not timeout_s > 0:
        raise BadArguments(f"--timeout-s should be more than 0 but is {timeout_s:g}")
    if not 1 <= machines.cpus_per_job <= 1024:
        raise BadArguments(f"--cpus-per-job should be between 1 and 1024 but is {machines.cpus_per_job}")
    if machines.blender and machines.engine == "ray":
        raise BadArguments("--blender works with --engine local; nodes of a Ray cluster render with their bpy package")
    if not 0 <= machines.gpus_per_job <= 64:
        raise BadArguments(f"--gpus-per-job should be between 0 and 64 but is {machines.gpus_per_job:g}")
    if not 0 <= machines.gpu_index <= 64:
        raise BadArguments(f"--gpu-index should be between 0 and 64 but is {machines.gpu_index}")
    options = asdict(machines)
    # workers inherit it, as they do CUDA_VISIBLE_DEVICES
    os.environ["RDHARMONY_DEVICE"] = options.pop("device")
    os.environ["RDHARMONY_GPU_INDEX"] = str(options.pop("gpu_index"))
    try:
        options["shard"] = parse_shard(machines.shard)
    except ConfigError as error:
        raise BadArguments(str(error)) from None
    return WorkOptions(workers=workers, steps=steps_text, keep_renders=keep_renders, timeout_s=timeout_s, **options)
