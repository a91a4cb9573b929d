# SPDX-License-Identifier: Apache-2.0
"""The cross-domain study on toy data: every row is made, parts are shared and gone on with, leaks are refused."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harmonize_core import cli
from harmonize_core.benchmark.study_rows import OURS, ROWS
from harmonize_core.checkpoint import load_model
from harmonize_core.data import toy
from harmonize_core.formats.lock import exclusive
from harmonize_core.models import _registry

FEW = ("composite", "two-stage", "fusion", "charmnet")


@pytest.fixture(autouse=True)
def _quick(monkeypatch, narrow) -> None:
    """Networks with an eighth of their channels: what the study does with them is the same."""
    entries = dict(_registry._entries)
    entries |= {
        name: replace(entries[name], config=narrow(entries[name].config))
        for name in ("unit", "cyclegan", "cut", "idih_256")
    }
    for name in ("charmnet_256", "charmnet_256_shared"):
        entries[name] = replace(entries[name], config=replace(entries[name].config, base_channels=8))
    monkeypatch.setattr(_registry, "_entries", entries)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory) -> Path:
    """Photographs of people and things, and two views of people."""
    root = tmp_path_factory.mktemp("study")
    toy.write_rendered(root / "people", views=2, conditions=2)
    photos = toy.write_photographs(root / "photos", count=8, size=64)
    with open(photos / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "mask", "category", "series"])
        rows.writerows(
            [f"toy{i}.png", f"toy{i}_mask.png", "person" if i < 4 else "thing", "walk" if i < 2 else ""]
            for i in range(8)
        )
    command = ["make-real", str(photos), str(photos), str(root / "photos4"), "--per-photo", "2", "--quiet"]
    assert cli.main([*command, "--novel", "person", "--held-out", "0.5"]) == 0
    return root


@pytest.fixture
def sets(made_once, tmp_path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "sets"))


def study(sets: Path, *options: str, out: str = "study", steps: int = 1) -> int:
    command = ["benchmark", "cross-domain", "--photographs", str(sets / "photos4"), "--rendered", str(sets / "people")]
    command += ["--out", str(sets / out), "--batch", "4", "--steps", str(steps), "--test-limit", "2"]
    return cli.main([*command, *options])


def finished(sets: Path) -> dict[str, int]:
    """When each run was finished."""
    root = sets / "study/results"
    return {f.parent.relative_to(root).as_posix(): f.stat().st_mtime_ns for f in root.rglob("run.json")}


@pytest.mark.parametrize("network", ["charmnet_256", "charmnet_hr"])
def test_small_pictures_and_our_own_network_have_their_studies(sets, capsys, network):
    page = sets / "docs/study.md"
    options = (
        "--side",
        "64",
        "--seeds",
        "1",
        "--network",
        network,
        "--page",
        str(page),
        "--rows",
        "fusion",
        "charmnet",
    )
    assert study(sets, *options) == 0
    text, ours = page.read_text(), network == "charmnet_hr"
    assert "at 64 px" in text
    assert ("CharmNet-HR, looking at 64 px" in text) == ours
    assert ("2 private and 3 shared" in text) != ours
    for row, parts in (("fusion", ours), ("charmnet", False)):
        checkpoint = load_model(sets / f"study/runs/{row}/seed-0/model.safetensors")
        config = json.loads((sets / f"study/runs/{row}/seed-0/config.json").read_text())
        assert checkpoint.name == (OURS.get(ROWS[row].model) if ours else ROWS[row].model)
        assert checkpoint.input_spec.size == (256 if ours else 64)
        assert (config["loss"]["adversarial"] == config["loss"]["style"] == 0) == parts
    if ours:
        assert study(sets, *options, "pctnet-cnn", "issam") == 0
        assert all(f"| {label} on the same data" in page.read_text() for label in ("PCT-Net CNN", "iS2AM"))
        assert "PCT-Net looks at 64 px" in page.read_text()
        assert "PCT-Net looks at 64 px" not in text
        assert study(sets, *options[:-2], "cut", "fusion") == 2
        assert "no row is named 'cut'" in capsys.readouterr().err


@pytest.mark.slow
def test_every_row_is_made_and_the_page_says_what_follows_from_the_numbers(sets, capsys):
    page = sets / "docs/study.md"
    options = ("--seeds", "1", "--page", str(page), "--rows", *ROWS)
    assert study(sets, *options, "--quiet") == 0
    told = capsys.readouterr().out
    facts = json.loads((sets / "study/study.json").read_text())
    assert facts["rows"].keys() == ROWS.keys()
    text = page.read_text()
    for name, row in ROWS.items():
        assert f"| {row.label} | " in text
        assert all(number["mean"] > 0 for side in facts["rows"][name]["numbers"].values() for number in side.values())
        assert (name == "fusion") == (not facts["rows"][name]["less_fusion"])
    assert all(line in text and line in told for line in facts["answer"])
    found = facts["rows"]["charmnet"]["less_fusion"]["novel"]
    mean = {name: facts["rows"][name]["numbers"]["novel"]["fmse"]["mean"] for name in ("charmnet", "fusion")}
    assert found["mean"] == pytest.approx(mean["charmnet"] - mean["fusion"])
    for name in ("forest.png", "curves.png", "ratios.png"):
        assert (page.parent / "images/study" / name).read_bytes().startswith(b"\x89PNG")
    assert "strips" not in text  # no picture may be shown unless its folder is named
    assert (sets / "study/local/images/study/strips.jpg").is_file()
    learnt = {
        name: (sets / f"study/runs/{name}/seed-0/triplets.txt").read_text() for name in ("base", "rendered", "oracle")
    }
    assert "SHuman" not in learnt["base"] + learnt["oracle"]
    assert set(learnt["rendered"].split()) == set(learnt["rendered"].split()) & {
        p.relative_to(sets / "people").as_posix() for p in (sets / "people").rglob("*.jpg")
    }
    novel = (sets / "photos4/IHD_novel_train.txt").read_text().split()
    assert not set(novel) & set(learnt["base"].split())
    assert set(novel) <= set(learnt["oracle"].split())
    before = finished(sets)
    assert study(sets, *options, "--pictures-from", "photos", "--quiet") == 0
    assert finished(sets) == before
    assert "strips.jpg" in page.read_text()


def test_parts_share_the_work_and_an_interrupted_study_goes_on(sets, capsys):
    page = sets / "docs/study.md"
    options = ("--seeds", "2", "--page", str(page), "--rows", *FEW)
    assert study(sets, *options, "--plan") == 0
    assert "7 runs; 0 are done" in capsys.readouterr().out
    assert not (sets / "study").exists()
    assert study(sets, *options, "--shard", "1/2") == 0
    first = finished(sets)
    assert 2 <= len(first) <= 5
    assert not page.exists()
    with exclusive(sets / "study/locks/charmnet-1", sets):  # as a process of another part that still runs
        assert study(sets, *options) == 0
    assert "charmnet/seed-1: another process is at it" in capsys.readouterr().out
    assert finished(sets).keys() == {f"{row}/seed-{seed}" for row in FEW for seed in (0, 1)} - {
        "composite/seed-1",
        "charmnet/seed-1",
    }
    assert not page.exists()
    weights = sets / "study/runs/fusion/seed-0/model.safetensors"
    trained = weights.stat().st_mtime_ns
    (sets / "study/results/fusion/seed-0/run.json").unlink()  # as if killed while it was scored
    assert study(sets, *options) == 0
    done = finished(sets)
    assert len(done) == 7
    assert weights.stat().st_mtime_ns == trained
    assert all(done[name] == first[name] for name in first if name != "fusion/seed-0")
    assert page.is_file()
    facts = json.loads((sets / "study/study.json").read_text())
    assert all(line in page.read_text() for line in facts["answer"])
    for row in FEW[1:]:
        assert len(facts["rows"][row]["numbers"]["novel"]["fmse"]["by_seed"]) == 2
    capsys.readouterr()
    assert study(sets, *options, steps=2) == 2
    assert "holds a benchmark of other settings (steps: 1 -> 2)" in capsys.readouterr().err


def test_a_leak_between_training_and_testing_is_refused(sets, capsys):
    photos = sets / "photos4"
    rows = (photos / "photos.csv").read_text()
    lines = [line.split(",") for line in rows.splitlines()]
    walker = next(line for line in lines if "walk" in line)
    other = ",".join(next(line for line in lines if line[3] == "novel" and line[4] != walker[4]))
    (photos / "photos.csv").write_text(rows.replace(other, other.replace(",person,,", ",person,walk,")))
    assert study(sets, "--plan") == 1
    assert "puts the series 'walk' on both sides of the split" in capsys.readouterr().err
    (photos / "photos.csv").write_text(rows)
    names = (photos / "IHD_novel_test.txt").read_text()
    (photos / "IHD_train.txt").write_text((photos / "IHD_train.txt").read_text() + names)
    assert study(sets, "--plan") == 1
    assert "for training and for testing" in capsys.readouterr().err
    assert not (sets / "study").exists()
