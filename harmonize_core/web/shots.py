# SPDX-License-Identifier: Apache-2.0
"""What the page works on: a composite with its mask, or a cut-out over a background, and what the network says of it.

The network looks once at each (and once more for another domain or an inverted fit). What moves under the user's hand
is then only the application of its look to a copy of preview size; the whole picture is read again, changed and written
when it is downloaded. So little is held in memory: the previews of the last few.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harmonize_core.color import linear_to_srgb, srgb_to_linear
from harmonize_core.errors import InputError
from harmonize_core.formats.alpha import divisor
from harmonize_core.formats.cryptomatte import crypto_layers
from harmonize_core.formats.exr import read_exr_file
from harmonize_core.formats.exr_layers import find_layer, layers
from harmonize_core.formats.exr_picture import ExrPicture, exr_picture
from harmonize_core.formats.images import resize_area, to_uint8
from harmonize_core.formats.picture import Picture, RasterPicture, open_picture
from harmonize_core.infer.masks import MaskChoice, mask_of
from harmonize_core.web.guard import Refused
from harmonize_core.web.placing import Place, first_place, placed
from harmonize_core.web.uploads import Upload, Uploads

Floats = NDArray[np.float32]

PREVIEW = 1280
"""Longer side in pixels of what is shown."""

KEPT = 6
"""Shots at a time."""

QUALITY = 92
"""Of JPEG previews."""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which files make a shot; the keys are those of `Upload`."""

    picture: str
    """The composite, or the background of a cut-out."""
    mask: str | None = None
    """None: the composite's own alpha or cryptomatte."""
    cutout: str | None = None
    place: Place | None = None
    """Of the cut-out; None: where it lies at first."""
    layer: str | None = None
    """Of an EXR composite."""
    objects: tuple[str, ...] = ()
    """In its cryptomatte: these are the mask."""
    invert_mask: bool = False


@dataclass(frozen=True)
class Small:
    """A background or a cut-out at preview size."""

    srgb: Floats
    """(h, w, 3) sRGB, without regard to transparency."""
    layer: Floats | None
    """(h, w, 4) linear colours multiplied by alpha, and alpha; None where nothing is transparent."""
    size_hw: tuple[int, int]
    """Of the whole picture."""


@dataclass(frozen=True)
class Shot:
    """A composite as it is worked on."""

    key: str
    ask: Ask
    base: Upload
    size_hw: tuple[int, int]
    """Of the whole picture."""
    depth: str
    """For people: "8 bit", "half float"."""
    composite: Floats
    """(h, w, 3) sRGB of preview size."""
    mask: Floats
    """(h, w)."""
    ceiling: float | None
    place: Place | None
    looks: dict[Any, Any] = field(default_factory=dict)
    """What the network said, by what it was asked."""


