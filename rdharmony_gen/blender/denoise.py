# SPDX-License-Identifier: GPL-3.0-or-later
"""Open Image Denoise on arrays: the library that Blender itself carries, called through its C interface (2.x).

Cycles denoises what it has just rendered; here pictures are denoised that were put together from several renders.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import EnvironmentFault

Image = NDArray[np.float32]

_CPU, _FLOAT3, _HIGH = 1, 3, 6  # a device, a format and a quality, as oidn.h numbers them


def _candidates() -> list[Path]:
    """Where Blender keeps its shared libraries, next to its version folder; then those of the package `pyoidn`."""
    home = Path(bpy.utils.resource_path("LOCAL")).parent
    patterns = {
        "linux": ("lib/libOpenImageDenoise.so.*",),
        "darwin": ("lib/libOpenImageDenoise.*dylib", "../Resources/lib/libOpenImageDenoise.*dylib"),
        "win32": ("blender.shared/OpenImageDenoise.dll", "OpenImageDenoise.dll"),
    }.get(sys.platform, ("lib/libOpenImageDenoise.*",))
    own = [path for pattern in patterns for path in sorted(home.glob(pattern))]
    return own + [
        path for entry in sys.path for path in sorted(Path(entry).glob("pyoidn/oidn/lib/*OpenImageDenoise.*"))
    ]


@functools.cache
def _library() -> ctypes.CDLL:
    for path in _candidates():
        try:
            library = ctypes.CDLL(os.fspath(path))
        except OSError:
            continue
        handle, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
        for name, result, arguments in (
            ("oidnNewDevice", handle, [ctypes.c_int]),
            ("oidnSetDeviceBool", None, [handle, text, ctypes.c_bool]),
            ("oidnCommitDevice", None, [handle]),
            ("oidnGetDeviceError", ctypes.c_int, [handle, ctypes.POINTER(text)]),
            ("oidnNewFilter", handle, [handle, text]),
            ("oidnSetSharedFilterImage", None, [handle, text, handle, ctypes.c_int, *[size] * 5]),
            ("oidnSetFilterBool", None, [handle, text, ctypes.c_bool]),
            ("oidnSetFilterInt", None, [handle, text, ctypes.c_int]),
            ("oidnCommitFilter", None, [handle]),
            ("oidnExecuteFilter", None, [handle]),
            ("oidnReleaseFilter", None, [handle]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        return library
    raise EnvironmentFault(
        f"denoising needs the Open Image Denoise library that comes with Blender, which is not in "
        f"{Path(bpy.utils.resource_path('LOCAL')).parent}; render with --strategy fresh"
    )


@functools.cache
def _device() -> int:
    library = _library()
    device = library.oidnNewDevice(_CPU)
    library.oidnSetDeviceBool(device, b"setAffinity", False)  # workers share the machine
    library.oidnCommitDevice(device)
    return device


class _Filter:
    """One filter of the library for ray-traced pictures, with the arrays that it reads and writes.

    Args:
        images: (H, W, 3) of one size, by what the library calls them: `color`, `albedo`, `normal`.
        switches: true or false, by what the library calls them.
    """

    def __init__(self, images: Mapping[str, Image], switches: Mapping[str, bool]) -> None:
        library = _library()
        self._filter = library.oidnNewFilter(_device(), b"RT")
        weakref.finalize(self, library.oidnReleaseFilter, self._filter)
        self.images = {name: np.array(image, np.float32, order="C") for name, image in images.items()}
        self.images["output"] = np.empty_like(next(iter(self.images.values())))
        for name, image in self.images.items():
            height, width, _ = image.shape
            place = (image.ctypes.data, _FLOAT3, width, height, 0, 12, 0)
            library.oidnSetSharedFilterImage(self._filter, name.encode(), *place)
        for name, value in switches.items():
            library.oidnSetFilterBool(self._filter, name.encode(), value)
        library.oidnSetFilterInt(self._filter, b"quality", _HIGH)
        library.oidnCommitFilter(self._filter)
        _check()

    def run(self) -> Image:
        _library().oidnExecuteFilter(self._filter)
        _check()
        return self.images["output"].copy()


def clean_surfaces(albedo: Image, normal: Image) -> tuple[Image, Image]:
    """Albedo and normals without the noise that they have behind glass, where only some paths see through.

    The library's documentation recommends this before auxiliary pictures are declared clean; textures and edges stay.

    Args:
        albedo: (H, W, 3) in [0, 1].
        normal: (H, W, 3) in [-1, 1].
    """
    named = {"albedo": albedo, "normal": normal}
    albedo, normal = (_Filter({name: image}, {}).run() for name, image in named.items())
    return np.clip(albedo, 0.0, 1.0), normal


class Denoiser:
    """Denoises pictures of one size that share their albedo and normals, as the conditions of a view do.

    Args:
        albedo: (H, W, 3) in [0, 1]; it is trusted to the pixel, so its noise would be in all pictures.
        normal: (H, W, 3) in [-1, 1]; trusted alike. Both as `clean_surfaces` returns them.
    """

    def __init__(self, albedo: Image, normal: Image) -> None:
        images = {"color": np.zeros_like(albedo), "albedo": albedo, "normal": normal}
        self._filter = _Filter(images, {"hdr": True, "cleanAux": True})

    def __call__(self, colour: Image) -> Image:
        """The denoised (H, W, 3) of a scene-linear picture."""
        self._filter.images["color"][...] = colour
        return self._filter.run()


def _check() -> None:
    message = ctypes.c_char_p()
    if _library().oidnGetDeviceError(_device(), ctypes.byref(message)):
        said = (message.value or b"no reason given").decode(errors="replace")
        raise EnvironmentFault(f"Open Image Denoise should have run but says: {said}; render with --strategy fresh")
