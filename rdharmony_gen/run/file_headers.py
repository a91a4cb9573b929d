# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a glTF or OBJ file by its text and headers alone, before an importer unpacks anything."""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rdharmony_gen.spec.picture_size import texture_problem
from rdharmony_gen.spec.user_files import MAX_OBJECTS, MAX_TRIANGLES

MAX_TEXT = 512 * 2**20
"""Bytes of an OBJ that are read."""
MAX_LIBRARY = 2**24
"""Bytes of a material library that are read."""
MAX_COMPANIONS = 1000
"""Files that one file may name."""


def header_problems(path: Path, root: Path) -> tuple[list[str], list[str]]:
    """Problems of a file as sentence ends ("has ..."), and the files it names, as paths from its folder.

    Args:
        path: The file.
        root: Folder that it and all files it names should be in. Links in it are the user's own and are followed.
    """
    try:
        match path.suffix.lower():
            case ".glb" | ".gltf":
                return _gltf(path, root)
            case ".obj":
                return _obj(path, root)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, struct.error) as error:
        return [f"is broken ({type(error).__name__}: {str(error)[:120]}); export it again"], []
    return [], []


def _gltf(path: Path, root: Path) -> tuple[list[str], list[str]]:
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
    uris = [str(entry.get("uri", "")) for kind in ("buffers", "images") for entry in document.get(kind, ())]
    files = [unquote(uri) for uri in uris if uri and not uri.startswith("data:")]
    if problems := _companions(path, root, files):
        return problems, []
    if not any(m.get("primitives") for m in document.get("meshes", ())):
        return ["holds no mesh; export the character with its geometry"], []
    problems += _amounts(document)
    for number, image in enumerate(document.get("images", ())):
        name = str(image.get("name") or image.get("uri", "")[:40] or number)
        problem = texture_problem(name, _image_source(path, document, image, blob))
        problems += [problem] if problem else []
    return problems, files


def _amounts(document: dict[str, Any]) -> list[str]:
    """Counts that cannot be, and triangles and objects beyond their bounds: a mesh counts wherever a node shows it."""
    accessors, nodes = document.get("accessors", []), document.get("nodes", [])
    if wrong := [a.get("count") for a in accessors if type(a.get("count")) is not int or a["count"] < 0]:
        return [f"has an accessor of {str(wrong[0])[:40]} values, which is no number of values; export it again"]
    of_mesh = [sum(_triangles(accessors, p) for p in m.get("primitives", ())) for m in document["meshes"]]
    shown = [(_copies(accessors, node), of_mesh[node["mesh"]]) for node in nodes if "mesh" in node]
    triangles = max(sum(of_mesh), sum(copies * count for copies, count in shown))
    objects = len(nodes) + sum(copies for copies, _ in shown)
    if triangles > MAX_TRIANGLES:
        return [f"has {triangles} triangles, more than the {MAX_TRIANGLES} allowed; make it lighter"]
    if objects > MAX_OBJECTS:
        return [f"has {objects} objects, more than the {MAX_OBJECTS} allowed; join some of them"]
    return []


def _triangles(accessors: list[dict[str, Any]], primitive: dict[str, Any]) -> int:
    """As a list of triangles; strips and fans have more, up to three times as many."""
    accessor = primitive.get("indices", primitive["attributes"]["POSITION"])
    return accessors[accessor]["count"] // (1 if primitive.get("mode", 4) in (5, 6) else 3)


def _copies(accessors: list[dict[str, Any]], node: dict[str, Any]) -> int:
    """How often a node shows its mesh."""
    instancing = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {})
    return max((accessors[a]["count"] for a in instancing.get("attributes", {}).values()), default=1)


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


def _obj(path: Path, root: Path) -> tuple[list[str], list[str]]:
    with open(path, "rb") as file:
        text = file.read(MAX_TEXT)
    faces = len(re.findall(rb"(?m)^[ \t]*f[ \t]", text))
    if not faces:
        return ["holds no mesh; export the character with its geometry"], []
    if faces > MAX_TRIANGLES:
        return [f"has {faces} faces, more than the {MAX_TRIANGLES} allowed; make it lighter"], []
    libraries = _names(rb"(?m)^[ \t]*mtllib[ \t]+([^\r\n]+)", text)
    if problems := _companions(path, root, libraries):
        return problems, []
    textures: list[str] = []
    for library in libraries:
        material = (path.parent / library).read_bytes()[:MAX_LIBRARY]
        found = _names(rb"(?mi)^[ \t]*(?:map_\w+|bump|disp|norm)[ \t]+([^\r\n]+)", material)
        textures += [line.split()[-1].replace("\\", "/") for line in found]
        textures = list(dict.fromkeys(textures))[: MAX_COMPANIONS + 1]
    if problems := _companions(path, root, textures):
        return problems, []
    found = [texture_problem(name, path.parent / name) for name in textures]
    return [problem for problem in found if problem], sorted({*libraries, *textures})


def _names(pattern: bytes, text: bytes) -> list[str]:
    """What the first group of a pattern finds, each once, one more than there may be at most."""
    found: dict[str, None] = {}
    for match in re.finditer(pattern, text):
        if name := match[1].decode("utf-8", "replace").strip():
            found[name] = None
        if len(found) > MAX_COMPANIONS:
            break
    return list(found)


def _companions(path: Path, root: Path, names: list[str]) -> list[str]:
    """What is wrong with the files that `path` names, each fault once."""
    if len(names) > MAX_COMPANIONS:
        return [f"names more than {MAX_COMPANIONS} files; pack them into one"]
    return list(dict.fromkeys(problem for name in names if (problem := _companion(path, root, name))))


def _companion(path: Path, root: Path, name: str) -> str:
    """What is wrong with a file that `path` names, or nothing."""
    if len(name) > 1000 or any(ord(letter) < 32 for letter in name):
        return "names a file that no file can be called; export it again"
    plain = name.replace("\\", "/")
    whole = os.path.abspath(path.parent / plain)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", plain) or not Path(whole).is_relative_to(os.path.abspath(root)):
        return (
            f"names the file {name[:200]}, which is not below {root}; put it beside it and name it by a relative path"
        )
    if plain.startswith("/"):
        return f"names the file {name[:200]} by an absolute path; name it by its path from the file"
    if not (path.parent / name).is_file():
        return f"needs the file {name}, which is missing; put it beside it"
    return ""
