# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of single files and views: each returns what is wrong as sentences, nothing when all is well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harmonize_core.errors import DatasetError, HarmonizeError
from harmonize_core.formats import iharmony4, rdharmony
from harmonize_core.formats.images import image_size, read_exr
from rdharmony_gen.compose.view import SCENE_ID
from rdharmony_gen.spec.dataset import DatasetSpec
from rdharmony_gen.spec.layout import inside
from rdharmony_gen.spec.naming import ViewNames
from rdharmony_gen.spec.records import FG_RATIO, RealLine, TripletLine, ViewLine, ViewRecord

LUMA_RANGE = (0.02, 0.85)
"""Mean luma of a real image, sRGB 0..1: outside it is black or blown out."""
READABLE = 0.10
"""The 95th percentile of luma must reach this: a night is dark but something can be seen."""
BLOWN_SHARE = 0.35
"""Largest allowed share of pixels within 5 levels of white."""
JPEG_BLOCK = 8
MAX_FILE = 2**24
"""Bytes that a picture file may have beyond 8 a pixel."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with one file of a set."""

    path: str
    message: str
    whole: bool = False
    """The file is as it was made and still breaks a rule: making it again gives the same."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def check_view(root: Path, spec: DatasetSpec, record: ViewRecord) -> list[Problem]:
    """Everything about one view: opens its mask, alpha, real images and composites."""
    return [*check_names(record, spec), *_pairs(record, spec), *check_pictures(root, spec, record)]


def check_pictures(root: Path, spec: DatasetSpec, record: ViewRecord) -> list[Problem]:
    """The same but for names and pairs of styles."""
    view, problems = record.view, []
    mask = coverage = None
    for name in dict.fromkeys([view.mask, *(t.mask for t in record.triplets)]):
        try:
            mask = _mask(root, spec, name, view.mask_sha256)
        except HarmonizeError as error:
            problems.append(Problem(name, str(error)))
    if mask is not None:
        problems += _ratio(view, float(mask.mean()))
    try:
        coverage = _alpha(root, spec, view.alpha, view.alpha_sha256)
    except HarmonizeError as error:
        problems.append(Problem(view.alpha, str(error)))
    problems += _subjects(root, spec, view, coverage)
    if mask is not None and coverage is not None and not np.array_equal(mask, coverage >= 0.5):
        problems.append(Problem(view.mask, f"should be 255 exactly where {view.alpha} is at least 0.5 but differs"))

    reals: dict[int, NDArray[np.uint8]] = {}
    seen: dict[str, str] = {}
    for real in record.reals:
        try:
            reals[real.style] = picture = _picture(root, real.path, real.sha256, spec)
        except HarmonizeError as error:
            problems.append(Problem(real.path, str(error)))
            continue
        problems += _exposure(real, picture)
        if real.sha256 in seen:
            problems.append(Problem(real.path, f"should differ from {seen[real.sha256]} but has the same bytes"))
        seen[real.sha256] = real.path
    outside = None if coverage is None else untouched_pixels(coverage, spec.format)
    for triplet in record.triplets:
        problems += _composite(root, spec, triplet, reals.get(triplet.bg_style), outside)
    return problems


def refuse_large(path: Path, spec: DatasetSpec) -> None:
    """A picture file is read whole only if its size is that of a picture.

    Raises:
        DatasetError: it is larger.
    """
    size = path.stat().st_size
    if size > 8 * spec.width * spec.height + MAX_FILE:
        raise DatasetError(f"{path} has {size} bytes, more than any picture of its size; remove it")


def untouched_pixels(coverage: NDArray[np.floating], image_format: str) -> NDArray[np.bool_]:
    """Where composite and real must be equal: coverage 0, in JPEG only in blocks of 8 x 8 without any coverage."""
    outside = coverage <= 0
    if image_format == "png":
        return outside
    height, width = outside.shape
    pad = ((0, -height % JPEG_BLOCK), (0, -width % JPEG_BLOCK))
    padded = np.pad(outside, pad, constant_values=True)
    rows, columns = padded.shape[0] // JPEG_BLOCK, padded.shape[1] // JPEG_BLOCK
    blocks = padded.reshape(rows, JPEG_BLOCK, columns, JPEG_BLOCK).all(axis=(1, 3))
    return np.kron(blocks, np.ones((JPEG_BLOCK, JPEG_BLOCK), dtype=bool))[:height, :width]


def check_renders(folder: Path, spec: DatasetSpec, styles: list[str]) -> list[Problem]:
    """Kept renders of a view: every EXR opens, has its channels and size, and holds values in range.

    `aux.exr` (depth, albedo, normals) is looked at where there is one; its depth is infinite in the sky.
    """
    wanted = {style: "RGB" for style in styles} | {"coverage": "Y"}
    if (folder / "aux.exr").is_file():
        wanted["aux"] = "Z"
    problems = []
    for name, needed in wanted.items():
        path = folder / f"{name}.exr"
        try:
            channels = read_exr(path)
        except HarmonizeError as error:
            problems.append(Problem(str(path), str(error)))
            continue
        if not set(needed) <= set(channels):
            problems.append(Problem(str(path), f"should hold the channels {', '.join(sorted(needed))}"))
            continue
        if {c.shape for c in channels.values()} != {(spec.height, spec.width)}:
            problems.append(Problem(str(path), f"should be {spec.width}x{spec.height} but is not"))
            continue
        if fault := _wrong_values(name, channels):
            problems.append(Problem(str(path), f"should hold {fault} only but does not"))
    return problems


def _wrong_values(name: str, channels: dict[str, NDArray[np.float32]]) -> str | None:
    """What an EXR of that name should hold, if it does not."""
    values = np.stack([*channels.values()])
    if name == "aux":
        return "numbers" if np.isnan(values).any() else None
    if not np.isfinite(values).all():
        return "finite values"
    if name == "coverage":
        subjects = [c for n, c in channels.items() if n != "Y"]
        if values.min() < 0 or values.max() > 1:
            return "coverage in [0, 1]"
        if subjects and (np.sum(subjects, axis=0) > channels["Y"] + 1e-3).any():
            return "coverage of subjects within that of all"
    return None


def check_names(record: ViewRecord, spec: DatasetSpec) -> Iterator[Problem]:
    """Names as the layout has them, by which the loaders find real image and mask of a composite."""
    view = record.view
    if not SCENE_ID.fullmatch(view.scene_id):
        yield Problem(view.mask, f"the scene id {view.scene_id[:200]!r} should hold lower-case words joined by _ only")
    folder = rdharmony.CATEGORY_FOLDERS.get(view.category, "?")
    names = ViewNames(spec.layout, folder, view.scene_id, f".{spec.format}")
    rules = rdharmony if spec.layout == "rdharmony" else iharmony4
    named = [(view.alpha, names.alpha())]
    named += [(s.path, names.alpha(number)) for number, s in enumerate(view.subjects, 1)]
    named += [(view.mask, names.mask(r.style)) for r in record.reals[:1]]
    named += [(r.path, names.real(r.style)) for r in record.reals]
    for t in record.triplets:
        named += [(t.composite, names.composite(t.bg_style, t.fg_style)), (t.mask, names.mask(t.bg_style))]
        composite = PurePosixPath(t.composite)
        if str(rules.real_of(composite)) != t.real or str(rules.mask_of(composite)) != t.mask:
            yield Problem(t.composite, "its name should lead to its real image and mask but does not")
    for path, wanted in named:
        if path != wanted:
            yield Problem(path, f"should be named {wanted}")


def _pairs(record: ViewRecord, spec: DatasetSpec) -> Iterator[Problem]:
    styles = sorted(r.style for r in record.reals)
    pairs = sorted((t.bg_style, t.fg_style) for t in record.triplets)
    if len(styles) != len(spec.styles) or pairs != [(a, b) for a in styles for b in styles if a != b]:
        yield Problem(record.view.mask, f"the view should have {len(spec.styles)} styles and all their ordered pairs")


def _mask(root: Path, spec: DatasetSpec, name: str, sha256: str) -> NDArray[np.bool_]:
    with _whole(inside(root, name), sha256, spec) as image:
        values = np.asarray(image)
    if values.ndim != 2 or not np.isin(values, (0, 255)).all():
        raise DatasetError("a mask should be 8-bit grey with the values 0 and 255 only but is not")
    return values == 255


def _subjects(root: Path, spec: DatasetSpec, view: ViewLine, coverage: NDArray[np.float64] | None) -> Iterator[Problem]:
    """Alphas of single subjects: together they cover no more than the view's alpha."""
    total = np.zeros((spec.height, spec.width))
    for subject in view.subjects:
        try:
            total += _alpha(root, spec, subject.path, subject.sha256)
        except HarmonizeError as error:
            yield Problem(subject.path, str(error))
    if view.subjects and coverage is not None and (total > coverage + 0.5 / 65535).any():
        yield Problem(view.alpha, "should cover at least what its subjects cover together but covers less")