class Shots:
    """Makes shots of what was sent, and keeps the last few."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self._lock = threading.Lock()
        self._kept: dict[str, Shot] = {}
        self._small: dict[tuple[str, str | None], Small] = {}

    def __getitem__(self, key: str) -> Shot:
        """Raises: Refused where there is no such shot, or not any more."""
        with self._lock:
            if key not in self._kept:
                raise Refused(404, f"this picture is gone: the last {KEPT} are kept; choose its files again")
            return self._kept[key]

    def add(self, ask: Ask) -> tuple[Shot, Floats, Floats]:
        """Read what is asked for.

        Returns:
            The shot, and the composite (H, W, 3) and mask (H, W) that the network is to see: the whole picture, or of
            a cut-out its preview, since the cut-out is moved about.

        Raises:
            InputError: damaged, of different sizes, or without any foreground.
            Refused: files that are gone.
        """
        base = self.uploads[ask.picture]
        if ask.cutout is not None:
            return self._add_cutout(ask, base, self.uploads[ask.cutout])
        picture, composite, mask = self.whole(ask)
        if not mask.any():
            raise InputError(f"the mask of {base.name} is black everywhere: white should mark what is to be changed")
        small_mask = shrunk(mask)
        shot = self._keep(ask, base, picture, mask.shape, shrunk(composite), small_mask, None)
        return shot, composite, mask

    def whole(self, ask: Ask, place: Place | None = None) -> tuple[Picture, Floats, Floats]:
        """The picture that is written in the end, its composite (H, W, 3) sRGB and mask (H, W) at full size."""
        picture = open_picture(self.uploads[ask.picture].path, ask.layer)
        if ask.cutout is None:
            return picture, picture.srgb, self._mask(picture, ask)
        layer = _layer(open_picture(self.uploads[ask.cutout].path))
        if layer is None:
            raise _opaque(self.uploads[ask.cutout])
        place = place or first_place(layer.shape[:2], picture.srgb.shape[:2])
        return picture, *placed(layer, picture.srgb, place)

    def _mask(self, picture: Picture, ask: Ask) -> Floats:
        if ask.mask is None and not ask.objects and (picture.alpha is None or (picture.alpha >= 1).all()):
            name = self.uploads[ask.picture].name
            raise InputError(f"{name} has no transparency, so it needs a mask: choose one beside it")
        path = None if ask.mask is None else self.uploads[ask.mask].path
        return mask_of(picture, path, MaskChoice(None, ask.objects, ask.invert_mask))

    def _add_cutout(self, ask: Ask, base: Upload, cutout: Upload) -> tuple[Shot, Floats, Floats]:
        behind, over = self.small(base, ask.layer), self.small(cutout)
        if over.layer is None:
            raise _opaque(cutout)
        place = ask.place or first_place(over.size_hw, behind.size_hw)
        composite, mask = placed(over.layer, behind.srgb, place)
        if not mask.any():
            raise InputError(f"{cutout.name} lies outside of its background; move it back")
        picture = open_picture(base.path, ask.layer)
        shot = self._keep(ask, base, picture, behind.size_hw, composite, mask, place)
        return shot, composite, mask

    def small(self, upload: Upload, layer: str | None = None) -> Small:
        """A background or cut-out at preview size; read once and kept as long as its file is."""
        with self._lock:
            kept = {u.key for u in self.uploads.all()}
            self._small = {key: small for key, small in self._small.items() if key[0] in kept}
            if (upload.key, layer) in self._small:
                return self._small[upload.key, layer]
        picture = open_picture(upload.path, layer)
        colors = _layer(picture)
        height, width = picture.srgb.shape[:2]
        small = Small(shrunk(picture.srgb), None if colors is None else shrunk(colors), (height, width))
        with self._lock:
            self._small[upload.key, layer] = small
        return small

    def _keep(
        self,
        ask: Ask,
        base: Upload,
        picture: Picture,
        size_hw: tuple[int, ...],
        composite: Floats,
        mask: Floats,
        place: Place | None,
    ) -> Shot:
        key = secrets.token_urlsafe(9)
        size = (int(size_hw[0]), int(size_hw[1]))
        shot = Shot(key, ask, base, size, depth(picture), composite, mask, picture.ceiling, place)
        with self._lock:
            self._kept[key] = shot
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return shot


def shrunk(image: Floats) -> Floats:
    """(H, W[, C]) at preview size; the picture itself where it is no larger."""
    height, width = image.shape[:2]
    share = PREVIEW / max(height, width)
    if share >= 1:
        return image
    return resize_area(np.ascontiguousarray(image), (max(1, round(height * share)), max(1, round(width * share))))


def jpeg(srgb: Floats) -> bytes:
    """(H, W, 3) or (H, W) in [0, 1] for the browser; light above white is cut off."""
    stream = io.BytesIO()
    Image.fromarray(to_uint8(srgb)).save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()


def depth(picture: Picture) -> str:
    """How a picture is stored, in two words."""
    if isinstance(picture, ExrPicture):
        channels = picture.file.parts[picture.layer.part].channels
        half = all(channels[name].dtype == np.float16 for name in picture.layer.colors or ())
        return "half float" if half else "32-bit float"
    return f"{picture.raster.bits} bit" if isinstance(picture, RasterPicture) else ""


def described(upload: Upload) -> dict[str, Any]:
    """What the page needs to know of a picture that was sent; it is decoded once for that.

    Raises:
        InputError: damaged, or of a kind that cannot be harmonized.
    """
    facts: dict[str, Any] = {"key": upload.key, "name": upload.name, "kind": upload.kind}
    if upload.kind == "EXR":
        file = read_exr_file(upload.path)
        names = [layer.name for layer in layers(file) if layer.colors and layer.name]
        with contextlib.suppress(InputError):  # a damaged cryptomatte takes nothing from the picture
            facts["objects"] = sorted({name for layer in crypto_layers(file)[:1] for name in layer.manifest})
        try:
            chosen = find_layer(file, None)
        except InputError:
            if not names:
                raise
            chosen = find_layer(file, names[0])
            facts["layer"] = names[0]  # must be chosen, as the file has no picture without a name
        facts["layers"] = names
        picture: Picture = exr_picture(file, chosen)
    else:
        picture = open_picture(upload.path)
    height, width = picture.srgb.shape[:2]
    transparent = picture.alpha is not None and bool((picture.alpha < 1).any())
    return facts | {"width": width, "height": height, "depth": depth(picture), "transparent": transparent}


def cutout_png(layer: Floats) -> bytes:
    """A cut-out (h, w, 4) as `Small` holds it, as the browser lays it over its background while it is moved."""
    stream = io.BytesIO()
    alpha = layer[..., 3:]
    Image.fromarray(to_uint8(np.dstack([linear_to_srgb(layer[..., :3] / divisor(layer[..., 3])), alpha]))).save(
        stream, "PNG", compress_level=1
    )
    return stream.getvalue()


def _layer(picture: Picture) -> Floats | None:
    if picture.alpha is None or (picture.alpha >= 1).all():
        return None
    alpha = picture.alpha[..., None]
    return np.concatenate([srgb_to_linear(picture.srgb) * alpha, alpha], axis=-1)


def _opaque(upload: Upload) -> InputError:
    return InputError(f"{upload.name} has no transparency: a cut-out needs alpha, in PNG, WebP, TIFF or EXR")


def written(picture: Picture, folder: Path, harmonized: Floats, mask: Floats) -> Path:
    """A harmonized picture in the format of the one that was read, in a folder that goes away."""
    out = folder / f"{secrets.token_hex(8)}{picture.path.suffix}"
    picture.save(out, harmonized, mask)
    return out
