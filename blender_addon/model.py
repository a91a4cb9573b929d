# SPDX-License-Identifier: GPL-3.0-or-later
"""The network: which file it is, and one open copy of it for as long as Blender runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import bpy

from harmonize_core.errors import InputError
from harmonize_core.runtime import Harmonizer, LookHarmonizer, open_harmonizer

BUNDLED = Path(__file__).parent / "models" / "harmonize.onnx"

NO_MODEL = (
    "No network: this build of the add-on carries none; choose an .onnx file written by `harmonize export` "
    "in the add-on's preferences"
)

Network = Harmonizer | LookHarmonizer

_open: dict[tuple[str, int, int], tuple[Network, str]] = {}


def model_path() -> Path:
    """The network file in the preferences, else the one inside the extension.

    Raises:
        InputError: there is none.
    """
    addon = bpy.context.preferences.addons.get(__package__ or "")
    chosen = addon.preferences.model_path if addon else ""
    if chosen:
        path = Path(bpy.path.abspath(chosen))
        if not path.is_file():
            raise InputError(f"The network {path} does not exist; choose it again in the add-on's preferences")
        return path
    if BUNDLED.is_file():
        return BUNDLED
    raise InputError(NO_MODEL)


def open_model(path: Path, threads: int) -> tuple[Network, str]:
    """The network and a digest of its file. Where ONNX Runtime cannot be loaded, NumPy runs it.

    Args:
        path: the .onnx file.
        threads: processor threads, 0 for all.

    Raises:
        CheckpointError: no network of ours.
        EnvironmentFault: NumPy lacks an operation of this network, and ONNX Runtime does not run in this Blender.
    """
    key = (str(path), path.stat().st_mtime_ns, threads)
    if key not in _open:
        network = open_harmonizer(path, threads=threads or None)
        _open.clear()
        _open[key] = (network, hashlib.sha256(path.read_bytes()).hexdigest()[:16])
    return _open[key]


def forget() -> None:
    """Close the network, so that its file can be replaced."""
    _open.clear()