def _alpha(root: Path, spec: DatasetSpec, name: str, sha256: str) -> NDArray[np.float64]:
    path = inside(root, name)
    _whole(path, sha256, spec).close()
    values = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 2:
        raise DatasetError(f"{name} should be 16-bit grey but is not")
    return values / 65535


def _ratio(view: ViewLine, ratio: float) -> Iterator[Problem]:
    if abs(ratio - view.fg_ratio) > 1e-5:
        yield Problem(view.mask, f"covers {ratio:.4f} of the picture but the manifest says {view.fg_ratio:.4f}")
    if not FG_RATIO[0] <= ratio <= FG_RATIO[1]:
        wanted = f"between {FG_RATIO[0]:.0%} and {FG_RATIO[1]:.0%}"
        message = f"the foreground should cover {wanted} of the picture but covers {ratio:.1%}"
        yield Problem(view.mask, message, whole=True)


def _picture(root: Path, name: str, sha256: str, spec: DatasetSpec) -> NDArray[np.uint8]:
    with _whole(inside(root, name), sha256, spec) as image:
        if image.mode != "RGB":
            raise DatasetError(f"should be an RGB image but is {image.mode}")
        return np.asarray(image)


def _whole(path: Path, sha256: str, spec: DatasetSpec) -> Image.Image:
    """Open an image after looking at its digest and size; the caller closes it."""
    height, width = image_size(path)
    if (width, height) != (spec.width, spec.height):
        raise DatasetError(f"{path} should be {spec.width}x{spec.height} but is {width}x{height}")
    refuse_large(path, spec)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != sha256:
        raise DatasetError(f"{path} was changed after it was made: SHA-256 {digest[:12]}..., manifest {sha256[:12]}...")
    image = Image.open(path)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"{path} is damaged or cut off ({error})") from None
    return image


