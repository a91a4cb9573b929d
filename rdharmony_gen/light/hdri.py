# SPDX-License-Identifier: GPL-3.0-or-later
"""Photographed panoramas as a source of light: read, checked, turned, scaled, and the sun taken out.

A path tracer finds a sun of a few pixels badly, and a small panorama smears it over degrees, so a compact bright spot
becomes a light of its own (as "sun extraction" in lighting tools), and what lay around it fills the hole.
"""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError, UnknownName
from harmonize_core.formats.images import MAX_PIXELS, read_exr
from rdharmony_gen.library import ASSETS, assets

Picture = NDArray[np.float32]

MAX_WIDTH = 4096
"""Larger panoramas are reduced to this when read."""
SUN_CAP_DEG = 6.0
"""Radius around the brightest point inside which a sun with its glare must lie."""
SUN_SHARE = 0.08
"""Least part of all light on level ground that makes a bright spot a sun."""


@dataclass(frozen=True)
class Split:
    """A panorama as a sky without sun and a sun; irradiances before scaling."""

    sky: Picture
    """(H, 2 H, 3) linear, top row first."""
    key_irradiance: NDArray[np.float64]
    """(3,) on a surface that faces the sun; zero without one."""
    direction: NDArray[np.float64]
    """(3,) unit vector to it, in the panorama's own orientation; straight up without one."""


def resolve(name: str, folder: Path) -> tuple[str, str]:
    """What a style calls `hdri` as an asset id or absolute path, and the SHA-256 of its file.

    Args:
        name: an asset id such as hdri_park, or a path of a .hdr or .exr file.
        folder: where a relative path begins.

    Raises:
        InputError: no such asset or file, or it cannot be used as a panorama.
    """
    if not name.lower().endswith((".hdr", ".exr")):
        known = sorted(a.id for a in assets() if a.kind == "hdri")
        if name not in known:
            raise InputError(str(UnknownName.of("panorama", name, [*known, "a .hdr or .exr file"])))
        return name, next(a.sha256 for a in assets() if a.id == name)
    path = (folder / Path(name).expanduser()).resolve()
    _read(path)
    return str(path), _digest(path)


@functools.lru_cache(maxsize=4)
def load(name: str, sha256: str) -> Picture:
    """The panorama (H, 2 H, 3), linear and not negative, at most 4096 wide.

    Raises:
        InputError: the file is missing, damaged, or another than when the style was read.
    """
    asset = next((a for a in assets() if a.id == name), None)
    path = ASSETS / asset.file if asset else Path(name)
    if path.is_file() and _digest(path) != sha256:
        raise InputError(f"{path} should be the panorama that the styles were read with but was changed; put it back")
    return _read(path)


