# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a glTF or OBJ file by its text and headers alone, before an importer unpacks anything."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from PIL import Image

from rdharmony_gen.spec.user_files import MAX_TEXTURE_PX, MAX_TRIANGLES

MAX_TEXT = 512 * 2**20
"""Bytes of an OBJ that are read."""


def header_problems(path: Path) -> tuple[list[str], list[str]]:
    """Problems of a file as sentence ends ("has ..."), and the files it names, as paths from its folder."""
    try:
        match path.suffix.lower():
            case ".glb" | ".gltf":
                return _gltf(path)
            case ".obj":
                return _obj(path)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, struct.error) as error:
        return [f"is broken ({type(error).__name__}: {str(error)[:120]}); export it again"], []
    return [], []


def _gltf(path: Path) -> tuple[list[str], list[str]]:
    data = path.read_bytes()
    blob = b""
    if path.suffix.lower() == ".glb":
        magic, _, total = struct.unpack_from("<4sII", data)
        if magic != b"glTF" or total > len(data):
            return ["is not a whole .glb file; export it again"], []
        length = struct.unpack_from("<I", data, 12)[0]
        document, blob = json.loads(data[20 : 20 + length]), data[28 + length :]
    else:
        document = json.loads(data)
    problems, files = [], []
    for kind in ("buffers", "images"):
        for entry in document.get(kind, ()):
            uri = entry.get("uri", "")
            if not uri or uri.startswith("data:"):
                continue
            name = unquote(uri)
            problem = _companion(path, name)
            problems += [problem] if problem else []
            files += [] if problem else [name]
    if problems:
        return problems, []
    if not any(m.get("primitives") for m in document.get("meshes", ())):
        return ["holds no mesh; export the character with its geometry"], []
    triangles = sum(_triangles(document, p) for m in document["meshes"] for p in m["primitives"])
    if triangles > MAX_TRIANGLES:
        problems.append(f"has {triangles} triangles, more than the {MAX_TRIANGLES} allowed; make it lighter")
    for number, image in enumerate(document.get("images", ())):
        name = str(image.get("name") or image.get("uri", "")[:40] or number)
        problems += _texture(name, _image_source(path, document, image, blob))
    return problems, files


def _triangles(document: dict[str, Any], primitive: dict[str, Any]) -> int:
    accessor = primitive.get("indices", primitive["attributes"]["POSITION"])
    return int(document["accessors"][accessor]["count"]) // 3


def _image_source(path: Path, document: dict[str, Any], image: dict[str, Any], blob: bytes) -> Path | io.BytesIO:
    uri = image.get("uri", "")
    if uri.startswith("data:"):
        try:
            return io.BytesIO(base64.b64decode(uri.partition(",")[2][: 2**20] + "=="))
        except binascii.Error:
            return io.BytesIO()
    if uri:
        return path.parent / unquote(uri)
    view = document["bufferViews"][image["bufferView"]]
    start = int(view.get("byteOffset", 0))
    return io.BytesIO(blob[start : start + int(view["byteLength"])])


def _obj(path: Path) -> tuple[list[str], list[str]]:
    problems, files, faces = [], [], 0
    with open(path, "rb") as file:
        text = file.read(MAX_TEXT)
    faces = len(re.findall(rb"(?m)^\s*f\s", text))
    if not faces:
        return ["holds no mesh; export the character with its geometry"], []
    if faces > MAX_TRIANGLES:
        return [f"has {faces} faces, more than the {MAX_TRIANGLES} allowed; make it lighter"], []
    for found in re.findall(rb"(?m)^\s*mtllib\s+(.+?)\s*$", text):
        library = found.decode("utf-8", "replace")
        problem = _companion(path, library)
        if problem:
            problems.append(problem)
            continue
        files.append(library)
        material = (path.parent / library).read_bytes()[: 2**24]
        for line in re.findall(rb"(?mi)^\s*(?:map_\w+|bump|disp|norm)\s+(.+?)\s*$", material):
            name = line.decode("utf-8", "replace").split()[-1].replace("\\", "/")
            problem = _companion(path, name)
            if problem:
                problems.append(problem)
            else:
                files.append(name)
                problems += _texture(name, path.parent / name)
    return list(dict.fromkeys(problems)), sorted(set(files))


def _companion(path: Path, name: str) -> str:
    """What is wrong with a file that `path` names, or nothing."""
    if "\0" in name or len(name) > 1000:
        return "names a file that no file can be called; export it again"
    if not (path.parent / name).is_file():
        return f"needs the file {name}, which is missing; put it beside it"
    return ""


def _texture(name: str, source: Path | io.BytesIO) -> list[str]:
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(source) as image:
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        return [f"has the texture {name}, which is no readable image; export it again"]
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if max(width, height) > MAX_TEXTURE_PX:
        return [f"has the texture {name} of {width}x{height} pixels, more than {MAX_TEXTURE_PX}; make it smaller"]
    return []
