# SPDX-License-Identifier: Apache-2.0
"""`harmonize make-real`: write photographic triplets in the iHarmony4 layout, seeded, resumable, file by file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harmonize_core.color import linear_to_srgb
from harmonize_core.data.edits import Foreground, Transfer, apply_edits, check_generators, draw_edits, record
from harmonize_core.data.photos import Photo, find_all
from harmonize_core.data.plausible import why_implausible
from harmonize_core.data.rng import generator
from harmonize_core.data.transforms import resize
from harmonize_core.errors import ConfigError, DatasetError, InputError
from harmonize_core.formats.images import check_same_size, read_image, read_mask, write_image, write_text
from harmonize_core.make_real.split import SIDES, SplitOptions, arrange, check_split, describe

SUBSET = "Photos"
NOTE = "make_real.json"
PHOTOS = "photos.csv"
MAX_TRIES = 24
"""Edits drawn for one composite before it is given up."""
MIN_FOREGROUND_PIXELS = 64


@dataclass(frozen=True)
class MakeRealOptions:
    """How many composites, how large, and the seed: the same options and photographs give the same bytes."""

    per_photo: int = 8
    """Composites made from each photograph, at least 1."""
    max_side: int = 640
    """Larger photographs are shrunk to this longer side in pixels, at least 32; smaller ones keep their size."""
    quality: int = 95
    """JPEG quality of composites and reals, 1..100 (4:4:4)."""
    generators: tuple[str, ...] = ("transfer", "camera", "transfer+camera", "camera+relight")
    """How foregrounds are changed: each composite takes one of these at random. Transfers are `reinhard`, `mkl`,
    `histogram`, or `transfer` for one of the three; `+` joins several."""
    seed: int = 0
    split: SplitOptions = field(default_factory=SplitOptions)
    """Which photographs are used, held out, and novel."""


@dataclass(frozen=True)
class MakeRealResult:
    """What was written and what was not."""

    photos: int
    composites: int
    held_out: int
    """Composites that are in the test list."""
    skipped: tuple[str, ...]
    """One sentence per photograph or composite left out."""


def make_real(
    photos_dir: Path,
    masks_dir: Path,
    out: Path,
    options: MakeRealOptions | None = None,
    *,
    also: Sequence[Path] = (),
    progress: Callable[[list[Photo]], Iterable[Photo]] = iter,
) -> MakeRealResult:
    """Write `out/Photos/{composite_images,masks,real_images}`, `IHD_train.txt`, `IHD_test.txt`, `photos.csv`, the log.

    `also` are more folders of photographs, with their masks in them. Where a novel category is named, both lists are
    also written apart: `IHD_base_train.txt`, `IHD_novel_train.txt` and the same for test. Each composite's foreground
    is changed by one of the generators (`data.edits`); transfers take the colours of the foreground of another
    photograph of its category and of its side of the split. Implausible results are drawn again. A killed run is
    continued by the same call.

    Raises:
        ConfigError: an option out of range, nothing novel or everything, or `out` holds a set made with other options
            or photographs.
        InputError: a photograph or mask is missing, damaged, or the two differ in size.
        DatasetError: no photograph, or no usable one; two of one name; one series on both sides of the split.
        OutputError: `out` cannot be written to.
    """
    options = options or MakeRealOptions()
    check_options(options)
    found = find_all([(Path(photos_dir), Path(masks_dir)), *((Path(folder), Path(folder)) for folder in also)])
    photos = arrange(found, options.split, options.seed)
    out = Path(out)
    _refuse_other(out, options, photos)
    known, unusable = _donor_colors(photos, options)
    write_text(out / NOTE, _note(options, photos))
    skipped = [
        f"{p.image} was left out: its foreground has fewer than {MIN_FOREGROUND_PIXELS} pixels" for p in unusable
    ]
    lists: dict[str, list[str]] = {split: [] for split in _splits(options)}
    made: dict[str, int] = {}
    log = []
    for photo in progress([p for p in photos if p in known]):
        names, records = _make_one(photo, known, out / SUBSET, options)
        if len(names) < options.per_photo:
            skipped.append(
                f"{photo.image} gave {len(names)} of {options.per_photo} composites: the rest was implausible"
            )
        split = "test" if photo.held_out else "train"
        for listed in {split, f"{SIDES[photo.novel]}_{split}"} & lists.keys():
            lists[listed] += names
        made[photo.name] = len(names)
        log += records
    if not log:
        raise DatasetError(f"{photos_dir} gave no plausible composite: {skipped[0] if skipped else 'no photograph'}")
    for split, names in lists.items():
        if names:
            write_text(out / f"IHD_{split}.txt", "".join(f"{SUBSET}/composite_images/{n}\n" for n in names))
            write_text(out / SUBSET / f"{SUBSET}_{split}.txt", "".join(f"{n}\n" for n in names))
    used = [photo for photo in photos if photo in known]
    write_text(out / PHOTOS, describe(used, made, bool(options.split.novel)))
    write_text(out / "composites.jsonl", "".join(json.dumps(record) + "\n" for record in log))
    return MakeRealResult(len(known), len(log), len(lists["test"]), tuple(skipped))


def _splits(options: MakeRealOptions) -> list[str]:
    """Names of the lists."""
    plain = ["train", "test"]
    return plain + [f"{side}_{split}" for side in SIDES for split in plain] if options.split.novel else plain


def _make_one(
    photo: Photo, known: dict[Photo, np.ndarray], root: Path, options: MakeRealOptions
) -> tuple[list[str], list[dict]]:
    image, mask = _load(photo, options)
    real_file, mask_file = root / "real_images" / f"{photo.name}.jpg", root / "masks" / f"{photo.name}_1.png"
    if not real_file.exists():
        write_image(real_file, image, quality=options.quality)
    if not mask_file.exists():
        write_image(mask_file, mask)  # soft, so that composite and real differ nowhere outside it
    foreground = Foreground.of(image, mask)
    donors = _donors(photo, known)
    names, records = [], []
    for k in range(1, options.per_photo + 1):
        rng = generator(options.seed, "make-real", photo.name, k)
        method = options.generators[int(rng.integers(len(options.generators)))]
        for _ in range(MAX_TRIES):
            donor, edits = donors[int(rng.integers(len(donors)))], draw_edits(method, rng)
            changed = apply_edits(edits, foreground, known[donor])
            if why_implausible(foreground.colors, changed) is None:
                break
        else:
            continue
        name = f"{photo.name}_1_{k}.jpg"
        file = root / "composite_images" / name
        if not file.exists():
            write_image(file, _composite(image, foreground, changed), quality=options.quality)
        names.append(name)
        entry = {"composite": name, "generator": method, "edits": [record(edit) for edit in edits]}
        if any(isinstance(edit, Transfer) for edit in edits):
            entry["donor"] = donor.name
        records.append(entry)
    return names, records


def _composite(image: np.ndarray, foreground: Foreground, changed: np.ndarray) -> np.ndarray:
    """The photograph (H, W, 3) sRGB with its foreground's linear colours (N, 3) changed; equal to it elsewhere."""
    share = foreground.weights[:, None]
    composite = image.copy()
    blended = share * np.clip(changed, 0, 1) + (1 - share) * foreground.colors
    composite[foreground.rows, foreground.columns] = linear_to_srgb(blended)
    return composite


