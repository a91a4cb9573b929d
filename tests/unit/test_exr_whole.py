# SPDX-License-Identifier: Apache-2.0
"""An EXR file that is cut off is known without its pixels."""

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


def test_a_picture_of_another_kind_is_none(tmp_path):
    path = tmp_path / "a.exr"
    path.write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    with pytest.raises(InputError, match="no EXR file"):
        check_whole(path)
    with pytest.raises(InputError, match="check the path"):
        check_whole(tmp_path / "missing.exr")
