# SPDX-License-Identifier: Apache-2.0
"""Files that artists, renderers, cameras and broken disks make, each written by a few lines: good, odd and damaged."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import tifffile
from PIL import Image, ImageCms

WIDTH, HEIGHT = 24, 16
Maker = Callable[[Path], object]


def pixels(depth: int = 8, channels: int = 3, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(H, W, C) that differs in every pixel: a slope and noise; alpha between a quarter and whole, 0 in a corner."""
    rng = np.random.default_rng(7)
    values = np.linspace(0.1, 0.7, size[0] * size[1] * channels).reshape(*size, channels)
    values = np.clip(values + rng.normal(0, 0.05, values.shape), 0, 1)
    if channels in (2, 4):
        values[..., -1] = np.clip(values[..., -1] + 0.5, 0, 1)
        values[:2, :2, -1] = 0
    limit, kind = (65535, np.uint16) if depth == 16 else (255, np.uint8)
    return np.rint(values * limit).astype(kind)


def coverage(size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(H, W) uint8: a box with a soft side."""
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 4 : -size[0] // 4 or None, size[1] // 4 : -size[1] // 4 or None] = 255
    mask[size[0] // 4 : -size[0] // 4 or None, size[1] // 4] = 100
    return mask


def image(depth: int = 8, channels: int = 3) -> Image.Image:
    values = pixels(depth, channels)
    return Image.fromarray(values[..., 0] if channels == 1 else values)


def encoded(suffix: str, depth: int = 8, channels: int = 3) -> bytes:
    """By OpenCV, which takes blue first."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    return cv2.imencode(suffix, np.ascontiguousarray(pixels(depth, channels)[..., order]))[1].tobytes()


def exr(path: Path, channels: dict | None = None, **header: object) -> None:
    """Half R, G, B unless told otherwise."""
    if channels is None:
        channels = {c: v for c, v in zip("RGB", np.moveaxis(linear(), -1, 0), strict=True)}
    contiguous = {name: np.ascontiguousarray(values) for name, values in channels.items()}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    with OpenEXR.File(header, contiguous) as file:
        file.write(str(path))


def linear(dtype: type = np.float16) -> np.ndarray:
    """(H, W, 3) scene-linear, up to 4."""
    return ((pixels() / 255) ** 2.2 * 9).astype(dtype)


def window(left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


def chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png(width: int, height: int, depth: int, color: int, rows: bytes, *others: bytes, interlaced: int = 0) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(others) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def rows_of(values: np.ndarray) -> bytes:
    big = values.astype(">u2") if values.dtype == np.uint16 else values
    return b"".join(b"\0" + row.tobytes() for row in big)


def saved(**options: object) -> Maker:
    """Pillow's picture of 8-bit RGB."""
    return lambda path: image().save(path, **options)


def written(data: bytes | Callable[[], bytes]) -> Maker:
    return lambda path: path.write_bytes(data() if callable(data) else data)


def converted(mode: str, **options: object) -> Maker:
    return lambda path: image().convert(mode).save(path, **options)


def tiff(values: np.ndarray | None = None, **options: object) -> Maker:
    def make(path: Path) -> None:
        tifffile.imwrite(path, pixels() if values is None else values, **{"photometric": "rgb", **options})

    return make


def frames(kind: str) -> Maker:
    return lambda path: image().save(path, kind, save_all=True, append_images=[image().rotate(180)])


def exif(**tags: object) -> bytes:
    found = Image.Exif()
    for name, value in tags.items():
        found[{"orientation": 0x112, "make": 0x10F}[name]] = value
    return found.tobytes()


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_profile(space: bytes = b"RGB ") -> bytes:
    """Adobe RGB (1998): its matrix for D50 and a gamma of 563/256; or grey of that gamma."""
    fixed = lambda *values: b"".join(struct.pack(">i", round(v * 65536)) for v in values)  # noqa: E731
    gamma = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)
    matrix = {b"r": (0.60974, 0.31111, 0.01947), b"g": (0.20528, 0.62567, 0.06087), b"b": (0.14919, 0.06322, 0.74457)}
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"cprt": b"text\0\0\0\0none\0"}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 78
    if space == b"RGB ":
        tags |= {c + b"XYZ": b"XYZ \0\0\0\0" + fixed(*column) for c, column in matrix.items()}
        tags |= {c + b"TRC": gamma for c in matrix}
    else:
        tags[b"kTRC"] = gamma
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(value))
        data += value
    head = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(data), b"none", 0x02400000, b"mntr", space, b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp"
    return head.ljust(68, b"\0") + fixed(0.9642, 1, 0.8249).ljust(60, b"\0") + table + data


