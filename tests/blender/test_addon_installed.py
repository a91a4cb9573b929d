# SPDX-License-Identifier: Apache-2.0
"""The add-on as an artist gets it: built into a zip, installed into an empty Blender, its operators run headlessly."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import addon_checks  # noqa: E402
import build_extension  # noqa: E402
from addon_helpers import write_exposure_network, write_mean_match_network  # noqa: E402


@pytest.fixture(scope="session")
def extension(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("extension")
    model = write_mean_match_network(folder / "mean.onnx")
    cache = ROOT / "build/wheels"
    return build_extension.build(folder, model=model, platform="linux-x64", tags=("cp311",), cache=cache)


@pytest.fixture(scope="session")
def outcome(extension, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("addon")
    results = folder / "results.json"
    command = [sys.executable, str(HERE / "addon_checks.py"), str(extension), str(folder / "shots"), str(results)]
    look = write_exposure_network(folder / "exposure.onnx")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(folder / "user"), "ADDON_LOOK_NETWORK": str(look)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert results.is_file(), done.stdout[-2000:] + done.stderr[-4000:]
    found = json.loads(results.read_text())
    found["<log>"] = done.stdout[-1500:] + done.stderr[-1500:]
    return found


@pytest.mark.parametrize("name", addon_checks.CHECKS)
def test_addon_installed(outcome, name):
    said = outcome.get(name, f"Blender ended before this check\n{outcome['<log>']}")
    if said.startswith("skip "):
        pytest.skip(said[5:])
    assert said == "ok", said


def test_blender_itself_finds_the_extension_valid(extension):
    import bpy

    tool = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core/bl_pkg/cli/blender_ext.py"
    done = subprocess.run([sys.executable, str(tool), "validate", str(extension)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_extension_asks_for_files_only_and_carries_no_numpy_or_torch(extension):
    import tomllib

    with zipfile.ZipFile(extension) as archive:
        names = archive.namelist()
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert list(manifest["permissions"]) == ["files"]
    assert {f"./{n}" for n in names if n.endswith(".whl")} == set(manifest["wheels"])
    assert not [n for n in names if "numpy" in n or "torch" in n]
    assert "models/harmonize.onnx" in names


def test_the_same_inputs_give_the_same_zip(extension, tmp_path):
    model = extension.parent / "mean.onnx"
    again = build_extension.build(
        tmp_path, model=model, platform="linux-x64", tags=("cp311",), cache=ROOT / "build/wheels"
    )
    assert again.read_bytes() == extension.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nowhere.onnx"], "nowhere.onnx does not exist"),
        (["--model", __file__], "is not a network for this add-on"),
        (["--out", "/proc/nowhere"], "choose"),
    ],
)
def test_build_errors_are_one_sentence(arguments, sentence, capsys):
    assert build_extension.main([*arguments, "--tags", "cp311", "--platform", "linux-x64"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert sentence in said
    assert said.count("\n") == 1
