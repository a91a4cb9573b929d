# SPDX-License-Identifier: Apache-2.0
"""An EXR file that is cut off is known without its pixels."""

import struct

import cv2
import numpy as np
import OpenEXR
import pytest

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_whole import check_whole

COMPRESSIONS = ("NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "DWAA", "DWAB")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_file_is_whole_until_its_last_byte_is_gone(tmp_path, compression):
    path = tmp_path / "a.exr"
    rgb = np.random.default_rng(0).random((70, 31, 3)).astype(np.float32)
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGB": rgb}) as file:
        file.write(str(path))
    check_whole(path)
    data = path.read_bytes()
    for end in (len(data) - 1, len(data) // 2, 400, 20, 0):
        path.write_bytes(data[:end])
        with pytest.raises(InputError, match="damaged or no EXR file"):
            check_whole(path)


@pytest.mark.parametrize("compression", ["ZIP", "PIZ"])
def test_tiles_are_looked_into_too(tmp_path, compression):
    path = tmp_path / "a.exr"
    rgb = np.random.default_rng(0).random((70, 131, 3)).astype(np.float32)
    header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.tiledimage}
    with OpenEXR.File({**header, "tiles": OpenEXR.TileDescription()}, {"RGB": rgb}) as file:
        file.write(str(path))
    check_whole(path)
    data = path.read_bytes()
    for end in (len(data) - 1, len(data) // 2, 400):
        path.write_bytes(data[:end])
        with pytest.raises(InputError, match="damaged or no EXR file"):
            check_whole(path)


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("up", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (7, 1), (64, 48), (65, 33)])
def test_all_levels_of_tiles_count(tmp_path, mode, up, size):
    """A file made by hand, as the format's own picture of it says: 16 x 16 tiles of one octet each."""
    path, (width, height) = tmp_path / "a.exr", size

    def halved(length: int) -> list[int]:
        found = [length]
        while found[-1] > 1:
            found.append((found[-1] + up) // 2)
        return found

    wide, high = halved(width), halved(height)
    count = max(len(wide), len(high))
    pairs = [(n, n) for n in range(count)]
    if mode == 2:
        pairs = [(x, y) for y in range(len(high)) for x in range(len(wide))]
    tiles = [
        (column, row, x, y)
        for x, y in pairs
        for row in range(-(-high[min(y, len(high) - 1)] // 16))
        for column in range(-(-wide[min(x, len(wide) - 1)] // 16))
    ]
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes = {
        ("channels", "chlist"): b"R\0" + struct.pack("<4i", 1, 0, 1, 1) + b"\0",
        ("compression", "compression"): b"\3",
        ("dataWindow", "box2i"): box,
        ("displayWindow", "box2i"): box,
        ("tiles", "tiledesc"): struct.pack("<IIB", 16, 16, mode | up << 4),
    }
    head = struct.pack("<II", 20000630, 2 | 0x200)
    for (name, kind), value in attributes.items():
        head += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    first = len(head) + 8 * len(tiles)
    offsets = struct.pack(f"<{len(tiles)}Q", *(first + 21 * n for n in range(len(tiles))))
    data = head + offsets + b"".join(struct.pack("<5i", *tile, 1) + b"x" for tile in tiles)
    path.write_bytes(data)
    check_whole(path)
    path.write_bytes(data[:-1])
    with pytest.raises(InputError, match="damaged"):
        check_whole(path)


def test_a_hole_in_the_middle_is_seen(tmp_path):
    """What a copy that was broken off and went on leaves: zeros where a chunk should begin."""
    path = tmp_path / "a.exr"
    rgb = np.random.default_rng(0).random((200, 31, 3)).astype(np.float32)
    for compression in ("ZIP", "PIZ"):
        header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
        with OpenEXR.File(header, {"RGB": rgb}) as file:
            file.write(str(path))
        data = bytearray(path.read_bytes())
        check_whole(path)
        middle = len(data) // 2
        data[middle - 8000 : middle + 8000] = bytes(16000)
        path.write_bytes(bytes(data))
        with pytest.raises(InputError, match="damaged"):
            check_whole(path)


def test_a_picture_of_another_kind_is_none(tmp_path):
    path = tmp_path / "a.exr"
    path.write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    with pytest.raises(InputError, match="no EXR file"):
        check_whole(path)
    with pytest.raises(InputError, match="check the path"):
        check_whole(tmp_path / "missing.exr")
