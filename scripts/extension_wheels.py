# SPDX-License-Identifier: Apache-2.0
"""Which wheels the Blender extension carries for which platform and Python, downloaded by pip once and kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harmonize_core.errors import EnvironmentFault, UnknownName

PYTHON_TAGS = ("cp311", "cp313", "cp314")
"""Blender 4.2 to 5.0; Blender 5.1 and later, and Debian's 4.3; Debian's 5.2."""

PURE = {"flatbuffers": "25.12.19", "packaging": "26.3", "protobuf": "7.36.2"}
"""What ONNX Runtime imports; protobuf is one wheel for every Python (stable ABI). NumPy is Blender's own."""


@dataclass(frozen=True)
class Platform:
    """A platform as Blender's manifests name it."""

    pip_names: tuple[str, ...]
    """Tags of wheels that run there."""
    onnxruntime: Mapping[str, str]
    """Version of ONNX Runtime by Python tag."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Pythons that can be served."""
        return tuple(self.onnxruntime)


PLATFORMS = {
    "linux-x64": Platform(
        ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
        dict.fromkeys(PYTHON_TAGS, "1.31.1"),
    ),
    # Blender 4.x brings the C++ runtime of Visual Studio 2019; ONNX Runtime from 1.19 on needs the next one and does
    # not load beside it (github.com/HugoTini/DeepBump/pull/56). 1.18.1 reads the same networks to the same numbers.
    "windows-x64": Platform(("win_amd64",), {"cp311": "1.18.1", "cp313": "1.31.1", "cp314": "1.31.1"}),
    # 1.23.2 is the last that runs on macOS 13, and the last for Intel processors, which Blender 5.0 left too.
    "macos-arm64": Platform(
        ("macosx_14_0_arm64", "macosx_13_0_arm64", "macosx_11_0_arm64", "macosx_10_9_universal2"),
        {"cp311": "1.23.2", "cp313": "1.31.1", "cp314": "1.31.1"},
    ),
    "macos-x64": Platform(("macosx_13_0_x86_64", "macosx_10_9_universal2"), {"cp311": "1.23.2"}),
}


def this_platform() -> str:
    """The platform name of the machine this runs on."""
    import platform

    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return f"{system}-{'arm64' if arm else 'x64'}"


def extension_wheels(platform: str, tags: Sequence[str], cache: Path) -> list[Path]:
    """The wheels of an extension for one platform and these Pythons.

    Raises:
        UnknownName: no such platform, or no ONNX Runtime for that Python there.
        EnvironmentFault: pip cannot deliver a wheel.
    """
    if platform not in PLATFORMS:
        raise UnknownName.of("platform", platform, PLATFORMS)
    served = PLATFORMS[platform].onnxruntime
    for tag in tags:
        if tag not in served:
            raise UnknownName.of(f"Python tag for {platform}", tag, served)
    wheels = [fetch(platform, "onnxruntime", served[tag], tag, cache) for tag in tags]
    return wheels + [fetch(platform, package, version, tags[0], cache) for package, version in PURE.items()]


def fetch(platform: str, package: str, version: str, tag: str, cache: Path) -> Path:
    """One wheel, from `cache` or downloaded into it.

    Raises:
        EnvironmentFault: pip cannot deliver it.
    """
    folder = cache / platform
    folder.mkdir(parents=True, exist_ok=True)
    if path := _cached(folder, package, version, tag):
        return path
    print(f"Downloading {package} {version} for {platform}, {tag}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", f"{tag[2]}.{tag[3:]}"]
    for abi in (tag, "abi3", "none"):
        command += ["--abi", abi]
    for name in PLATFORMS[platform].pip_names:
        command += ["--platform", name]
    done = subprocess.run([*command, "--dest", str(folder), f"{package}=={version}"], capture_output=True, text=True)
    path = _cached(folder, package, version, tag)
    if done.returncode or path is None:
        reason = (done.stderr.strip().splitlines() or ["no wheel was offered"])[-1]
        raise EnvironmentFault(
            f"pip could not download {package} {version} for {platform} and {tag} into {folder}: {reason}; "
            "check the network and run again, or leave this Python out with --tags"
        )
    return path


def _cached(folder: Path, package: str, version: str, tag: str) -> Path | None:
    """A downloaded wheel that fits the Python: made for it, for the stable ABI, or without an ABI."""
    found = sorted(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))
    return next((p for p in found if f"-{tag}-" in p.name or "-abi3-" in p.name or "-none-any" in p.name), None)
