# SPDX-License-Identifier: GPL-3.0-or-later
"""The network: which file it is, and one open copy of it for as long as Blender runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import bpy

from harmonize_core.errors import EnvironmentFault, InputError
from harmonize_core.runtime import Harmonizer, LookHarmonizer, open_harmonizer
from harmonize_core.runtime.engines import Runtime, load_onnxruntime

from .translations import say

BUNDLED = Path(__file__).parent / "models" / "harmonize.onnx"

NO_MODEL = (
    "No network: this build of the add-on carries none; choose an .onnx file written by `harmonize export` "
    "in the add-on's preferences"
)

Network = Harmonizer | LookHarmonizer

_open: dict[tuple[str, int, int, Runtime], tuple[Network, str]] = {}
_onnxruntime: list[str] = []
"""Version of ONNX Runtime, or "" and why it does not load; looked up once."""


def model_path() -> Path:
    """The network file in the preferences, else the one inside the extension.

    Raises:
        InputError: there is none.
    """
    preferences = _preferences()
    chosen = preferences.model_path if preferences else ""
    if chosen:
        path = Path(bpy.path.abspath(chosen))
        if path.is_dir():
            raise InputError(f"The network {path} is a folder: choose an .onnx file in the add-on's preferences")
        if not path.is_file():
            raise InputError(f"The network {path} does not exist; choose it again in the add-on's preferences")
        return path
    if BUNDLED.is_file():
        return BUNDLED
    raise InputError(NO_MODEL)


def chosen_runtime() -> Runtime:
    """What the preferences say networks run in; to be asked in the main thread."""
    preferences = _preferences()
    return "numpy" if preferences and preferences.engine == "NUMPY" else "auto"


def open_model(path: Path, threads: int, runtime: Runtime) -> tuple[Network, str]:
    """The network and a digest of its file; any thread may ask. Where ONNX Runtime cannot be loaded, NumPy runs it.

    Args:
        path: the .onnx file.
        threads: processor threads, 0 for all.
        runtime: from `chosen_runtime`.

    Raises:
        CheckpointError: no network of ours.
        EnvironmentFault: NumPy lacks an operation of this network, and ONNX Runtime does not run in this Blender.
    """
    key = (str(path), path.stat().st_mtime_ns, threads, runtime)
    if key not in _open:
        network = open_harmonizer(path, threads=threads or None, runtime=runtime)
        _open.clear()
        _open[key] = (network, hashlib.sha256(path.read_bytes()).hexdigest()[:16])
    return _open[key]


def engine_lines() -> list[tuple[str, bool]]:
    """What runs networks here, and why not the faster engine: lines for people, and whether all is well."""
    if chosen_runtime() == "numpy":
        return [(say("Runs in NumPy, as chosen above: the same result, slower"), True)]
    if not _onnxruntime:
        try:
            _onnxruntime.append(str(load_onnxruntime().__version__))
        except EnvironmentFault as error:
            reason = str(error.__cause__ or error).strip().splitlines() or ["no reason given"]
            _onnxruntime.extend(["", reason[0]])
    if _onnxruntime[0]:
        return [(say("Runs in ONNX Runtime {version}", version=_onnxruntime[0]), True)]
    return [
        (say("Runs in NumPy: the same result, slower"), False),
        (say("ONNX Runtime does not load in this Blender: {reason}", reason=_onnxruntime[1]), False),
    ]


def forget() -> None:
    """Close the network, so that its file can be replaced."""
    _open.clear()
    _onnxruntime.clear()


def _preferences() -> Any:
    addon = bpy.context.preferences.addons.get(__package__ or "")
    return addon.preferences if addon else None