def _donors(photo: Photo, known: dict[Photo, np.ndarray]) -> list[Photo]:
    """Photographs of the same side of the split and of the study: of the same category, else any, else itself."""
    place = photo.held_out, photo.novel
    side = [p for p in known if (p.held_out, p.novel) == place and p.group != photo.group]
    return [p for p in side if p.category == photo.category] or side or [photo]


def _load(photo: Photo, options: MakeRealOptions) -> tuple[np.ndarray, np.ndarray]:
    image, mask = read_image(photo.image), read_mask(photo.mask)
    check_same_size(image, photo.image, mask, photo.mask)
    height, width = mask.shape
    factor = options.max_side / max(height, width)
    if factor < 1:
        size = max(1, round(height * factor)), max(1, round(width * factor))
        image, mask = resize(image, size), resize(mask, size)
    return image, mask


def _donor_colors(photos: list[Photo], options: MakeRealOptions) -> tuple[dict[Photo, np.ndarray], list[Photo]]:
    """What each photograph's foreground would lend, and the photographs whose foreground is too small."""
    known, unusable = {}, []
    for photo in photos:
        image, mask = _load(photo, options)
        if not (mask >= 0.5).any():
            raise InputError(f"{photo.mask} should mark a foreground but no pixel is 0.5 or more; draw the mask again")
        if (mask >= 0.5).sum() < MIN_FOREGROUND_PIXELS:
            unusable.append(photo)
        else:
            known[photo] = Foreground.of(image, mask).sample()
    return known, unusable


def check_options(options: MakeRealOptions) -> None:
    """Refuse what is out of range.

    Raises:
        ConfigError: says which option.
    """
    if options.per_photo < 1:
        raise ConfigError(f"--per-photo should be at least 1 but is {options.per_photo}")
    if options.max_side < 32:
        raise ConfigError(f"--max-side should be at least 32 pixels but is {options.max_side}")
    if not 1 <= options.quality <= 100:
        raise ConfigError(f"--quality should be from 1 to 100 but is {options.quality}")
    check_generators(options.generators)
    check_split(options.split)
    if options.seed < 0:
        raise ConfigError(f"--seed should be 0 or more but is {options.seed}")


def _note(options: MakeRealOptions, photos: list[Photo]) -> str:
    """What is being made, to recognise it when the run goes on."""
    choices = dataclasses.asdict(options)
    if options.split == SplitOptions():  # as sets were noted before there was a choice
        del choices["split"]
    note = {"format": "harmonize-make-real/1", **choices, "photos": [p.name for p in photos]}
    return json.dumps(note, indent=1) + "\n"


def _refuse_other(out: Path, options: MakeRealOptions, photos: list[Photo]) -> None:
    """Refuse a folder in which something else was made."""
    file = out / NOTE
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} should be a folder to write to but is a file; choose another place")
    if file.is_file():
        if file.read_text(encoding="utf-8", errors="replace") != _note(options, photos):
            raise ConfigError(
                f"{out} holds a set made with other options or photographs (see {file.name}); choose an empty folder"
            )
    elif out.is_dir() and any(f for f in out.iterdir() if not f.name.startswith(".")):
        raise ConfigError(f"{out} should be empty or made by make-real but holds other files; choose an empty folder")
