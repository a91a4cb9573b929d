# SPDX-License-Identifier: Apache-2.0
"""No report of `harmonize evaluate` or `score` replaces one of other numbers."""

import json
from pathlib import Path

import pytest

from harmonize_core import cli
from harmonize_core.checkpoint import save_model
from harmonize_core.data import sources, toy
from harmonize_core.formats.images import read_image, write_image
from harmonize_core.models import build


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return toy.write_photographic(tmp_path_factory.mktemp("toy") / "set", photos=4, per_photo=2, size=32)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def images(report: Path) -> int:
    return json.loads((report / "summary.json").read_text())["images"]


def test_each_choice_that_changes_numbers_has_its_own_report(data, tmp_path):
    run = tmp_path / "run"
    weights = run / "model.safetensors"
    save_model(weights, build("harmonizer"), "harmonizer")
    other = toy.write_photographic(tmp_path / "other" / "set", photos=4, per_photo=1, size=32, seed=5)

    def evaluate(root: Path, *choices: str) -> dict[str, bytes]:
        assert cli.main(["evaluate", str(run), str(root), "--quiet", *choices]) == 0
        return contents(run / "eval")

    first = evaluate(data, "--limit", "1")
    assert {Path(name).parent.name for name in first} == {"a256-set-test-photographic-limit1"}
    assert evaluate(data, "--limit", "1") == first  # the same numbers come to the same place
    whole = evaluate(data)
    assert whole.items() > first.items()
    assert images(run / "eval/a256-set-test-photographic") == 2
    moved = evaluate(other)  # another set of the same name
    assert moved.items() > whole.items()
    assert images(run / "eval/a256-set-test-photographic-2") == 1
    save_model(weights, build("harmonizer"), "harmonizer")  # other weights of the same name
    assert evaluate(data, "--limit", "1").items() > moved.items()
    assert (run / "eval/a256-set-test-photographic-limit1-2").is_dir()


def test_a_folder_with_a_report_of_other_numbers_is_refused(data, tmp_path, capsys):
    out = tmp_path / "report"
    command = ["evaluate", "composite", str(data), "--quiet", "--out", str(out)]
    assert cli.main([*command, "--limit", "1"]) == 0
    before = contents(out)
    assert cli.main(command) == 1
    assert f"{out} holds a report of other numbers (limit: 1 -> 0); choose another --out" in capsys.readouterr().err
    assert contents(out) == before
    assert cli.main([*command, "--limit", "1"]) == 0
    (out / "summary.json").write_text("{}")
    assert cli.main([*command, "--limit", "1"]) == 1
    assert "it does not say of which choices" in capsys.readouterr().err


def test_scores_of_other_pictures_do_not_replace_each_other(data, tmp_path, capsys):
    for name in ("one", "two"):
        for triplet in sources.list_triplets(data, "test"):
            write_image(tmp_path / name / f"{triplet.composite.stem}.png", read_image(triplet.composite))
    command = [str(data), "--quiet", "--out", str(tmp_path / "report")]
    assert cli.main(["score", str(tmp_path / "one"), *command]) == 0
    assert cli.main(["score", str(tmp_path / "two"), *command]) == 1
    assert f"method: {tmp_path / 'one'} -> {tmp_path / 'two'}" in capsys.readouterr().err
