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
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import EnvironmentFault

_CPU, _FLOAT3 = 1, 3
_QUALITY = {"fast": 4, "balanced": 5, "high": 6}


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


class Denoiser:
    """Denoises pictures of one size that share their albedo and normals, as the conditions of a view do.

    Args:
        albedo: (H, W, 3) in [0, 1].
        normal: (H, W, 3) in [-1, 1].
        clean: both are free of noise and may be trusted to the pixel.
        quality: fast, balanced or high.
    """

    def __init__(
        self, albedo: NDArray[np.float32], normal: NDArray[np.float32], *, clean: bool = True, quality: str = "high"
    ) -> None:
        library = _library()
        self._filter = library.oidnNewFilter(_device(), b"RT")
        weakref.finalize(self, library.oidnReleaseFilter, self._filter)
        self._colour = np.empty_like(np.ascontiguousarray(albedo, np.float32))
        self._output = np.empty_like(self._colour)
        self._kept = [np.ascontiguousarray(a, np.float32) for a in (albedo, normal)]
        for name, image in zip(
            (b"color", b"output", b"albedo", b"normal"), (self._colour, self._output, *self._kept), strict=True
        ):
            self._set(name, image)
        library.oidnSetFilterBool(self._filter, b"hdr", True)
        library.oidnSetFilterBool(self._filter, b"cleanAux", clean)
        library.oidnSetFilterInt(self._filter, b"quality", _QUALITY[quality])
        library.oidnCommitFilter(self._filter)
        _check()

    def __call__(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        """The denoised (H, W, 3) of a scene-linear picture."""
        self._colour[...] = colour
        _library().oidnExecuteFilter(self._filter)
        _check()
        return self._output.copy()

    def _set(self, name: bytes, image: NDArray[np.float32]) -> None:
        height, width, _ = image.shape
        _library().oidnSetSharedFilterImage(self._filter, name, image.ctypes.data, _FLOAT3, width, height, 0, 12, 0)


def _check() -> None:
    message = ctypes.c_char_p()
    if _library().oidnGetDeviceError(_device(), ctypes.byref(message)):
        said = (message.value or b"no reason given").decode(errors="replace")
        raise EnvironmentFault(f"Open Image Denoise should have run but says: {said}; render with --strategy fresh")
