# SPDX-License-Identifier: Apache-2.0
"""Numbers of files as the add-on reads them: exact, whole or cut or small, whichever way is the cheaper one."""

from __future__ import annotations

from pathlib import Path

from addon_session import addon


def check_8_bit_pictures_are_read_as_their_bytes(folder: Path) -> None:
    """And deeper ones as floats."""
    import cv2
    import numpy as np

    pixels = addon("bridge.pixels")
    folder.mkdir(parents=True, exist_ok=True)
    codes = np.random.default_rng(0).integers(0, 256, (37, 51, 3), dtype=np.uint8)
    codes[:5, :, 1] = np.arange(255).reshape(5, 51)
    for name in ("a.png", "a.bmp", "a.tif"):
        cv2.imwrite(str(folder / name), codes[..., ::-1])
        found = pixels.read_picture(folder / name)
        assert found.dtype == np.uint8
        assert np.array_equal(found, codes), name
        assert np.allclose(pixels.read_plate(folder / name), codes / 255, atol=1e-7)
        assert np.array_equal(np.rint(pixels.read_values(folder / name)[..., :3] * 255), codes)
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    cv2.imwrite(str(folder / "deep.png"), deep[..., ::-1])
    assert np.array_equal(np.rint(pixels.read_picture(folder / "deep.png") * 65535), deep)


def check_layers_are_the_same_however_they_are_packed(folder: Path) -> None:
    """Those of Blender's kind are read without it, others by it."""
    import numpy as np
    import OpenEXR

    pixels = addon("bridge.pixels")
    folder.mkdir(parents=True, exist_ok=True)
    rgba = np.zeros((40, 30, 4), np.float16)
    rgba[10:20, 5:9] = np.random.default_rng(2).uniform(0, 1, (10, 4, 4))
    rgba[11, 6, :3] = 70
    for compression in ("ZIP", "PIZ"):
        header = {"compression": getattr(OpenEXR, f"{compression}_COMPRESSION"), "type": OpenEXR.scanlineimage}
        with OpenEXR.File(header, {"RGBA": rgba}) as file:
            file.write(str(folder / "a.exr"))
        layer = pixels.read_layer(folder / "a.exr")
        assert np.array_equal(layer.rgb_linear, rgba[..., :3].astype(np.float32)), compression
        assert np.array_equal(layer.alpha, rgba[..., 3].astype(np.float32)), compression
        assert np.array_equal(pixels.read_values(folder / "a.exr"), rgba.astype(np.float32))
