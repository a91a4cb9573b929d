# SPDX-License-Identifier: GPL-3.0-or-later
"""What a data set is to contain: the few numbers from which every job, picture and label follows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from harmonize_core.errors import ConfigError, UnknownName
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.spec.clip import FRAMES, MAX_PAIRS
from rdharmony_gen.spec.codec import decode
from rdharmony_gen.spec.job import RENDERERS, SAMPLES, STRATEGIES, Renderer, Strategy
from rdharmony_gen.spec.naming import LAYOUTS, LayoutName
from rdharmony_gen.spec.scenes import SCENES, scenes_for
from rdharmony_gen.spec.styles import NAME, STYLE_NAMES, STYLES, Style, style_table
from rdharmony_gen.spec.user_files import UserCharacter, UserScene

SIDE_RANGE = (32, 8192)
MAX_VIEWS = 999_999
VIEWS_A_PLACE = 50
SPLITS = ("train", "val", "test")
TEST_SCENES = ("city_corner",)
"""Places of the test split unless others are named; every category can stand there, as in those of `VAL_SCENES`."""
VAL_SCENES = ("street",)
"""Places of the validation split unless others are named, in a set that has them and keeps others to train on."""
MAX_SUBJECTS = 4
MAX_SAMPLES = 65536
ImageFormat = Literal["jpg", "png"]
ViewTransform = Literal["standard", "agx", "filmic"]
VIEW_TRANSFORMS: tuple[ViewTransform, ...] = get_args(ViewTransform)


@dataclass(frozen=True)
class DatasetSpec:
    """The recipe of a data set; equal specs give equal bytes on one machine."""

    views: int | None
    """Camera views per category, dealt in turn over the places that fit it; None for `VIEWS_A_PLACE` in each."""
    categories: tuple[str, ...]
    scenes: tuple[str, ...]
    styles: tuple[str, ...]
    """Names of capture conditions, in the order of their numbers; at least two."""
    test_scenes: tuple[str, ...]
    val_scenes: tuple[str, ...]
    views_per_scene: int
    """How many views share one seeded variant of a place."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    samples: int
    """Path-tracing samples a pixel (`RenderJob.samples`)."""
    seed: int
    format: ImageFormat
    """Of composites and real images; JPEG is quality 95 without chroma subsampling."""
    layout: LayoutName = "rdharmony"
    """Names of files and lists (`spec.naming`)."""
    view_transform: ViewTransform = "standard"
    """From exposed light to display colours (`compose.view_transform`)."""
    own_styles: tuple[Style, ...] = ()
    """Styles beyond the ten, numbered from 11 on, as they were read from the user's file."""
    subjects: int = 1
    """Foregrounds of a view."""
    characters: tuple[UserCharacter, ...] = ()
    """Files of the user's own that take the place of the packaged assets of their categories."""
    user_scenes: tuple[UserScene, ...] = ()
    """Places of the user's own, besides `scenes`."""
    strategy: Strategy = "shared"
    """As of `RenderJob`."""
    renderer: Renderer = "cycles"
    """As of `RenderJob`."""
    clip: int = 0
    """Frames of a clip; 0 for stills."""
    clip_pairs: int = 6
    """Composite videos of each view of clips."""


