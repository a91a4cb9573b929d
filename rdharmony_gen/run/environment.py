# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine must have before Blender runs as a module, and what is missing.

The list of libraries was found by importing bpy 4.5 on a minimal Debian 12: its wheel carries everything else.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harmonize_core.errors import EnvironmentFault, HarmonizeError
from rdharmony_gen.library import assets, damaged

SYSTEM_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXext.so.6": "libxext6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
}
"""Shared library to the Debian package that holds it."""


@dataclass(frozen=True)
class Finding:
    """One line of `rdharmony doctor`."""

    ok: bool
    what: str
    detail: str


def missing_libraries() -> list[str]:
    """Shared libraries that Blender needs and the loader does not find; only Linux is looked at."""
    return [name for name in SYSTEM_LIBRARIES if platform.system() == "Linux" and not _loads(name)]


def require_blender() -> None:
    """Refuse early, in one sentence, when renders cannot work here.

    Raises:
        EnvironmentFault: system libraries or the bpy package are missing.
    """
    if missing := missing_libraries():
        packages = " ".join(SYSTEM_LIBRARIES[name] for name in missing)
        raise EnvironmentFault(
            f"Blender needs system libraries that are missing here ({', '.join(missing)}); "
            f"install them: apt-get install -y --no-install-recommends {packages}"
        )
    from importlib.util import find_spec

    if find_spec("bpy") is None:
        raise EnvironmentFault(
            f"rendering needs Blender as a module, which is not installed for Python {platform.python_version()}; "
            "install it with Python 3.11: pip install 'rdharmony[gen]'"
        )


def versions() -> dict[str, str]:
    """Of this package and of Blender as a module, as far as they are installed; other versions give other pictures."""
    found = {"rdharmony": _version("rdharmony"), "blender": _version("bpy")}
    return {program: number for program, number in found.items() if number}


def examine() -> list[Finding]:
    """Everything `rdharmony doctor` looks at; takes a few seconds because Blender is started once."""
    findings = [Finding(sys.version_info >= (3, 11), "Python", platform.python_version())]
    try:
        require_blender()
        findings.append(Finding(True, "system libraries", f"all {len(SYSTEM_LIBRARIES)} found"))
        findings += _blender()
    except HarmonizeError as error:
        findings.append(Finding(False, "Blender", str(error)))
    findings.append(_assets())
    findings.append(Finding(True, "processors", f"{os.cpu_count()}"))
    findings.append(
        Finding(True, "Ray, for --engine ray", _version("ray") or "not installed, and needed for that only")
    )
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    findings.append(Finding(free > 1, "free disk space here", f"{free:.1f} GB"))
    return findings


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _blender() -> list[Finding]:
    """Whether Blender starts, and which graphics cards its Cycles can use here; none is no fault."""
    code = (
        "import bpy; print('VERSION', bpy.app.version_string)\n"
        "from rdharmony_gen.blender.device import cards\n"
        "for kind, names in cards().items(): print('CARDS', kind.lower(), ', '.join(names), sep='\\t')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    version = next((line.split()[1] for line in done.stdout.splitlines() if line.startswith("VERSION")), None)
    if version is None:
        last = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        return [Finding(False, "Blender", f"import bpy should work but fails: {last}")]
    cards = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("CARDS\t")]
    found = "; ".join(f"{names} (--device {kind})" for _, kind, names in cards)
    card = Finding(True, "graphics card", found or "none that Blender can use; the processors render")
    return [Finding(True, "Blender", f"{version} as a module"), card]


def _assets() -> Finding:
    wrong = [message for asset in assets() if (message := damaged(asset))]
    return Finding(not wrong, "assets", wrong[0] if wrong else f"{len(assets())} files, checksums correct")


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
