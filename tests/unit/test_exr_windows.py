# SPDX-License-Identifier: Apache-2.0
"""Cropped EXR files that were read without their place get it back."""

import numpy as np
import OpenEXR
import pytest

from harmonize_core.errors import InputError
from harmonize_core.runtime.exr_reader import read_exr
from harmonize_core.runtime.exr_windows import in_display, put_windows, windows_of


def _write(path, plane, start=(0, 0), whole=None):
    end = np.array(start) + plane.shape[::-1] - 1
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    header["dataWindow"] = (np.array(start, np.int32), end.astype(np.int32))
    header["displayWindow"] = header["dataWindow"] if whole is None else (np.int32([0, 0]), np.int32(whole) - 1)
    with OpenEXR.File(header, {"Y": plane}) as file:
        file.write(str(path))
    return path


def _own(path):
    return OpenEXR.File(str(path)).parts[0]


@pytest.mark.parametrize("start", [(5, 7), (-3, -20), (60, 40), (200, 300)])
def test_a_copy_lies_where_the_original_does(tmp_path, start):
    plane = np.random.default_rng(0).random((37, 20)).astype(np.float32)
    original = _write(tmp_path / "a.exr", plane, start, (64, 48))
    copy = _write(tmp_path / "b.exr", plane)
    put_windows(copy, *windows_of(original))
    ours, theirs = (read_exr(path, lambda _: True).channels["Y"] for path in (copy, original))
    assert ours.shape == (48, 64)
    assert np.array_equal(ours, theirs)
    assert np.array_equal(in_display(plane[..., None], original)[..., 0], theirs)
    assert np.array_equal(_own(copy).channels["Y"].pixels, plane)
    assert _own(copy).header["dataWindow"][0].tolist() == list(start)


def test_a_copy_of_another_size_is_refused(tmp_path):
    copy = _write(tmp_path / "a.exr", np.ones((9, 8), np.float32))
    whole = copy.read_bytes()
    with pytest.raises(InputError, match="another size"):
        put_windows(copy, (0, 0, 8, 8), (0, 0, 63, 47))
    assert copy.read_bytes() == whole