def bmp_bomb() -> bytes:
    data = io.BytesIO()
    image().save(data, "BMP")
    return data.getvalue()[:18] + struct.pack("<ii", 60000, 60000) + data.getvalue()[26:]


def tiff_that_says(tags: dict[int, int], maker: Maker) -> Maker:
    """A TIFF file whose header holds other numbers than its pixels do."""

    def make(path: Path) -> None:
        maker(path)
        data = bytearray(path.read_bytes())
        for code, value in tags.items():
            at = max(data.find(struct.pack("<HHI", code, kind, 1)) for kind in (3, 4))
            data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, value)
        path.write_bytes(data)

    return make


def exr_bomb(name: bytes, last: int = 59999) -> Maker:
    """A small file whose window says it is 60000 pixels wide, or as many as told."""

    def make(path: Path) -> None:
        exr(path)
        data = path.read_bytes()
        at = data.find(name + b"\0box2i\0") + len(name) + 7 + 4
        path.write_bytes(data[:at] + struct.pack("<4i", 0, 0, last, last) + data[at + 16 :])

    return make


def exr_values(value: float, rows: slice = slice(None)) -> Maker:
    def make(path: Path) -> None:
        values = linear()
        values[rows, ::3] = value
        exr(path, {c: v for c, v in zip("RGB", np.moveaxis(values, -1, 0), strict=True)})

    return make


def exr_layers(*names: str) -> Maker:
    def make(path: Path) -> None:
        exr(path, {f"{n}.{c}": v for n in names for c, v in zip("RGB", np.moveaxis(linear(), -1, 0), strict=True)})

    return make


def exr_with_alpha(path: Path) -> None:
    alpha = (coverage() / 255).astype(np.float16)
    values = np.moveaxis(linear() * alpha[..., None], -1, 0)
    exr(path, {**{c: v for c, v in zip("RGB", values, strict=True)}, "A": alpha})


def exr_of_type(dtype: type) -> Maker:
    return lambda path: exr(path, {c: (linear(np.float32)[..., i] * 9).astype(dtype) for i, c in enumerate("RGB")})