def make_spec(
    *,
    views: int | None = None,
    categories: Sequence[str] = ("human",),
    scenes: Sequence[str] = tuple(SCENES),
    styles: Sequence[str] = STYLE_NAMES,
    test_scenes: Sequence[str] | None = None,
    val_scenes: Sequence[str] | None = None,
    views_per_scene: int = 5,
    size: str = "512x512",
    samples: int | None = None,
    seed: int = 0,
    format: str = "jpg",
    layout: str = "rdharmony",
    view_transform: str = "standard",
    own_styles: Sequence[Style] = (),
    subjects: int = 1,
    characters: Sequence[UserCharacter] = (),
    user_scenes: Sequence[UserScene] = (),
    strategy: str = "shared",
    renderer: str = "cycles",
    clip: int = 0,
    clip_pairs: int = 6,
) -> DatasetSpec:
    """Check the user's choices and put lists into their canonical order.

    Without `test_scenes` they are `TEST_SCENES`, chosen or not; without `val_scenes` as `default_val_scenes` says.

    Raises:
        UnknownName: a category, scene or style that does not exist.
        ConfigError: a number out of range, a repeated name, or choices that contradict each other.
    """
    width, height = parse_size(size)
    _in_range("--views", 1 if views is None else views, 1, MAX_VIEWS)
    _in_range("--subjects", subjects, 1, MAX_SUBJECTS)
    _in_range("--views-per-scene", views_per_scene, 1, MAX_VIEWS)
    if strategy not in STRATEGIES:
        raise ConfigError(f"--strategy should be {' or '.join(STRATEGIES)} but is {strategy!r}")
    if renderer not in RENDERERS:
        raise ConfigError(f"--renderer should be {' or '.join(RENDERERS)} but is {renderer!r}")
    samples = SAMPLES[strategy if renderer == "cycles" else "fresh"] if samples is None else samples
    _in_range("--samples", samples, 1, MAX_SAMPLES)
    _in_range("--seed", seed, 0, 2**63 - 1)
    if format not in ("jpg", "png"):
        raise ConfigError(f"--format should be jpg or png but is {format!r}")
    if layout not in LAYOUTS:
        raise ConfigError(f"--layout should be {' or '.join(LAYOUTS)} but is {layout!r}")
    if clip:
        _in_range("--clip", clip, *FRAMES)
        _in_range("--clip-pairs", clip_pairs, 1, MAX_PAIRS)
        _refuse_with_clips(format, strategy, renderer, layout, subjects)
        layout = "hyoutube"
    elif layout == "hyoutube":
        raise ConfigError("--layout hyoutube is that of clips; add --clip 24, or choose rdharmony or iharmony4")
    if view_transform not in VIEW_TRANSFORMS:
        raise ConfigError(f"--view-transform should be {', '.join(VIEW_TRANSFORMS)} but is {view_transform!r}")
    chosen_styles = _choose("style", styles, (*STYLE_NAMES, *(s.name for s in own_styles)))
    if len(chosen_styles) < 2:
        raise ConfigError(
            f"--styles should name at least two styles, to exchange foregrounds between, but names {len(chosen_styles)}"
        )
    chosen_scenes = _choose("scene", scenes, tuple(SCENES))
    chosen_places = (*chosen_scenes, *(s.name for s in user_scenes))
    tests = _held_out("--test-scenes", test_scenes, TEST_SCENES, chosen_places)
    vals = _held_out("--val-scenes", val_scenes, default_val_scenes(chosen_places, tests), chosen_places)
    if both := set(tests) & set(vals):
        raise ConfigError(
            f"--test-scenes and --val-scenes should share no scene but both name {', '.join(sorted(both))}"
        )
    chosen_categories = _some("--category", _choose("category", categories, CATEGORY_FOLDERS))
    _some("--scenes", (*chosen_scenes, *user_scenes))
    if not user_scenes:
        for category in chosen_categories:
            fitting_scenes(category, chosen_scenes)
    if characters and not {c.category for c in characters} & set(chosen_categories):
        found = ", ".join(sorted({c.category for c in characters}))
        raise ConfigError(
            f"--characters should hold some of the category {', '.join(chosen_categories)} but holds {found}; "
            f"add --category {found.split(', ')[0]}"
        )
    return DatasetSpec(
        views=views,
        categories=chosen_categories,
        scenes=chosen_scenes,
        styles=chosen_styles,
        test_scenes=tests,
        val_scenes=vals,
        views_per_scene=views_per_scene,
        width=width,
        height=height,
        samples=samples,
        seed=seed,
        format=format,
        layout=layout,
        view_transform=view_transform,
        own_styles=tuple(s for s in own_styles if s.name in chosen_styles),
        subjects=subjects,
        characters=tuple(c for c in characters if c.category in chosen_categories),
        user_scenes=tuple(user_scenes),
        strategy=strategy,
        renderer=renderer,
        clip=clip,
        clip_pairs=clip_pairs,
    )


def read_spec(path: Path) -> DatasetSpec:
    """The spec that a planned set holds, with its numbers in range: whoever wrote the file decides what is run.

    Raises:
        InputError: the file cannot be read.
        ConfigError: it does not decode, or a number is out of range.
    """
    spec = decode(path, DatasetSpec)
    ranges = {
        "subjects": (1, MAX_SUBJECTS),
        "views_per_scene": (1, MAX_VIEWS),
        "samples": (1, MAX_SAMPLES),
        "seed": (0, 2**63 - 1),
        "width": SIDE_RANGE,
        "height": SIDE_RANGE,
    }
    if spec.views is not None:
        ranges["views"] = (1, MAX_VIEWS)
    if spec.clip:
        ranges |= {"clip": FRAMES, "clip_pairs": (1, MAX_PAIRS)}
    if bool(spec.clip) != (spec.layout == "hyoutube"):
        raise ConfigError(f"layout in {path} should be hyoutube for clips and for nothing else; plan it again")
    for name, (low, high) in ranges.items():
        _in_range(f"{name} in {path}", getattr(spec, name), low, high)
    numbers = [style.style_id for style in spec.own_styles]
    if any(not NAME.fullmatch(s.name) for s in spec.own_styles) or numbers != sorted({n for n in numbers if n > 10}):
        raise ConfigError(f"own_styles in {path} should have plain names and rising numbers from 11 on; plan it again")
    return spec


def styles_of(spec: DatasetSpec) -> tuple[Style, ...]:
    """The styles of a set in the order of their numbers."""
    return style_table(spec.styles, spec.own_styles)


def label_length(spec: DatasetSpec) -> int:
    """Entries of a soft label: ten, or as many as the highest number of a style of the set."""
    return max(len(STYLES), *(style.style_id for style in styles_of(spec)))


