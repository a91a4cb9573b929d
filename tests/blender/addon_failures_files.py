# SPDX-License-Identifier: Apache-2.0
"""Failures of files: pictures, renders, networks and what a run keeps, damaged, missing or of another kind."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from addon_failures import Breaks, Failure, both, broken, content, setting

LAYER = "out/harmonized_work/characters_0001.exr"
ESTIMATE = "out/harmonized_work/look_0001.npz"
DAMAGED = "The image <file> is damaged or empty; check that it was copied whole"
NO_EXR = "<file> is damaged or no EXR file; check that it was copied whole"


def plate(name: str, data: bytes | Callable[[Any], bytes]) -> Breaks:
    """A file with these bytes is the background."""

    def path(shot: Any) -> str:
        file = shot.folder / name
        file.write_bytes(data(shot) if callable(data) else data)
        return str(file)

    return setting("settings.plate_path", path)


def existing(name: str, data: Callable[[Any], bytes], foreground: str = "ALPHA") -> Breaks:
    """A file with these bytes is the existing render; none where there is no function."""

    def path(shot: Any) -> str:
        (shot.folder / name).write_bytes(data(shot))
        return str(shot.folder / name)

    return both(
        setting("settings.matte", "Ball"),
        setting("settings.foreground", foreground),
        setting("settings.render_path", path),
        setting("settings.source", "FILES"),
    )


def network(name: str, data: Callable[[Any], bytes]) -> Breaks:
    """A file with these bytes is the network."""

    def path(shot: Any) -> str:
        (shot.folder / name).write_bytes(data(shot))
        return str(shot.folder / name)

    return setting("preferences.model_path", path)


def _half(picture: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda shot: (data := picture(shot))[: len(data) // 2]


def _exr(shot: Any) -> bytes:
    import numpy as np

    values = np.random.default_rng(0).random((48, 64, 4), dtype=np.float32)
    return shot.addon("bridge.files").encode_exr(values)


def _opaque(shot: Any) -> bytes:
    return (shot.folder / "plate.png").read_bytes()


def huge_png(side: int = 60000) -> bytes:
    """A PNG that says it is this large; nothing of it is there."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def _changed(what: Breaks) -> Breaks:
    """With another strength, so that pictures are written anew from what is kept."""
    return both(setting("settings.strength", 0.5), what)


def _no_estimates(shot: Any) -> Iterator[None]:
    kept = (shot.folder / ESTIMATE).read_bytes()
    (shot.folder / ESTIMATE).unlink()
    yield
    (shot.folder / ESTIMATE).write_bytes(kept)


FILES = (
    Failure("The background is cut off (PNG)", DAMAGED, plate("cut.png", _half(_opaque))),
    Failure("The background is cut off (EXR)", NO_EXR, plate("cut.exr", _half(_exr))),
    Failure("The background is no picture", DAMAGED, plate("notes.txt", b"buy milk\n")),
    Failure("The background is larger than Blender can open", DAMAGED, plate("huge.png", huge_png())),
    Failure(
        "The movie cannot be read",
        "The movie <file> cannot be read by this Blender; convert it to an image sequence",
        plate("a b.mp4", b"no movie"),
    ),
    Failure(
        "The existing render is opaque",
        "<file>: it is opaque everywhere, so its alpha tells no characters; render it with a transparent film and "
        "RGBA, or tell them by a matte",
        existing("render_0001.png", _opaque),
    ),
    Failure(
        "The existing render holds no passes",
        "<file>: it holds no passes; render an EXR of several layers, or choose Alpha",
        existing("render_0001.png", _opaque, "MATTE"),
    ),
    Failure(
        "The existing render lacks the matte",
        "<file>: it has no AOV and no Cryptomatte name <name>; it holds the AOVs <names> and the names <names>",
        existing("render_0001.exr", _exr, "MATTE"),
    ),
    Failure("The existing render is cut off", NO_EXR, existing("render_0001.exr", _half(_exr))),
    Failure("The existing render is no EXR", NO_EXR, existing("render_0001.exr", lambda _: b"EXR", "MATTE")),
    Failure(
        "The existing render is a movie",
        "A movie tells no characters from the rest: render pictures, with alpha or passes",
        existing("render.mp4", lambda _: b""),
    ),
    Failure(
        "Frames of the existing render are missing",
        "The existing render lacks <count> of <count> frames, the first is <file>: render them, or choose pictures "
        "that are numbered like the scene's frames",
        existing("render_0001.png", _opaque),
        press="animation",
    ),
    Failure(
        "Alpha is to tell the characters, and the scene is the background",
        "Alpha takes everything in the picture for characters, so nothing of the scene is left as background: choose a "
        "file or the camera's background, or tell the characters in another way",
        both(setting("settings.foreground", "ALPHA"), setting("settings.background", "SCENE")),
    ),
    Failure(
        "A matte is to tell the characters, and the world is the background",
        "The world cannot be told from the rest of a whole picture: choose Rest of the Scene, which it belongs to",
        both(setting("settings.foreground", "MATTE"), setting("settings.background", "WORLD")),
    ),
    Failure(
        "No matte is named",
        "No matte is named: type the name of an AOV, or names of objects or materials in the Cryptomatte (* stands for "
        "anything)",
        setting("settings.foreground", "MATTE"),
    ),
    Failure(
        "Nothing has the name of the matte",
        "Nothing is named <name>: no AOV of this view layer, no object and no material; type a name that there is",
        both(setting("settings.foreground", "MATTE"), setting("settings.matte", "Cat")),
    ),
    Failure(
        "Results would replace the background, or an existing render",
        "<file> is a picture that Harmonize reads, and the result would replace it: choose another Name or Folder for "
        "the results",
        both(
            plate("plate_0001.png", _opaque),
            setting("settings.name_prefix", "plate"),
            setting("settings.folder", lambda shot: str(shot.folder)),
        ),
    ),
    Failure(
        "A rendered layer that was kept is damaged",
        "The rendered layer <file> of frame <frame> is damaged or gone: press Clear Rendered Layers, then run again",
        _changed(content(LAYER, lambda data: data[: len(data) // 2])),
    ),
    Failure(
        "An estimate is damaged when the look is baked",
        "<file> is damaged or of another version: delete it and harmonize the frame again",
        content(ESTIMATE, lambda data: data[: len(data) // 2]),
        press="bake_look",
    ),
    Failure(
        "There are no estimates to bake",
        "No estimates of frame <frames> are in <folder>: press Harmonize Animation first (or Harmonize Frame for one "
        "frame)",
        broken(_no_estimates),
        press="bake_look",
    ),
    Failure(
        "The network is gone",
        "The network <file> does not exist; choose it again in the add-on's preferences",
        setting("preferences.model_path", "/missing/network.onnx"),
    ),
    Failure(
        "The network is a folder",
        "The network <file> is a folder: choose an .onnx file in the add-on's preferences",
        setting("preferences.model_path", lambda shot: str(shot.folder)),
        press="test_network",
    ),
    Failure(
        "The network is cut off or something else",
        "<file> is not a readable ONNX model; copy it again or export it anew",
        network("cut.onnx", lambda _: b"\x08\x0a\x12"),
        press="test_network",
    ),
)