def deep_exr(path: Path) -> None:
    """None to four samples a pixel."""
    samples = np.empty((HEIGHT, WIDTH), object)
    for row, column in np.ndindex(HEIGHT, WIDTH):
        samples[row, column] = np.arange(column % 5, dtype=np.float32) if column % 5 else None
    with OpenEXR.File(
        {"type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}, {c: samples.copy() for c in "RGBA"}
    ) as file:
        file.write(str(path))


def cut(source: bytes | Maker, suffix: str, share: float) -> Maker:
    """The first part of a good file."""

    def make(path: Path) -> None:
        whole = source
        if callable(source):
            other = path.with_name("whole" + suffix)
            source(other)
            whole = other.read_bytes()
            other.unlink()
        path.write_bytes(whole[: int(len(whole) * share)])

    return make


def scratched(source: bytes | Maker, suffix: str, at: float) -> Maker:
    """Twelve bytes of a good file turned around."""

    def make(path: Path) -> None:
        cut(source, suffix, 1)(path)
        data = bytearray(path.read_bytes())
        start = int(len(data) * at)
        data[start : start + 12] = bytes(255 - b for b in data[start : start + 12])
        path.write_bytes(data)

    return make


def linked_in_a_circle(path: Path) -> None:
    other = path.with_name("other.png")
    os.symlink(other, path)
    os.symlink(path, other)


def linked_to_nothing(path: Path) -> None:
    os.symlink(path.with_name("gone.png"), path)


def linked_to_a_picture(path: Path) -> None:
    image().save(path.with_name("elsewhere.png"))
    os.symlink(path.with_name("elsewhere.png"), path)


GOOD: dict[str, Maker | bytes] = {
    "8.png": encoded(".png"),
    "16.png": encoded(".png", 16),
    "a.jpg": saved(format="JPEG", quality=90),
    "a.webp": saved(format="WEBP", lossless=True),
    "8.tif": tiff(),
    "lzw.tif": encoded(".tif", 16),
    "zip.tif": tiff(pixels(16), compression="zlib"),
    "a.bmp": saved(format="BMP"),
    "half.exr": exr,
    "float.exr": exr_of_type(np.float32),
}
"""Whole files, to be cut and scratched."""

RIGHT: dict[str, Maker] = {
    "1x1.png": lambda path: Image.new("RGB", (1, 1), (9, 99, 199)).save(path),
    "1x40.png": lambda path: Image.fromarray(pixels(size=(40, 1))).save(path),
    "20000x10.png": lambda path: Image.fromarray(pixels(size=(10, 20000))).save(path),
    "palette.png": lambda path: image().quantize(64).save(path),
    "palette_alpha.png": lambda path: image().quantize(64).save(path, transparency=3),
    "grey.png": written(encoded(".png", 8, 1)),
    "grey_16.png": written(encoded(".png", 16, 1)),
    "grey_alpha.png": lambda path: image(8, 2).save(path),
    "grey_alpha_16.png": written(png(WIDTH, HEIGHT, 16, 4, rows_of(pixels(16, 2)))),
    "grey_2_bits.png": written(png(4, 2, 2, 0, b"\0\x1b\0\xe4")),
    "rgba.png": lambda path: image(8, 4).save(path),
    "rgba_16.png": written(encoded(".png", 16, 4)),
    "color_key.png": saved(transparency=(1, 2, 3)),
    "text_chunks.png": written(
        png(WIDTH, HEIGHT, 8, 2, rows_of(pixels()), chunk(b"tEXt", b"Author\0me"), chunk(b"prVt", b"x"))
    ),
    "bad_text_sum.png": written(png(WIDTH, HEIGHT, 8, 2, rows_of(pixels())) + b"rubbish behind the end"),
    "really_a_jpeg.png": saved(format="JPEG"),
    "really_a_png.tif": saved(format="PNG"),
    "UPPER.PNG": saved(),
    "with spaces and (brackets) [1].png": saved(),
    "größe_日本_🦏.png": saved(),
    "100%.png": saved(),
    "two\nlines.png": saved(),
    "link.png": linked_to_a_picture,
    "orientation_9.jpg": saved(exif=exif(orientation=9)),
    "orientation_6.jpg": lambda path: image().rotate(90, expand=True).save(path, exif=exif(orientation=6)),
    "odd_exif.jpg": saved(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"),
    "grey.jpg": converted("L"),
    "progressive.jpg": saved(progressive=True, quality=70),
    "lossy.webp": saved(quality=60),
    "alpha.webp": lambda path: image(8, 4).save(path, lossless=True, exact=True),
    "grey_16.tif": tiff(pixels(16, 1)[..., 0], photometric="minisblack"),
    "big_endian.tif": tiff(pixels(16), byteorder=">"),
    "big.tif": tiff(bigtiff=True),
    "tiles.tif": tiff(tile=(16, 16)),
    "planes.tif": tiff(np.moveaxis(pixels(16), -1, 0), planarconfig="separate"),
    "packbits.tif": saved(compression="packbits"),
    "jpeg_inside.tif": saved(compression="jpeg"),
    "grey.bmp": converted("L"),
    "nan.exr": exr_values(np.nan),
    "infinite.exr": exr_values(np.inf),
    "negative.exr": exr_values(-1),
    "float_64bit_high.exr": exr_of_type(np.float32),
    "luminance.exr": lambda path: exr(path, {"Y": linear()[..., 0]}),
    "one_layer.exr": exr_layers("ViewLayer.Combined"),
    "combined_and_more.exr": exr_layers("ViewLayer.Combined", "ViewLayer.DiffDir"),
    "cut_out.exr": exr_with_alpha,
    "lossy.exr": lambda path: exr(path, compression=OpenEXR.DWAA_COMPRESSION),
}
"""Odd, but harmonized."""

REFUSED: dict[str, tuple[Maker, str]] = {
    "empty.png": (written(b""), "is empty"),
    "empty.exr": (written(b""), "EXR"),
    "text.png": (written(b"not a picture"), "not a readable image"),
    "page.jpg": (written(b"<!doctype html><html>404</html>"), "not a readable image"),
    "text.tif": (written(b"II*\0"), "damaged"),
    "gif.png": (lambda path: image().save(path, "GIF"), "not a readable image"),
    "script.png": (written(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "not a readable image"),
    "picture.exr": (saved(format="PNG"), "EXR"),
    "folder.png": (Path.mkdir, "should give images"),
    "circle.png": (linked_in_a_circle, "does not exist"),
    "nowhere.png": (linked_to_nothing, "does not exist"),
    "pipe.png": (os.mkfifo, "is not a file"),
    "one_bit.png": (converted("1"), "1 bit"),
    "one_bit.tif": (converted("1"), "1 bit"),
    "cmyk.jpg": (converted("CMYK"), "CMYK"),
    "cmyk.tif": (converted("CMYK"), "CMYK"),
    "lab.tif": (converted("LAB"), "Lab"),
    "float.tif": (tiff(pixels().astype(np.float32)), "floating-point"),
    "integers.tif": (tiff(pixels().astype(np.uint32)), "32-bit"),
    "five_channels.tif": (tiff(np.zeros((16, 24, 5), np.uint8), photometric="minisblack"), "channels"),
    "two_pages.tif": (frames("TIFF"), "2 pictures"),
    "moving.webp": (frames("WEBP"), "2 pictures"),
    "moving.png": (frames("PNG"), "2 pictures"),
    "bomb.png": (written(png(2**31 - 1, 2**31 - 1, 8, 2, b"")), "pixels"),
    "large.png": (written(png(100000, 100000, 16, 6, b"")), "pixels"),
    "bomb.bmp": (written(bmp_bomb()), "pixels"),
    "bomb.tif": (tiff_that_says({256: 100000, 257: 100000}, tiff()), "pixels"),
    "inflating.tif": (
        tiff_that_says({257: 8}, tiff(np.zeros((4096, 24, 3), np.uint8), compression="zlib", rowsperstrip=4096)),
        "at most 576 bytes in each strip of pixels but strip 1 gives more",
    ),
    "tiled_bomb.tif": (tiff_that_says({322: 65536, 323: 65536}, tiff(tile=(16, 16))), "pixels but holds more"),
    "data_bomb.exr": (exr_bomb(b"dataWindow"), "60000x60000"),
    "display_bomb.exr": (exr_bomb(b"displayWindow"), "60000x60000"),
    "inverted_window.exr": (exr_bomb(b"dataWindow", -7), "EXR"),
    "endless_window.exr": (exr_bomb(b"displayWindow", 2**31 - 1), "EXR"),
    "zero_wide.png": (written(png(0, 0, 8, 2, b"")), "zero_wide.png"),
    "text_bomb.png": (
        written(png(4, 4, 8, 2, b"\0" * 52, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9 << 20), 9)))),
        "damaged",
    ),
    "profile_damaged.png": (saved(icc_profile=srgb_profile()[:300]), "colour profile"),
    "profile_noise.png": (saved(icc_profile=b"x" * 500), "colour profile"),
    "profile_of_cmyk.png": (saved(icc_profile=wide_profile().replace(b"RGB ", b"CMYK", 1)), "'CMYK'"),
    "only_depth.exr": (lambda path: exr(path, {"Z": linear()[..., 0]}), "R, G and B"),
    "two_layers.exr": (exr_layers("key", "fill"), "fill, key"),
    "integers.exr": (exr_of_type(np.uint32), "integers"),
    "deep.exr": (deep_exr, "is a deep EXR"),
    "flat_chromaticities.exr": (lambda path: exr(path, chromaticities=(0.3, 0.3) * 4), "span no colours"),
}
"""What is refused, and a word of the reason."""
