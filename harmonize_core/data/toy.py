# SPDX-License-Identifier: Apache-2.0
"""Tiny synthetic sets, linear views and photographs, made in milliseconds: to try a pipeline before there is real data.

A picture is smooth coloured noise with an ellipse on it; conditions are exposure and white balance. The photographic
set differs from the rendered one in its noise only.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import srgb_to_linear
from harmonize_core.data.rng import generator
from harmonize_core.formats import rdharmony
from harmonize_core.formats.images import write_image, write_mask, write_text
from harmonize_core.formats.linear_views import LinearView, path_of, write_view

Floats = NDArray[np.float32]


def write_rendered(root: Path, *, views: int = 2, conditions: int = 3, size: int = 96, seed: int = 0) -> Path:
    """A set in RdHarmony layout: `views` scenes, every second held out, all pairs of `conditions`; returns `root`."""
    lines: list[str] = []
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for view in range(views):
        scene = f"toy_{view:02d}_v{view:03d}"
        image, mask = _picture(generator(seed, "rendered", view), size, roughness=8)
        reals = [np.clip(image * _condition(style), 0, 1) for style in range(1, conditions + 1)]
        write_mask(root / "SHuman/masks" / rdharmony.mask_name(scene), mask)
        for bg, real in enumerate(reals, 1):
            write_image(root / "SHuman/real_images" / rdharmony.real_name(scene, bg), real)
            for fg, donor in enumerate(reals, 1):
                if fg == bg:
                    continue
                path = PurePosixPath("SHuman/composite_images") / rdharmony.composite_name(scene, bg, fg)
                write_image(root / path, np.where(mask[..., None] > 0, donor, real))
                label = rdharmony.soft_label(bg, fg, float(mask.mean()))
                lines.append(rdharmony.format_label_line(rdharmony.LabelLine(path, label, bg)))
                splits["test" if view % 2 else "train"].append(str(path))
    write_text(root / "SHuman/SHuman_all_labeled.txt", "".join(f"{line}\n" for line in lines))
    for name, paths in splits.items():
        if paths:
            write_text(root / f"splits/{name}.txt", "".join(f"{path}\n" for path in paths))
    return root


def write_linear(root: Path, *, views: int = 2, conditions: int = 3, size: int = 96, seed: int = 0) -> Path:
    """Linear views of two subjects each with soft edges, every second one held out; returns `root`."""
    for number in range(views):
        rng = generator(seed, "linear", number)
        image, mask = _picture(rng, size, roughness=8)
        coverage = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.0), np.float32)
        coverage[coverage < 0.01] = 0
        ground = srgb_to_linear(image[::-1, ::-1])
        light = srgb_to_linear(image) * coverage[..., None] + ground * (1 - coverage[..., None])
        left = np.arange(size)[None, :] < size // 2
        scene = f"toy_{number:02d}_v{number:03d}"
        view = LinearView(
            path=path_of(root, f"SHuman/{scene}"),
            scene_id=scene,
            place=rdharmony.place_of(scene),
            split="test" if number % 2 else "train",
            styles=tuple(range(1, conditions + 1)),
            view_transform="standard",
        )
        lights = [light * srgb_to_linear(_condition(style)) for style in view.styles]
        write_view(view, lights, coverage, [coverage * left, coverage * ~left])
    return root


def write_photographs(folder: Path, *, count: int = 4, size: int = 96, seed: int = 0) -> Path:
    """Pictures `toy<i>.png` with `toy<i>_mask.png`, as `harmonize make-real` takes them; returns `folder`."""
    for number in range(count):
        image, mask = _picture(generator(seed, "photographic", number), size, roughness=24)
        write_image(folder / f"toy{number}.png", image)
        write_mask(folder / f"toy{number}_mask.png", mask)
    return folder


def write_photographic(root: Path, *, photos: int = 4, per_photo: int = 2, size: int = 96, seed: int = 0) -> Path:
    """A set in iHarmony4 layout; every fourth picture is held out; returns `root`."""
    lists: dict[str, list[str]] = {"train": [], "test": []}
    for number in range(photos):
        rng = generator(seed, "photographic", number)
        image, mask = _picture(rng, size, roughness=24)
        write_image(root / f"HToy/real_images/toy{number}.jpg", image)
        write_mask(root / f"HToy/masks/toy{number}_1.png", mask)
        for k in range(1, per_photo + 1):
            gains = np.exp(rng.normal(0, 0.35, 3)).astype(np.float32)
            name = f"HToy/composite_images/toy{number}_1_{k}.jpg"
            write_image(root / name, np.where(mask[..., None] > 0, np.clip(image * gains, 0, 1), image))
            lists["test" if number % 4 == 3 else "train"].append(name)
    for split, names in lists.items():
        if names:
            write_text(root / f"IHD_{split}.txt", "".join(f"{name}\n" for name in names))
    return root


def _condition(style: int) -> Floats:
    """Factors on sRGB that stand for a capture condition."""
    rng = generator(0, "condition", style)
    return (rng.uniform(0.4, 1.0) * np.exp(rng.normal(0, 0.2, 3))).astype(np.float32)


def _picture(rng: np.random.Generator, size: int, *, roughness: int) -> tuple[Floats, Floats]:
    """(size, size, 3) sRGB in [0.1, 0.9] and the mask (size, size) of an ellipse with its own colours."""
    layers = [_noise(rng, size, cells) for cells in (4, 4, roughness)]
    y, x = np.mgrid[:size, :size] / size
    centre, radius = rng.uniform(0.35, 0.65, 2), rng.uniform(0.15, 0.3, 2)
    mask = (((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2 <= 1).astype(np.float32)
    image = np.where(mask[..., None] > 0, layers[0], layers[1]) * 0.8 + layers[2] * 0.2
    return (0.1 + 0.8 * image).astype(np.float32), mask


def _noise(rng: np.random.Generator, size: int, cells: int) -> Floats:
    coarse = rng.random((cells, cells, 3), dtype=np.float32)
    return np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), 0, 1).astype(np.float32)
