# SPDX-License-Identifier: Apache-2.0
"""Rules a linter of static imports cannot see: inert imports, licences, file sizes, nothing private to one machine."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("harmonize_core", "rdharmony_gen", "blender_addon")

IMPORT_ALL = """
import importlib, pkgutil, sys
refused, package, skip = sys.argv[1].split(","), sys.argv[2], tuple(s for s in sys.argv[3].split(",") if s)
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in refused:
            raise ImportError("refused: " + name)
sys.meta_path.insert(0, Refuse())
module = importlib.import_module(package)
for m in pkgutil.walk_packages(getattr(module, "__path__", []), package + "."):
    if not m.name.startswith(skip or ("~",)):
        importlib.import_module(m.name)
"""


def python_files() -> list[Path]:
    folders = (*PACKAGES, "scripts", "tests")
    return [f for folder in folders for f in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize(
    ("refused", "package", "skip"),
    [
        ("bpy,mathutils,bpy_extras,rdharmony_gen,blender_addon", "harmonize_core", ""),
        ("torch,bpy", "harmonize_core.formats", ""),
        ("torch,bpy,cv2,PIL,OpenEXR,tqdm,tyro,msgspec,safetensors", "harmonize_core.runtime", ""),
        ("torch,bpy,cv2,PIL,OpenEXR", "harmonize_core.compositing", ""),
        ("torch,bpy,mathutils", "rdharmony_gen", "rdharmony_gen.blender"),
    ],
)
def test_imports_work_without_what_the_package_must_not_need(refused, package, skip):
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL, refused, package, skip], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_source_file_states_its_licence():
    for file in python_files():
        head = file.read_text().splitlines()[:2]
        wanted = "GPL-3.0-or-later" if file.relative_to(ROOT).parts[0] in PACKAGES[1:] else "Apache-2.0"
        assert any(line == f"# SPDX-License-Identifier: {wanted}" for line in head), f"{file}: {head}"


def test_no_source_file_is_longer_than_500_lines():
    lengths = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in python_files()}
    assert {name: n for name, n in lengths.items() if n > 500} == {}


def test_every_licence_named_by_an_asset_or_photo_has_its_text():
    import csv
    import json

    assets = json.loads((ROOT / "rdharmony_gen/assets/manifest.json").read_text())
    named = {asset["licence"] for asset in assets}
    for table in (ROOT / "harmonize_core/photos").rglob("manifest.csv"):
        with open(table, newline="") as file:
            named |= {row["licence"] for row in csv.DictReader(file)}
    texts = {f.stem for f in (ROOT / "LICENSES").glob("*.txt")}
    assert named - texts - {"public-domain"} == set()


def test_the_version_is_said_once():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    manifest = tomllib.loads((ROOT / "blender_addon/blender_manifest.toml").read_text())
    assert manifest["version"] == version


def test_randomness_is_always_an_argument_in_the_generator():
    """Same seed, same bytes: no hidden clock, uuid or global generator may decide anything."""
    hidden = re.compile(r"\b(import random|uuid\.|np\.random\.(seed|rand|normal|uniform|choice|default_rng\(\)))")
    for file in sorted((ROOT / "rdharmony_gen").rglob("*.py")):
        assert not hidden.search(file.read_text()), file


def test_differences_of_blender_versions_lie_in_one_module():
    """What exists in some versions only is asked for in `compat` alone."""
    differs = re.compile(r"bpy\.app\.version\b|action_slot|channelbag|\.fcurves|[\"']fcurves|BLENDER_EEVEE|media_type")
    folder = ROOT / "rdharmony_gen" / "blender"
    found = [f.name for f in sorted(folder.rglob("*.py")) if differs.search(f.read_text())]
    assert found == ["compat.py"]