@functools.lru_cache(maxsize=4)
def split(name: str, sha256: str) -> Split:
    """The sky of a panorama and its sun, if it has one."""
    picture = load(name, sha256)
    height, width = picture.shape[:2]
    view, area = directions(width), solid_angles(height, width)
    light = picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    spread = cv2.GaussianBlur(light, (0, 0), max(width / 720, 0.5), borderType=cv2.BORDER_REPLICATE)
    spread[height // 2 :] = 0.0
    sun = view[np.unravel_index(spread.argmax(), spread.shape)]
    cosine = view @ sun
    cap = cosine > np.cos(np.radians(SUN_CAP_DEG))
    ring = (cosine > np.cos(np.radians(2 * SUN_CAP_DEG))) & ~cap & (view[..., 2] > 0)
    around = np.array([np.median(picture[..., c][ring]) for c in range(3)])
    excess = np.maximum(picture - 1.5 * around, 0.0) * cap[..., None]
    weight = (excess.sum(axis=-1) * area)[..., None]
    key = (excess * area[..., None]).sum(axis=(0, 1))
    total = (picture * (np.maximum(view[..., 2], 0.0) * area)[..., None]).sum(axis=(0, 1)).mean()
    bright = light > max(8.0 * float(np.median(light[ring])), 1e-6)
    lamps = float((light * area * bright * ~cap * (view[..., 2] > 0)).sum())
    height_sine = float(sun[2])
    if height_sine < 0.02 or key.mean() * height_sine < SUN_SHARE * total or lamps > 0.5 * key.mean():
        return Split(picture, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    towards = (weight * view).sum(axis=(0, 1))
    return Split((picture - excess).astype(np.float32), key, towards / np.linalg.norm(towards))


def turned(picture: Picture, rotation_deg: float, width: int) -> Picture:
    """The panorama turned clockwise (seen from above) and resized to (width // 2, width, 3)."""
    source = picture.shape[1]
    interpolation = cv2.INTER_AREA if width < source else cv2.INTER_CUBIC
    pad = 8
    wrapped = np.concatenate([picture[:, -pad:], picture, picture[:, :pad]], axis=1)
    scale = width / source
    column = (np.arange(width) + 0.5 - rotation_deg / 360.0 * width) % width
    if interpolation == cv2.INTER_AREA:
        small = cv2.resize(picture, (width, width // 2), interpolation=interpolation)
        shift = rotation_deg / 360.0 * width
        whole = int(np.floor(shift))
        part = np.float32(shift - whole)
        first = np.roll(small, whole, axis=1)
        return np.maximum(first * (1 - part) + np.roll(first, 1, axis=1) * part, 0.0)
    x = np.broadcast_to((column / scale - 0.5 + pad).astype(np.float32), (width // 2, width))
    y = np.broadcast_to((((np.arange(width // 2) + 0.5) / scale - 0.5).astype(np.float32))[:, None], x.shape)
    large = cv2.remap(wrapped, x, np.ascontiguousarray(y), interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.maximum(large, 0.0)


def directions(width: int) -> NDArray[np.float64]:
    """Unit vectors (width // 2, width, 3) of an equirectangular picture in Blender's orientation, top row first."""
    height = width // 2
    azimuth = (0.5 - (np.arange(width) + 0.5) / width) * 2 * np.pi
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    azimuth, elevation = np.meshgrid(azimuth, elevation)
    return np.stack([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], -1)


def solid_angles(height: int, width: int) -> NDArray[np.float64]:
    """Steradians (height, width) of the pixels of an equirectangular picture."""
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    return np.repeat((np.cos(elevation) * (np.pi / height) * (2 * np.pi / width))[:, None], width, axis=1)


@functools.lru_cache(maxsize=8)
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Picture:
    if path.suffix.lower() == ".hdr":
        picture = _read_hdr(path)
    else:
        channels = read_exr(path)
        if not set("RGB") <= set(channels):
            raise InputError(f"{path} should hold the channels R, G, B but holds {', '.join(sorted(channels))}")
        picture = np.stack([channels[c] for c in "RGB"], axis=-1)
    height, width = picture.shape[:2]
    if width != 2 * height or height < 16:
        raise InputError(
            f"{path} should be an equirectangular panorama, twice as wide as high, but is {width}x{height}; "
            "save the whole sphere"
        )
    if not np.isfinite(picture).all():
        raise InputError(f"{path} should hold finite values only but holds NaN or infinity; save it again")
    if not picture.max() > 0:
        raise InputError(f"{path} should hold some light but is black; choose another panorama")
    if width > MAX_WIDTH:
        picture = cv2.resize(picture, (MAX_WIDTH, MAX_WIDTH // 2), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.maximum(picture, 0.0), np.float32)


def _read_hdr(path: Path) -> Picture:
    """Radiance RGBE; its header is looked at first, so that a lie about its size costs nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check the path") from None
    size = re.search(rb"\n[-+][YX] (\d{1,9}) [-+][YX] (\d{1,9})\n", head)
    if not head.startswith(b"#?") or not size:
        raise InputError(f"{path} is not a Radiance .hdr file; save it again")
    if int(size[1]) * int(size[2]) > MAX_PIXELS:
        raise InputError(f"{path} says it has more than the {MAX_PIXELS} pixels allowed; make it smaller")
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        picture = None
    if picture is None or picture.ndim != 3:
        raise InputError(f"{path} is not a whole Radiance .hdr file; save it again")
    return picture[..., 2::-1].astype(np.float32)