def fitting_scenes(category: str, scenes: Sequence[str]) -> tuple[str, ...]:
    """Those of `scenes` in which a subject of the category can stand, in their order.

    Raises:
        ConfigError: none of them.
    """
    fit = scenes_for(category)
    found = tuple(scene for scene in scenes if scene in fit)
    if not found:
        raise ConfigError(
            f"--scenes should name a place for the category {category} ({', '.join(fit)}) "
            f"but names only {', '.join(scenes)}; add one or leave {category} out"
        )
    return found


def places_for(spec: DatasetSpec, category: str) -> tuple[str, ...]:
    """Names of the recipe's places in which a subject of the category can stand; all of the user's own are tried.

    Raises:
        ConfigError: none.
    """
    own = tuple(scene.name for scene in spec.user_scenes)
    if own and not set(spec.scenes) & set(scenes_for(category)):
        return own
    return (*fitting_scenes(category, spec.scenes), *own)


def views_of(spec: DatasetSpec, category: str) -> int:
    """How many views of a category the recipe asks for."""
    return VIEWS_A_PLACE * len(places_for(spec, category)) if spec.views is None else spec.views


def parse_size(text: str) -> tuple[int, int]:
    """`"640x360"` to (width, height) in pixels.

    Raises:
        ConfigError: not of this form, or a side outside 32..8192.
    """
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.strip().lower())
    if not match:
        raise ConfigError(f"--size should read WIDTHxHEIGHT, for instance 512x512, but reads {text!r}")
    width, height = int(match[1]), int(match[2])
    _in_range("--size width", width, *SIDE_RANGE)
    _in_range("--size height", height, *SIDE_RANGE)
    return width, height


def growth_only(old: DatasetSpec, new: DatasetSpec) -> str | None:
    """None if a set made from `old` may go on as `new` (equal, or more views), else what differs in words."""
    for field in dataclasses.fields(DatasetSpec):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name == "views":
            counts = [(views_of(old, c), views_of(new, c)) for c in old.categories if c in new.categories]
            if all(b <= a for b, a in counts):
                continue
        if before != after:
            old_words, new_words = _words(before), _words(after)
            if old_words == new_words:
                return f"{field.name} ({old_words}) was written with other values"
            return f"{field.name} was {old_words} and is now {new_words}"
    return None


def split_of(spec: DatasetSpec, scene: str) -> str:
    """Which of train, val and test all pictures of a 3D scene belong to."""
    return "test" if scene in spec.test_scenes else "val" if scene in spec.val_scenes else "train"


def default_val_scenes(places: Sequence[str], tests: Sequence[str]) -> tuple[str, ...]:
    """`VAL_SCENES` if they are among the places of a set, not for testing, and leave a place to train on; else none."""
    vals = tuple(scene for scene in VAL_SCENES if scene in places and scene not in tests)
    return vals if set(places) - {*tests, *vals} else ()


def _held_out(option: str, named: Sequence[str] | None, usual: tuple[str, ...], places: Sequence[str]) -> tuple:
    """Places of a split: those that were named, which must be places of the set, or the usual ones."""
    if named is None:
        return usual
    chosen = _choose("scene", named, tuple(dict.fromkeys((*SCENES, *places))))
    if missing := [name for name in chosen if name not in places]:
        raise ConfigError(
            f"{option} should name places of the set ({', '.join(places)}) but names {missing[0]}; add it to "
            "--scenes or leave it out"
        )
    return chosen


def _refuse_with_clips(format: str, strategy: str, renderer: str, layout: str, subjects: int) -> None:
    """Choices that clips do not have, each with its reason."""
    if format != "jpg":
        raise ConfigError(f"--clip writes jpg, as the HYouTube layout has it; leave --format {format} out")
    if strategy != "shared":
        raise ConfigError(f"--clip renders frames with the shared strategy only; leave --strategy {strategy} out")
    if renderer != "cycles":
        raise ConfigError(f"--clip renders frames with cycles only; leave --renderer {renderer} out")
    if layout not in ("rdharmony", "hyoutube"):
        raise ConfigError(f"--clip writes the HYouTube layout; leave --layout {layout} out")
    if subjects != 1:
        raise ConfigError(f"--clip shows one moving subject a view; leave --subjects {subjects} out")


def _choose(kind: str, chosen: Sequence[str], known: Sequence[str] | dict[str, str]) -> tuple:
    order = list(known)
    for name in chosen:
        if name not in order:
            raise UnknownName.of(kind, name, order)
    if len(set(chosen)) != len(chosen):
        raise ConfigError(f"every {kind} should be named once but the list is {', '.join(chosen)}")
    return tuple(name for name in order if name in chosen)


def _some(option: str, chosen: tuple) -> tuple:
    if not chosen:
        raise ConfigError(f"{option} should name at least one but names none")
    return chosen


def _in_range(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{option} should be between {low} and {high} but is {value}")


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(getattr(item, "name", item)) for item in value) or "none"
    return "none" if value is None else str(value)
