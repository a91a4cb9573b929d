# SPDX-License-Identifier: GPL-3.0-or-later
"""A data set of triplets on disk, in the project's layout, from arrays alone: no Blender, no imaging library.

    <Cat>/real_images/<scene>-<A>.png   composite_images/<scene>-<A>_<B>.png   masks/<scene>.png   alpha/<scene>.png
    <Cat>/<Cat>_all_labeled.txt   splits/{train,val,test}.txt   manifest.jsonl   dataset.json   .harmonize/  (ours)

`A` is the style of the background, `B` that of the foreground. Views are written one by one, whole or not at all; lists
and manifest are made anew from all views that are there, so shots can share a set, and a stopped export goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError, OutputError

from .bridge.files import DAMAGED, encode_png, write_atomic

Floats = NDArray[np.float32]
Pair = tuple[int, int]

CATEGORIES = {
    "human": "SHuman",
    "bottle": "SBottle",
    "cake": "SCake",
    "motorcycle": "SMotorcycle",
    "cow": "SCow",
    "couch": "SCouch",
    "apple": "SApple",
    "car": "SCar",
    "chair": "SChair",
    "dog": "SDog",
    "knife": "SKnife",
}
"""RdHarmony's eleven categories and their folders (bcmi/Rendered-Image-Harmonization-Dataset-RdHarmony@9a647e8)."""

SPLITS = ("train", "val", "test")
LABELS = 10
"""Fewest entries of a soft label."""
FORMAT = "rdharmony/1"
LUMA = np.array([0.2126, 0.7152, 0.0722])
STATE = ".harmonize"


@dataclass(frozen=True)
class View:
    """One frame of a shot in all its lights."""

    category: str
    place: str
    """Lower case letters, digits and single underscores: what may be in one split only."""
    number: int
    """Of the view in its place: the frame."""
    split: str
    styles: Mapping[int, Mapping[str, Any]]
    """By number: the line of a style's condition in the manifest."""
    exposures: Mapping[int, tuple[float, tuple[float, float, float]]]
    """By number: stops and white-balance gains."""
    geometry: Mapping[str, Any]

    @property
    def scene_id(self) -> str:
        """`kitchen_00_v0012`: place, variation, frame."""
        return f"{self.place}_00_v{self.number:03d}"

    @property
    def folder(self) -> str:
        """Of its category."""
        return CATEGORIES[self.category]


def place_name(text: str) -> str:
    """A name that loaders can cut: `Kitchen Shot-3` becomes `kitchen_shot_3`."""
    return "_".join(re.findall(r"[a-z0-9]+", text.lower())) or "shot"


def record_path(root: Path, category: str, scene_id: str) -> Path:
    """Where what is known of a finished view is kept."""
    return root / STATE / CATEGORIES[category] / f"{scene_id}.json"


def is_finished(root: Path, view_id: tuple[str, str], key: str) -> bool:
    """Whether a view (category, scene id) was written whole with the same settings, and its files are there."""
    path = record_path(root, *view_id)
    try:
        record = json.loads(path.read_text())
        return record["key"] == key and all((root / name).is_file() for name in record["files"])
    except (OSError, ValueError, KeyError):
        return False


def note_empty(root: Path, view_id: tuple[str, str], key: str) -> None:
    """Keep in mind that a view (category, scene id) shows no character, so that nobody renders it again."""
    write_atomic(record_path(root, *view_id), json.dumps({"key": key, "files": [], "lines": []}).encode())


def is_empty(root: Path, view_id: tuple[str, str]) -> bool:
    """Whether a finished view (category, scene id) shows no character."""
    return not json.loads(record_path(root, *view_id).read_text())["lines"]


def write_view(
    root: Path,
    view: View,
    key: str,
    coverage: Floats,
    reals: Mapping[int, Floats],
    composites: Iterable[tuple[Pair, Floats]],
) -> None:
    """Write the pictures of a view, and then its record.

    Args:
        root: of the set, made if need be.
        view: whose pictures they are.
        key: of everything they depend on.
        coverage: (H, W) of the characters in [0, 1].
        reals: by style, (H, W, 3) sRGB in [0, 1].
        composites: by style of background and foreground; equal to the real one where the coverage is 0.

    Raises:
        OutputError: a file cannot be written.
    """
    record_path(root, view.category, view.scene_id).unlink(missing_ok=True)
    folder, name = view.folder, view.scene_id
    files: dict[str, str] = {}

    def write(path: str, data: bytes) -> str:
        write_atomic(root / path, data)
        files[path] = hashlib.sha256(data).hexdigest()
        return path

    mask = write(f"{folder}/masks/{name}.png", encode_grey_png((coverage >= 0.5).astype(np.float32)))
    alpha = write(f"{folder}/alpha/{name}.png", encode_grey_png(coverage, 16))
    strict = coverage >= 0.5
    ratio = round(float(strict.mean()), 6)
    own = {"scene_id": name}
    lines: list[dict[str, Any]] = [
        {
            "kind": "view",
            **own,
            "category": view.category,
            "scene": view.place,
            "variation": 0,
            "split": view.split,
            "mask": mask,
            "mask_sha256": files[mask],
            "alpha": alpha,
            "alpha_sha256": files[alpha],
            "fg_ratio": ratio,
            "geometry": dict(view.geometry),
            "subjects": [],
        }
    ]
    shown = {style: np.rint(np.clip(picture, 0, 1) * 255) for style, picture in reals.items()}
    for style, picture in sorted(reals.items()):
        path = write(f"{folder}/real_images/{name}-{style}.png", encode_png(picture))
        stops, gains = view.exposures[style]
        facts = {"exposure_ev": stops, "white_balance": list(gains), "luma": _luma(shown[style])}
        lines.append(
            {"kind": "real", **own, "style": style, "path": path, "sha256": files[path], **facts}
            | {"condition": dict(view.styles[style])}
        )
    for (background, foreground), picture in composites:
        path = write(f"{folder}/composite_images/{name}-{background}_{foreground}.png", encode_png(picture))
        change = np.abs(np.rint(np.clip(picture[strict], 0, 1) * 255) - shown[background][strict])
        facts = {"mask": mask, "real": f"{folder}/real_images/{name}-{background}.png"}
        facts["fg_change"] = round(float(change.mean()) / 255, 4) if strict.any() else 0.0
        styles = {"bg_style": background, "fg_style": foreground}
        lines.append({"kind": "triplet", **own, **styles, "composite": path, "sha256": files[path], **facts})
    record = {"key": key, "files": sorted(files), "lines": lines}
    write_atomic(record_path(root, view.category, name), json.dumps(record).encode())


