# SPDX-License-Identifier: Apache-2.0
"""Build the Blender extension: one zip with the add-on, its Python wheels and, if given, a trained network.

    python scripts/build_extension.py --model runs/demo/charmnet.onnx        ->  dist/harmonize-0.1.0-linux_x64.zip

The wheels are ONNX Runtime for the Python versions of Blender 4.2 to 5.2 (3.11, 3.13) and of Debian's Blender (3.14),
what it needs besides NumPy (Blender brings NumPy), and the part of `harmonize_core` that needs nothing else. They are
downloaded by pip once and kept in --cache. The same inputs give the same bytes. Source of the layout: Blender manual,
"Creating Extensions" and "Python Wheels".
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harmonize_core.errors import EnvironmentFault, HarmonizeError, InputError
from harmonize_core.formats.images import atomic_path
from harmonize_core.runtime import look_session, session

ROOT = Path(__file__).resolve().parents[1]
PYTHON_TAGS = ("cp311", "cp313", "cp314")
"""Blender 4.2 to 5.0, Blender 5.1 and 5.2, Debian's Blender 5.2 (Debian's 4.3 has 3.13)."""

PIP_PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64", "macosx_13_0_arm64", "macosx_11_0_arm64", "macosx_10_9_universal2"),
}
RUNTIME = {"onnxruntime": "1.31.1"}
PURE = {"flatbuffers": "25.12.19", "packaging": "26.3", "protobuf": "7.36.2"}
"""What ONNX Runtime imports; protobuf is one wheel for every Python (stable ABI)."""

CORE_FILES = ("__init__.py", "errors.py", "color.py", "pull_push.py", "compositing.py", "runtime")
"""The part of harmonize_core that needs NumPy and ONNX Runtime only (an import contract guards it)."""

ZIP_DATE = (2026, 1, 1, 0, 0, 0)


def build(out_folder: Path, *, model: Path | None, platform: str, tags: Sequence[str], cache: Path) -> Path:
    """Write the extension zip and return its path.

    Args:
        out_folder: where the zip goes, made if need be.
        model: a network in our ONNX format to ship inside, or None.
        platform: one of `PIP_PLATFORMS`.
        tags: CPython tags ("cp311") to carry ONNX Runtime for.
        cache: folder that keeps downloaded wheels.

    Raises:
        InputError: the model is missing or is not an ONNX file of ours.
        EnvironmentFault: pip cannot deliver a wheel.
    """
    manifest_text = (ROOT / "blender_addon/blender_manifest.toml").read_text()
    manifest = tomllib.loads(manifest_text)
    wheels: dict[str, bytes] = {}
    for path in fetch_wheels(platform, tags, cache):
        wheels[path.name] = path.read_bytes()
    name, data = core_wheel(manifest["version"])
    wheels[name] = data

    members: dict[str, bytes] = {f"wheels/{name}": data for name, data in wheels.items()}
    for source in sorted((ROOT / "blender_addon").rglob("*.py")):
        members[source.relative_to(ROOT / "blender_addon").as_posix()] = source.read_bytes()
    for licence in (ROOT / "LICENSES" / f"{n}.txt" for n in ("Apache-2.0", "GPL-3.0-or-later")):
        members[f"LICENSES/{licence.name}"] = licence.read_bytes()
    if model is not None:
        members["models/harmonize.onnx"] = read_model(model)
    members["blender_manifest.toml"] = packed_manifest(manifest_text, platform, sorted(wheels)).encode()

    target = out_folder / f"{manifest['id']}-{manifest['version']}-{platform.replace('-', '_')}.zip"
    with atomic_path(target) as partial:
        write_zip(partial, members)
    return target


def packed_manifest(text: str, platform: str, wheels: Sequence[str]) -> str:
    """The manifest with `platforms` and `wheels`, which must stand before its first table."""
    listed = "".join(f'  "./wheels/{name}",\n' for name in wheels)
    head, permissions = text.split("[permissions]")
    return f'{head}platforms = ["{platform}"]\nwheels = [\n{listed}]\n\n[permissions]{permissions}'


def fetch_wheels(platform: str, tags: Sequence[str], cache: Path) -> list[Path]:
    """Wheels for one platform, downloaded into `cache` where they are not there yet."""
    jobs = [(package, version, tag) for tag in tags for package, version in RUNTIME.items()]
    jobs += [(package, version, tags[0]) for package, version in PURE.items()]
    folder = cache / platform
    folder.mkdir(parents=True, exist_ok=True)
    return [_fetch(folder, platform, *job) for job in jobs]


def _fetch(folder: Path, platform: str, package: str, version: str, tag: str) -> Path:
    def cached() -> Path | None:
        found = sorted(folder.glob(f"{package}-{version}-*.whl"))
        return next((p for p in found if package in PURE or f"-{tag}-" in p.name), None)

    if path := cached():
        return path
    print(f"Downloading {package} {version} for {platform}, {tag}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", f"{tag[2]}.{tag[3:]}"]
    for abi in (tag, "abi3", "none"):
        command += ["--abi", abi]
    for name in PIP_PLATFORMS[platform]:
        command += ["--platform", name]
    done = subprocess.run([*command, "--dest", str(folder), f"{package}=={version}"], capture_output=True, text=True)
    path = cached()
    if done.returncode or path is None:
        reason = (done.stderr.strip().splitlines() or ["no wheel was offered"])[-1]
        raise EnvironmentFault(
            f"pip could not download {package} {version} for {platform} and {tag} into {folder}: {reason}; "
            "check the network and run again, or leave this Python out with --tags"
        )
    return path


def core_wheel(version: str) -> tuple[str, bytes]:
    """A pure wheel (file name, bytes) of the torch-free part of harmonize_core, after PEP 427."""
    import io

    members: dict[str, bytes] = {}
    for entry in CORE_FILES:
        path = ROOT / "harmonize_core" / entry
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            members[file.relative_to(ROOT).as_posix()] = file.read_bytes()
    info = f"harmonize_core-{version}.dist-info"
    members[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: harmonize-core\nVersion: {version}\nLicense: Apache-2.0\n"
        "Summary: Harmonization without torch: colour, compositing and the ONNX runtime\n"
    ).encode()
    tag = "Wheel-Version: 1.0\nGenerator: build_extension\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members[f"{info}/WHEEL"] = tag.encode()
    members[f"{info}/licenses/LICENSE"] = (ROOT / "LICENSES/Apache-2.0.txt").read_bytes()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(members.items()))
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    write_zip(buffer, members)
    return f"harmonize_core-{version}-py3-none-any.whl", buffer.getvalue()


def read_model(path: Path) -> bytes:
    """The bytes of a network, refused here rather than in the artist's Blender if it is not one of ours."""
    if not path.is_file():
        raise InputError(f"{path} does not exist; give --model the .onnx file written by `harmonize export`")
    data = path.read_bytes()
    if not any(mark.encode() in data for mark in (session.FORMAT, look_session.FORMAT)):
        raise InputError(
            f"{path} is not a network for this add-on (neither {session.FORMAT!r} nor {look_session.FORMAT!r}); "
            "write it with `harmonize export`"
        )
    return data


def write_zip(target: Path | object, members: Mapping[str, bytes]) -> None:
    """Write members in name order with a fixed date: equal content gives equal bytes. Wheels are not packed twice."""
    with zipfile.ZipFile(target, "w") as archive:  # ty: ignore[no-matching-overload]
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, members[name])


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def this_platform() -> str:
    """The platform name of the machine that builds."""
    return {"linux": "linux-x64", "win32": "windows-x64", "darwin": "macos-arm64"}.get(sys.platform, "linux-x64")


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when the zip was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="network to ship inside, written by `harmonize export`")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the zip (default: dist)")
    parser.add_argument("--platform", choices=sorted(PIP_PLATFORMS), default=this_platform())
    parser.add_argument("--tags", nargs="+", choices=PYTHON_TAGS, default=PYTHON_TAGS, help="Pythons to serve")
    parser.add_argument("--cache", type=Path, default=ROOT / "build/wheels", help="keeps downloaded wheels")
    args = parser.parse_args(argv)
    try:
        path = build(args.out, model=args.model, platform=args.platform, tags=args.tags, cache=args.cache)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    note = "" if args.model else " (no network inside: choose one in the add-on's preferences)"
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB{note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
