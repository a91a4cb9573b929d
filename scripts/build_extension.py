# SPDX-License-Identifier: Apache-2.0
"""Build the Blender extension: one zip for a platform with the add-on, its Python wheels and a trained network.

    python scripts/build_extension.py                                   ->  dist/harmonize-0.1.0-linux_x64.zip
    python scripts/build_extension.py --platform all                    ->  one for each platform
    python scripts/build_extension.py --model runs/mine/charmnet.onnx       with a network of one's own

Inside are ONNX Runtime for the Pythons of Blender 4.2 and later, what it needs besides NumPy (Blender brings NumPy),
and the part of `harmonize_core` that needs nothing else (`extension_wheels.py`). The network is the rendered branch of
the weights that come with the package, where they come with it. Where `bpy` is installed, Blender's own `extension
validate` has the last word. The same inputs give the same bytes. Source of the layout: Blender manual, "Creating
Extensions" and "Python Wheels".
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.util
import io
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from extension_wheels import PLATFORMS, PYTHON_TAGS, extension_wheels, this_platform

from harmonize_core.errors import HarmonizeError, InputError, OutputError
from harmonize_core.formats.images import atomic_path
from harmonize_core.infer.shipped import WEIGHTS, content_of
from harmonize_core.runtime import look_session, session

ROOT = Path(__file__).resolve().parents[1]

NETWORK = "charmnet_hr"
"""Of the weights that come with the package, the one that goes into the extension."""

CORE_FILES = ("__init__.py", "errors.py", "color.py", "pull_push.py", "compositing.py", "runtime")
"""The part of harmonize_core that needs NumPy and ONNX Runtime only (an import contract guards it)."""

ZIP_DATE = (2026, 1, 1, 0, 0, 0)
LARGEST_MB = 120


def build(
    out_folder: Path, *, model: Path | None, platform: str, tags: Sequence[str] | None = None, cache: Path
) -> Path:
    """Write the extension zip and return its path.

    Args:
        out_folder: where the zip goes, made if need be.
        model: a network in our ONNX format to ship inside; None takes the package's, if it has one.
        platform: one of `PLATFORMS`.
        tags: CPython tags ("cp311") to carry ONNX Runtime for; None for all that Blender has there.
        cache: folder that keeps downloaded wheels.

    Raises:
        InputError: the model is missing or is not an ONNX file of ours.
        CheckpointError: the package's weights are damaged.
        EnvironmentFault: pip cannot deliver a wheel.
        OutputError: the zip is too large, or Blender finds it not valid.
    """
    manifest_text = (ROOT / "blender_addon/blender_manifest.toml").read_text()
    manifest = tomllib.loads(manifest_text)
    network = packaged_model() if model is None else read_model(model)
    wheels = {p.name: p.read_bytes() for p in extension_wheels(platform, tags or PLATFORMS[platform].tags, cache)}
    name, data = core_wheel(manifest["version"])
    wheels[name] = data

    members = {f"wheels/{name}": data for name, data in wheels.items()} | addon_files()
    for licence in (ROOT / "LICENSES" / f"{n}.txt" for n in ("Apache-2.0", "GPL-3.0-or-later")):
        members[f"LICENSES/{licence.name}"] = licence.read_bytes()
    if network is not None:
        members["models/harmonize.onnx"] = network
    members["blender_manifest.toml"] = packed_manifest(manifest_text, platform, sorted(wheels)).encode()

    target = out_folder / f"{manifest['id']}-{manifest['version']}-{platform.replace('-', '_')}.zip"
    with atomic_path(target) as partial:
        write_zip(partial, members)
        validate(partial)
    return target


def addon_files() -> dict[str, bytes]:
    """Everything of the add-on by its path in the zip: code, translations, presets, the demo shot."""
    folder = ROOT / "blender_addon"
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "blender_manifest.toml")
    names = {p: p.relative_to(folder) for p in files}
    return {
        name.as_posix(): path.read_bytes()
        for path, name in names.items()
        if "__pycache__" not in name.parts and not any(part.startswith(".") for part in name.parts)
    }


def packed_manifest(text: str, platform: str, wheels: Sequence[str]) -> str:
    """The manifest with `platforms` and `wheels`, which must stand before its first table."""
    listed = "".join(f'  "./wheels/{name}",\n' for name in wheels)
    head, permissions = text.split("[permissions]")
    return f'{head}platforms = ["{platform}"]\nwheels = [\n{listed}]\n\n[permissions]{permissions}'


def validate(zip_file: Path) -> None:
    """Ask Blender's own tool, where `bpy` is installed; it is the one behind `blender --command extension validate`.

    Raises:
        OutputError: the zip is too large for people to carry, or Blender would refuse it.
    """
    if zip_file.stat().st_size > LARGEST_MB * 1e6:
        raise OutputError(
            f"the extension would be {zip_file.stat().st_size / 1e6:.0f} MB and more than {LARGEST_MB}; "
            "take a smaller network with --model, or fewer Pythons with --tags"
        )
    bpy = importlib.util.find_spec("bpy")
    if bpy is None or bpy.origin is None:
        return
    tool = next(Path(bpy.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    copy = zip_file.with_name(f"{zip_file.name}.zip")  # it looks at the suffix
    copy.hardlink_to(zip_file)
    try:
        done = subprocess.run([sys.executable, str(tool), "validate", str(copy)], capture_output=True, text=True)
    finally:
        copy.unlink()
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise OutputError(f"Blender finds the extension not valid: {said[-1]}; see blender_manifest.toml")


def core_wheel(version: str) -> tuple[str, bytes]:
    """A pure wheel (file name, bytes) of the torch-free part of harmonize_core, after PEP 427.

    Its version ends with a digest of what is in it: Blender unpacks a wheel of a known name and version only once, so
    a newer extension of the same version would go on with the older one's code.
    """
    members: dict[str, bytes] = {}
    for entry in CORE_FILES:
        path = ROOT / "harmonize_core" / entry
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            members[file.relative_to(ROOT).as_posix()] = file.read_bytes()
    parts = hashlib.sha256(b"".join(name.encode() + b"\0" + data for name, data in sorted(members.items())))
    version = f"{version}+{parts.hexdigest()[:8]}"
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


def packaged_model() -> bytes | None:
    """The network for rendered characters of the weights that come with the package; None where none come.

    Raises:
        CheckpointError, ConfigError: they are damaged, or have no such branch.
    """
    card = WEIGHTS / f"{NETWORK}.json"
    return content_of(card, "rendered") if card.is_file() else None


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; exit code 0 only when the zip was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="network to ship inside, written by `harmonize export`")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the zip (default: dist)")
    parser.add_argument("--platform", choices=[*PLATFORMS, "all"], default=this_platform())
    parser.add_argument("--tags", nargs="+", choices=PYTHON_TAGS, help="Pythons to serve (default: all)")
    parser.add_argument("--cache", type=Path, default=ROOT / "build/wheels", help="keeps downloaded wheels")
    args = parser.parse_args(argv)
    try:
        for platform in PLATFORMS if args.platform == "all" else [args.platform]:
            path = build(args.out, model=args.model, platform=platform, tags=args.tags, cache=args.cache)
            note = describe(path)
            print(f"{path}  {path.stat().st_size / 1e6:.1f} MB, {note}", flush=True)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def describe(zip_file: Path) -> str:
    """One line: which Pythons an extension serves, with which ONNX Runtime, and whether a network is inside."""
    with zipfile.ZipFile(zip_file) as archive:
        names = [Path(name).name for name in archive.namelist()]
    wheels = [name.split("-") for name in names if name.startswith("onnxruntime-")]
    served = ", ".join(f"{tag[2]}.{tag[3:]} (ONNX Runtime {version})" for _, version, tag, *_ in wheels)
    network = "a network inside" if "harmonize.onnx" in names else "no network inside: it is chosen in the preferences"
    return f"Python {served}, {network}"


if __name__ == "__main__":
    sys.exit(main())