def _exposure(real: RealLine, picture: NDArray[np.uint8]) -> Iterator[Problem]:
    luma = (picture @ np.array([0.2126, 0.7152, 0.0722])) / 255
    mean, bright = float(luma.mean()), float(np.percentile(luma, 95))
    blown = float((picture >= 250).all(axis=-1).mean())
    if mean < LUMA_RANGE[0] or bright < READABLE:
        message = f"should be readable but is nearly black (mean luma {mean:.3f}, 95th percentile {bright:.3f})"
        yield Problem(real.path, message, whole=True)
    if mean > LUMA_RANGE[1] or blown > BLOWN_SHARE:
        message = f"should not be blown out but {blown:.0%} of it is white (mean luma {mean:.3f})"
        yield Problem(real.path, message, whole=True)


def _composite(
    root: Path,
    spec: DatasetSpec,
    triplet: TripletLine,
    real: NDArray[np.uint8] | None,
    outside: NDArray[np.bool_] | None,
) -> Iterator[Problem]:
    try:
        composite = _picture(root, triplet.composite, triplet.sha256, spec)
    except HarmonizeError as error:
        yield Problem(triplet.composite, str(error))
        return
    if real is None or outside is None:
        return
    wrong = int((composite[outside] != real[outside]).any(axis=-1).sum())
    if wrong:
        yield Problem(
            triplet.composite, f"should equal its real image outside the foreground but {wrong} pixels differ"
        )
