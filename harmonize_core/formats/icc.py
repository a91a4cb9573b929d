# SPDX-License-Identifier: Apache-2.0
"""Colour profiles of pictures: stored values to sRGB for the network and back into the profile's own values.

Profiles of a matrix and three curves (sRGB, Adobe RGB, Display P3, ProPhoto, Rec. 2020; nearly all for RGB) and grey
profiles of one curve are evaluated here in floating point, so that 16 bits stay 16 bits and colours outside sRGB stay
outside. Profiles of tables go through LittleCMS (Pillow's ImageCms), which Pillow offers at 8 bits. Either
way only the change of a pixel is taken from the profile (`changed`): what the network leaves alone stays as it is.

Sources: ICC.1:2010 (profile version 4.3), sections 7.2, 7.3, 10.5 (curveType), 10.15 (parametricCurveType), F.3
(matrix and curves); the sRGB matrix adapted to D50 is that of B. Lindbloom (brucelindbloom.com, Bradford);
SMPTE RP 177 for primaries to a matrix.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harmonize_core.color import REC709_LUMINANCE, linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError

Floats = NDArray[np.float32]

_SRGB_D50 = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
"""Linear sRGB to the profile connection space, CIE XYZ of D50."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
REC709_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""x and y of red, green, blue and white."""

_STEPS = 65536


class ColorSpace(Protocol):
    """What stored values in [0, 1] mean."""

    def to_srgb(self, values: Floats) -> Floats:
        """(..., 3) or (..., 1) stored values to (..., 3) sRGB; below 0 or above 1 outside its gamut."""
        ...

    def from_srgb(self, srgb: Floats) -> Floats:
        """(N, 3) sRGB to (N, C) stored values."""
        ...


def changed(space: ColorSpace, values: Floats, srgb: Floats) -> Floats:
    """(N, C) stored values after their sRGB became (N, 3) `srgb`.

    Only the change goes through the profile, so that what the way there and back rounds off is not lost.
    """
    return values + (space.from_srgb(srgb) - space.from_srgb(space.to_srgb(values)))


@dataclass(frozen=True)
class Srgb:
    """Values are sRGB already; grey values are three equal ones."""

    channels: int

    def to_srgb(self, values: Floats) -> Floats:
        """As `ColorSpace`."""
        return values if values.shape[-1] == 3 else np.repeat(values, 3, axis=-1)

    def from_srgb(self, srgb: Floats) -> Floats:
        """As `ColorSpace`; grey is the luminance."""
        if self.channels == 3:
            return srgb
        return linear_to_srgb(srgb_to_linear(srgb) @ REC709_LUMINANCE)[:, None]


@dataclass(frozen=True)
class Curves:
    """A matrix and a curve per channel; grey: one curve and no matrix."""

    curves: tuple[NDArray[np.float64], ...]
    """Linear light at 65536 equal steps of the stored value, rising."""
    matrix: NDArray[np.float64] | None
    """Linear light of the profile to linear sRGB, (3, 3)."""

    def to_srgb(self, values: Floats) -> Floats:
        """As `ColorSpace`."""
        linear = np.stack([_look_up(curve, values[..., i]) for i, curve in enumerate(self.curves)], axis=-1)
        if self.matrix is None:
            return np.repeat(linear_to_srgb(linear), 3, axis=-1)
        return linear_to_srgb(linear @ self.matrix.T)

    def from_srgb(self, srgb: Floats) -> Floats:
        """As `ColorSpace`; what the profile cannot hold is clipped to it."""
        linear = srgb_to_linear(srgb).astype(np.float64)
        own = linear @ (REC709_LUMINANCE[:, None] if self.matrix is None else np.linalg.inv(self.matrix).T)
        steps = np.linspace(0, 1, _STEPS)
        return np.stack([np.interp(own[:, i], c, steps) for i, c in enumerate(self.curves)], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class Tables:
    """A profile of tables, by LittleCMS at 8 bits."""

    profile: bytes

    def to_srgb(self, values: Floats) -> Floats:
        """As `ColorSpace`, to the nearest of 256 steps."""
        return self._convert(values, True)

    def from_srgb(self, srgb: Floats) -> Floats:
        """As `ColorSpace`, to the nearest of 256 steps."""
        return self._convert(srgb, False)

    def _convert(self, values: Floats, forward: bool) -> Floats:
        from PIL import Image, ImageCms

        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(self.profile)), ImageCms.createProfile("sRGB")
        eight = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        image = Image.fromarray(eight.reshape(-1, 1, 3) if eight.ndim == 2 else eight)
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        pair = (own, srgb) if forward else (srgb, own)
        done = ImageCms.profileToProfile(image, *pair, renderingIntent=intent, outputMode="RGB", flags=flags)
        return (np.asarray(done).reshape(values.shape) / np.float32(255)).astype(np.float32)


@dataclass(frozen=True)
class GreyOf:
    """Grey values under a profile for RGB, as some programs write them: three equal values of it."""

    space: ColorSpace

    def to_srgb(self, values: Floats) -> Floats:
        """As `ColorSpace`."""
        return self.space.to_srgb(np.repeat(values, 3, axis=-1))

    def from_srgb(self, srgb: Floats) -> Floats:
        """As `ColorSpace`: the luminance."""
        grey = linear_to_srgb(srgb_to_linear(srgb) @ REC709_LUMINANCE)[:, None]
        return self.space.from_srgb(np.repeat(grey, 3, axis=-1))[:, 1:2]


def color_space(profile: bytes | None, channels: int, where: str) -> ColorSpace:
    """The colour space of an embedded ICC profile; without one, sRGB.

    Args:
        profile: the bytes of the profile.
        channels: 1 for grey, 3 for RGB.
        where: the file, for messages.

    Raises:
        InputError: the profile is damaged, or of other colours than the picture (CMYK, Lab).
    """
    if not profile:
        return Srgb(channels)
    try:
        space, tags = profile[16:20].decode("latin-1").strip(), _tags(profile)
    except (struct.error, IndexError, ValueError) as error:
        raise InputError(f"{where} has a damaged colour profile ({error}); remove it or assign another") from error
    if channels == 1 and space == "RGB":
        return GreyOf(color_space(profile, 3, where))
    if space != ("GRAY" if channels == 1 else "RGB"):
        kind = "grey" if channels == 1 else "RGB"
        raise InputError(f"{where} is {kind} but its colour profile is for {space!r}; assign a {kind} profile")
    try:
        if channels == 1:
            return Curves((_curve(tags["kTRC"]),), None)
        if not {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"} <= tags.keys():
            tables = Tables(profile)
            tables.to_srgb(np.zeros((1, 3), np.float32))
            return tables
        curves = tuple(_curve(tags[f"{c}TRC"]) for c in "rgb")
        columns = [np.array(struct.unpack_from(">3i", tags[f"{c}XYZ"], 8)) / 65536 for c in "rgb"]
        matrix = np.linalg.inv(_SRGB_D50) @ np.stack(columns, axis=1)
        np.linalg.inv(matrix)
    except Exception as error:  # LittleCMS and numpy each have errors of their own
        raise InputError(f"{where} has a damaged colour profile ({error}); remove it or assign another") from error
    return Srgb(3) if _is_srgb(matrix, curves) else Curves(curves, matrix)


def primaries_to_rec709(chromaticities: tuple[float, ...], where: str) -> NDArray[np.float64]:
    """(3, 3) from linear RGB of primaries and white (rx, ry, gx, gy, bx, by, wx, wy) to linear Rec. 709.

    SMPTE RP 177 for the matrices, Bradford for another white; `where` is the file, for messages.

    Raises:
        InputError: they span no colours.
    """
    try:
        own, rec709 = _to_xyz(chromaticities), _to_xyz(REC709_PRIMARIES)
        cones, target = _BRADFORD @ own.sum(axis=1), _BRADFORD @ rec709.sum(axis=1)
        adapt = np.linalg.inv(_BRADFORD) @ np.diag(target / cones) @ _BRADFORD
        matrix = np.linalg.inv(rec709) @ adapt @ own
        np.linalg.inv(matrix)
    except (np.linalg.LinAlgError, ZeroDivisionError) as error:
        numbers = ", ".join(f"{value:g}" for value in chromaticities)
        raise InputError(f"{where} has chromaticities that span no colours ({numbers}); render it again") from error
    return matrix


def _to_xyz(chromaticities: tuple[float, ...]) -> NDArray[np.float64]:
    points = np.array(chromaticities, dtype=np.float64).reshape(4, 2)
    if not (np.isfinite(points).all() and (points[:, 1] != 0).all()):
        raise ZeroDivisionError
    xyz = np.stack([points[:, 0] / points[:, 1], np.ones(4), (1 - points.sum(axis=1)) / points[:, 1]])
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


def _tags(profile: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > 1000 or profile[36:40] != b"acsp":
        raise ValueError("it is not an ICC profile")
    tags = {}
    for index in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if start + size > len(profile):
            raise ValueError("it is cut off")
        tags[name.decode("latin-1")] = profile[start : start + size]
    return tags


def _curve(tag: bytes) -> NDArray[np.float64]:
    """Linear light in [0, 1] at 65536 equal steps."""
    x = np.linspace(0, 1, _STEPS)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        y = x ** (values[0] / 256) if count == 1 else np.interp(x, np.linspace(0, 1, count), values / 65535)
    elif tag[:4] == b"para":
        y = _parametric(struct.unpack_from(">H", tag, 8)[0], tag, x)
    else:
        raise ValueError("its curves are of an unknown type")
    rising = np.maximum.accumulate(np.clip(y, 0, 1))
    if not rising[-1] > rising[0]:
        raise ValueError("its curves are flat")
    return rising


def _parametric(kind: int, tag: bytes, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """ICC.1:2010 table 65: g, then a and b, then c, then d, then e and f are given with the types 0 to 4."""
    count = (1, 3, 4, 5, 7)[kind]
    given = [v / 65536 for v in struct.unpack_from(f">{count}i", tag, 12)]
    g, a, b, c, d, e, f = (given + [0.0] * 7)[:7]
    if kind == 0:
        return x**g
    power = np.maximum(a * x + b, 0) ** g
    if kind == 1:
        return np.where(x >= -b / a, power, 0)
    if kind == 2:
        return np.where(x >= -b / a, power + c, c)
    return np.where(x >= d, power + e, c * x + f)


def _look_up(curve: NDArray[np.float64], values: Floats) -> NDArray[np.float64]:
    position = np.clip(values.astype(np.float64), 0, 1) * (_STEPS - 1)
    low = np.minimum(position.astype(np.intp), _STEPS - 2)
    return curve[low] + (position - low) * (curve[low + 1] - curve[low])


def _is_srgb(matrix: NDArray[np.float64], curves: tuple[NDArray[np.float64], ...]) -> bool:
    """Equal within what 8-bit tables and rounded profile numbers leave open."""
    wanted = srgb_to_linear(np.linspace(0, 1, _STEPS))
    return bool(np.abs(matrix - np.eye(3)).max() < 2e-3 and all(np.abs(c - wanted).max() < 2e-3 for c in curves))
