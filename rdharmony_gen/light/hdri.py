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

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
MAX_WIDTH = 4096
"""Larger panoramas are reduced to this when read."""
SUN_CAP_DEG = 6.0
"""Radius around the brightest point inside which a sun with its glare must lie."""
SUN_CORE_DEG = 1.5
"""Radius of its brightest part."""
BLUEST_SUN = 1.15
"""Largest ratio of blue to red in its light."""
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
    light = picture @ LUMINANCE.astype(np.float32)
    spread = cv2.GaussianBlur(light, (0, 0), max(width / 720, 0.5), borderType=cv2.BORDER_REPLICATE)
    spread[height // 2 :] = 0.0
    sun = view[np.unravel_index(spread.argmax(), spread.shape)]
    cosine = view @ sun
    cap = cosine > np.cos(np.radians(SUN_CAP_DEG))
    core = cosine > np.cos(np.radians(SUN_CORE_DEG))
    ring = cap & (cosine < np.cos(np.radians(SUN_CAP_DEG / 2))) & (view[..., 2] > 0)
    ceiling = 2.5 * np.array([np.percentile(picture[..., c][ring], 75) for c in range(3)])
    excess = np.maximum(picture - ceiling, 0.0) * cap[..., None] * area[..., None]
    key = _without_cast(excess.sum(axis=(0, 1)), (excess * ~core[..., None]).sum(axis=(0, 1)))
    above = np.maximum(view[..., 2], 0.0) * area
    total = float((light * above).sum())
    beside = light * area * (light > max(8.0 * float(np.median(light[ring])), 1e-6)) * ~cap * (view[..., 2] > 0)
    strength = float(key @ LUMINANCE)
    if sun[2] < 0.02 or strength * sun[2] < SUN_SHARE * total or beside.sum() > 0.5 * strength:
        return Split(picture, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    towards = (excess.sum(axis=-1, keepdims=True) * view).sum(axis=(0, 1))
    towards = towards / np.linalg.norm(towards)
    sky = np.where(cap[..., None], np.minimum(picture, ceiling), picture)
    hole = view @ towards > np.cos(np.radians(SUN_CORE_DEG))  # some files hold black where their sun was cut off
    return Split(np.where(hole[..., None], ceiling, sky).astype(np.float32), key, towards)


def _without_cast(key: NDArray[np.float64], glare: NDArray[np.float64]) -> NDArray[np.float64]:
    """A sun as bright as measured in the colour of its glare: cameras and codecs spoil the few brightest pixels."""
    colour = np.array(glare if glare.min() > 0.02 * key.max() else np.ones(3))
    colour[2] = min(colour[2], BLUEST_SUN * colour[0])
    return colour * (key @ LUMINANCE) / max(float(colour @ LUMINANCE), 1e-12)


def turned(picture: Picture, rotation_deg: float, width: int) -> Picture:
    """The panorama turned clockwise (seen from above) and resized to (width // 2, width, 3)."""
    source = picture.shape[1]
    if width < source:
        picture = cv2.resize(picture, (width, width // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
        source = width
    shift = rotation_deg / 360.0 * source
    whole = int(np.floor(shift))
    part = np.float32(shift - whole)
    first = np.roll(picture, whole, axis=1)
    picture = first * (1 - part) + np.roll(first, 1, axis=1) * part
    if width == source:
        return picture
    # linear: anything sharper rings darkly around lamps
    pad = 4
    wide = np.concatenate([picture[:, -pad:], picture, picture[:, :pad]], axis=1)
    scale = width / source
    x = ((np.arange(width) + 0.5) / scale - 0.5 + pad).astype(np.float32)
    y = ((np.arange(width // 2) + 0.5) / scale - 0.5).astype(np.float32)
    x, y = np.meshgrid(x, y)
    return cv2.remap(wide, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


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
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
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
    # a channel at 0 or below in a very bright pixel is damage of a codec, not a colour
    top = picture.max(axis=-1)
    spoiled = (picture.min(axis=-1) <= 0) & (top > 50 * max(float(np.median(top)), 1e-9))
    picture = np.where(spoiled[..., None], top[..., None], picture)
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
