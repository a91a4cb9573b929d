# SPDX-License-Identifier: Apache-2.0
"""The add-on as an artist gets it: built into a zip, installed into an empty Blender, its operators run headlessly."""

import io
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import addon_checks  # noqa: E402
import build_extension  # noqa: E402
import check_addon  # noqa: E402
from extension_wheels import PLATFORMS  # noqa: E402

CACHE = ROOT / "build/wheels"


@pytest.fixture(scope="session")
def extension(tmp_path_factory) -> Path:
    return check_addon.build_checked_extension(tmp_path_factory.mktemp("extension"), "cp311", CACHE)


@pytest.fixture(scope="session")
def outcome(extension, tmp_path_factory) -> dict[str, str]:
    target = check_addon.Target((sys.executable,), application=False)
    return check_addon.run_checks(target, tmp_path_factory.mktemp("addon"), extension, tell=lambda *_: None)


@pytest.mark.parametrize("name", addon_checks.CHECKS)
def test_addon_installed(outcome, name):
    said = outcome.get(name, "Blender ended before this check")
    if said.startswith("skip "):
        pytest.skip(said[5:])
    assert said == "ok", said


def test_extension_asks_for_files_only_and_carries_no_numpy_or_torch(extension):
    with zipfile.ZipFile(extension) as archive:
        names = archive.namelist()
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert list(manifest["permissions"]) == ["files"]
    assert {f"./{n}" for n in names if n.endswith(".whl")} == set(manifest["wheels"])
    assert not [n for n in names if "numpy" in n or "torch" in n or "__pycache__" in n]
    assert {"models/harmonize.onnx", "locale/zh_TW.json"} <= set(names)


def test_all_that_the_addon_imports_of_the_package_is_inside(extension):
    with zipfile.ZipFile(extension) as archive:
        name = next(n for n in archive.namelist() if "harmonize_core" in n)
        with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
            inside = {n.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for n in wheel.namelist()}
        sources = {n: archive.read(n).decode() for n in archive.namelist() if n.endswith(".py")}
    for source, code in sources.items():
        wanted = set(re.findall(r"^ *(?:from|import) (harmonize_core[\w.]*)", code, re.MULTILINE))
        assert wanted <= inside, f"{source} imports {wanted - inside}"


def test_the_same_inputs_give_the_same_zip(extension, tmp_path):
    model = extension.parent / "mean.onnx"
    again = build_extension.build(tmp_path, model=model, platform="linux-x64", tags=("cp311",), cache=CACHE)
    assert again.read_bytes() == extension.read_bytes()


def test_blender_refuses_a_manifest_that_breaks_its_rules(extension, tmp_path):
    """And so found the extension valid: `build` asks it each time."""
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(extension) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data.replace(b"tagline = ", b"slogan = ") if name.endswith(".toml") else data)
    build_extension.validate(extension)
    with pytest.raises(build_extension.OutputError, match=r"Blender finds the extension not valid: .*tagline"):
        build_extension.validate(broken)


def test_every_platform_is_served_for_the_pythons_that_blender_has_there():
    """Blender 4.2 to 5.0 have 3.11, later ones 3.13; since 5.0 there is none for Intel Macs."""
    assert set(PLATFORMS) == {"linux-x64", "windows-x64", "macos-arm64", "macos-x64"}
    for name, platform in PLATFORMS.items():
        assert {"cp311"} <= set(platform.tags)
        assert name == "macos-x64" or {"cp313"} <= set(platform.tags)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nowhere.onnx"], "nowhere.onnx does not exist"),
        (["--model", __file__], "is not a network for this add-on"),
        (["--out", "/proc/nowhere"], "choose"),
        (["--platform", "macos-x64", "--tags", "cp313"], "no Python tag for macos-x64 is named 'cp313'"),
    ],
)
def test_build_errors_are_one_sentence(arguments, sentence, capsys):
    assert build_extension.main(["--tags", "cp311", "--platform", "linux-x64", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert sentence in said
    assert said.count("\n") == 1
