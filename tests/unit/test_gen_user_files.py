# SPDX-License-Identifier: Apache-2.0
"""The user's own files by their text and headers alone: what forbids their use is seen before anything opens them."""

import json
import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from harmonize_core.formats.images import write_exr
from rdharmony_gen.run.file_headers import header_problems
from rdharmony_gen.spec.picture_size import picture_size, texture_problem

FACE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def _gltf(folder: Path, **changes: object) -> Path:
    """A character of one triangle in a folder of its own below `folder`."""
    document = {
        "accessors": [{"count": 3}, {"count": 3}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "nodes": [{"mesh": 0}],
        "buffers": [{"uri": "data:,"}],
    }
    path = folder / "bob" / "bob.gltf"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document | changes))
    return path


@pytest.mark.parametrize("blank", ["\n" * 100_000, " " * 100_000 + "\n", "\t\n" * 100_000])
def test_blank_lines_of_an_obj_cost_nothing(tmp_path, blank):
    path = tmp_path / "bob.obj"
    path.write_text(blank + "mtllib bob.mtl" + blank + FACE)
    (tmp_path / "bob.mtl").write_text(blank + "newmtl m\n" + blank + "  map_Kd -clamp on gone.png" + blank)
    started = time.process_time()
    problems, _ = header_problems(path, tmp_path)
    assert time.process_time() - started < 1
    assert problems == ["needs the file gone.png, which is missing; put it beside it"]


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "../../../../../../../../etc/passwd",
        "%2e%2e/%2e%2e/outside.png",
        "..\\..\\outside.png",
        "file:///etc/passwd",
        "http://localhost/bob.png",
        "C:/bob.png",
    ],
)
@pytest.mark.parametrize("kind", ["images", "buffers"])
def test_files_outside_of_the_folder_are_not_asked_for(tmp_path, uri, kind):
    (tmp_path / "outside.png").write_bytes(b"")
    root = tmp_path / "mine"
    problems, files = header_problems(_gltf(root, **{kind: [{"uri": uri}]}), root)
    assert len(problems) == 1
    assert "which is not below" in problems[0]
    assert files == []


def test_files_beside_a_character_and_elsewhere_in_the_folder_are_found(tmp_path):
    path = _gltf(tmp_path, images=[{"uri": "skin%20a.png"}, {"uri": "../textures/eyes.png"}])
    (tmp_path / "textures").mkdir()
    for picture in ("bob/skin a.png", "textures/eyes.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / picture)
    assert header_problems(path, tmp_path) == ([], ["skin a.png", "../textures/eyes.png"])
    assert "names the file" in header_problems(path, path.parent)[0][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accessors": [{"count": 3}, {"count": -3_000_000}]}, "an accessor of -3000000 values"),
        ({"accessors": [{"count": 3}, {"count": "3"}]}, "an accessor of 3 values, which is no number"),
        ({"accessors": [{"count": 3}, {}]}, "an accessor of None values"),
        ({"accessors": [{"count": 3}, {"count": 3000}], "nodes": [{"mesh": 0}] * 2001}, "has 2001000 triangles"),
        ({"nodes": [{"mesh": 0}] * 10_001}, "has 20002 objects"),
        (
            {
                "accessors": [{"count": 3}, {"count": 3}, {"count": 2_000_001}],
                "nodes": [{"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 2}}}}],
            },
            "has 2000001 triangles",
        ),
    ],
)
def test_counts_that_cannot_be_are_refused(tmp_path, changes, words):
    problems, _ = header_problems(_gltf(tmp_path, **changes), tmp_path)
    assert len(problems) == 1
    assert words in problems[0]


def _half_a_header(path: Path, size: tuple[int, int]) -> None:
    """What states the size of a picture that is promised and not there, by the format's own layout."""
    width, height = size
    match path.suffix:
        case ".dpx":
            data = b"SDPX" + bytes(768) + struct.pack(">II", width, height)
        case ".cin":
            data = b"\x80\x2a\x5f\xd7" + bytes(196) + struct.pack(">II", width, height)
        case ".hdr":
            data = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width)
        case _:
            write_exr(path, {"Y": np.zeros((2, 2))})
            data = path.read_bytes()
            for name in (b"dataWindow", b"displayWindow"):
                at = data.index(name + b"\0box2i\0") + len(name) + 11
                data = data[:at] + struct.pack("<4i", -9, -9, width - 10, height - 10) + data[at + 16 :]
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".dpx", ".cin"])
def test_a_texture_of_any_format_that_promises_too_much_is_refused(tmp_path, suffix):
    path = tmp_path / f"sky{suffix}"
    _half_a_header(path, (30000, 200))
    assert "has the texture sky of 30000x200 pixels, more than 8192" in texture_problem("sky", path)
    (tmp_path / "bob.obj").write_text("mtllib bob.mtl\n" + FACE)
    (tmp_path / "bob.mtl").write_text(f"map_Kd sky{suffix}\n")
    assert "of 30000x200 pixels" in header_problems(tmp_path / "bob.obj", tmp_path)[0][0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tga", "tif", "webp", "sgi", "jp2", "dds"])
def test_sizes_of_usual_textures_are_known(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (37, 21)).save(path)
    assert picture_size(path) == (37, 21)


@pytest.mark.parametrize("suffix", ["tif", "hdr", "exr"])
def test_sizes_of_textures_in_floating_point_are_known(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "exr":
        write_exr(path, {name: np.zeros((21, 37)) for name in "RGB"})
    else:
        cv2.imwrite(str(path), np.zeros((21, 37, 3), np.float32))
    assert picture_size(path) == (37, 21)


@pytest.mark.parametrize("data", [b"", b"secret words", b"\x76\x2f\x31\x01", b"#?RADIANCE\n", b"II*\0\xff\xff\xff\x7f"])
def test_what_is_no_picture_is_refused(tmp_path, data):
    path = tmp_path / "a.exr"
    path.write_bytes(data)
    assert picture_size(path) is None
    assert "whose size can be told" in texture_problem("a", path)