def write_lists(root: Path, engine: str, generator: str) -> tuple[int, int]:
    """Write labels, splits, manifest and dataset.json from all views of the set; returns (views, composites).

    Args:
        root: of the set.
        engine: what rendered, for instance "Cycles, Blender 4.5.1".
        generator: what wrote the set, with its version.

    Raises:
        OutputError: a file cannot be written.
    """
    records = [lines for path in _records(root) if (lines := _lines(path))]
    styles: dict[int, str] = {}
    for lines in records:
        for line in (ln for ln in lines if ln["kind"] == "real"):
            known = styles.setdefault(line["style"], line["condition"]["style"])
            if known != line["condition"]["style"]:
                raise OutputError(
                    f"{root} holds shots whose style {line['style']} is {known!r} and {line['condition']['style']!r}: "
                    "export shots of the artist's lights and of the generator's styles into different folders"
                )
    length = max(LABELS, *styles) if styles else LABELS
    labels: dict[str, list[str]] = {}
    splits: dict[str, list[str]] = {name: [] for name in SPLITS}
    for view, *lines in records:
        for triplet in (ln for ln in lines if ln["kind"] == "triplet"):
            labels.setdefault(CATEGORIES[view["category"]], []).append(_label(triplet, view["fg_ratio"], length))
            splits[view["split"]].append(triplet["composite"])
    for folder, some in labels.items():
        write_atomic(root / folder / f"{folder}_all_labeled.txt", _text(some))
    for name, some in splits.items():
        write_atomic(root / "splits" / f"{name}.txt", _text(some))
    write_atomic(root / "manifest.jsonl", _text([json.dumps(line) for lines in records for line in lines]))
    flat = [line for lines in records for line in lines]
    kinds = [line["kind"] for line in flat]
    places: dict[str, int] = {}
    for view, *_ in records:
        places[view["scene"]] = places.get(view["scene"], 0) + 1
    counts = {"views": len(records), "real_images": kinds.count("real"), "composites": kinds.count("triplet")}
    facts = {
        "format": FORMAT,
        "generator": generator,
        "engine": [engine],
        "counts": counts | {"views_by_scene": places},
        "splits": {name: len(some) for name, some in splits.items()},
        "styles": [{"name": name, "style_id": number} for number, name in sorted(styles.items())],
        "assets": [],
    }
    write_atomic(root / "dataset.json", json.dumps(facts, indent=1).encode() + b"\n")
    return counts["views"], counts["composites"]


def drop_if_empty(root: Path) -> bool:
    """Remove what an export left that wrote no view at all; returns whether there is no set."""
    if _records(root):
        return False
    shutil.rmtree(root / STATE, ignore_errors=True)
    with contextlib.suppress(OSError):  # something else is in it
        root.rmdir()
    return True


def _records(root: Path) -> list[Path]:
    return sorted((root / STATE).glob("*/*_v*.json"))


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads(path.read_text())["lines"])
    except DAMAGED as error:
        raise InputError(f"{path} is damaged: delete it and export that frame again") from error


def encode_grey_png(values: Floats, depth: int = 8) -> bytes:
    """(H, W) in [0, 1] as grey PNG of 8 or 16 bits."""
    height, width = values.shape
    kind = np.dtype(np.uint8 if depth == 8 else ">u2")
    steps = np.rint(np.clip(values, 0, 1).astype(np.float64) * (2**depth - 1)).astype(kind)
    rows = np.zeros((height, 1 + width * kind.itemsize), np.uint8)
    rows[:, 1:] = np.frombuffer(steps.tobytes(), np.uint8).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _label(triplet: Mapping[str, Any], ratio: float, length: int) -> str:
    """Share of area: the foreground's on its style, the rest on the background's."""
    soft = [0.0] * length
    soft[triplet["bg_style"] - 1] += 1 - ratio
    soft[triplet["fg_style"] - 1] += ratio
    return f"{triplet['composite']}\t{'_'.join(f'{v:.6f}' for v in soft)}\t{triplet['bg_style']}"


def _luma(picture_255: Floats) -> float:
    return round(float((picture_255 @ LUMA).mean() / 255), 4)


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
