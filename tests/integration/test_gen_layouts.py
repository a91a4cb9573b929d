# SPDX-License-Identifier: Apache-2.0
"""Both layouts on disk: read by our loaders, by the string rules of released ones, and checked file by file."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from harmonize_core.data import sources
from harmonize_core.formats.triplet import load_triplet
from rdharmony_gen.report.sheet import MAX_ROWS, MAX_SHEETS, choose_views, contact_sheets
from rdharmony_gen.spec.records import read_manifest
from rdharmony_gen.validate.dataset import validate

VIEWS, STYLES = 4, 3
COMPOSITES = VIEWS * STYLES * (STYLES - 1)


def test_our_loader_reads_either_layout_and_its_splits(either_layout):
    assert validate(either_layout).problems == ()
    everything = sources.list_triplets(either_layout)
    assert len(everything) == COMPOSITES
    assert sources.splits_of(either_layout) == ["test", "train"]
    train, test = (sources.list_triplets(either_layout, s) for s in ("train", "test"))
    assert len(train) == len(test) == COMPOSITES // 2
    assert {"park"} == {re.split("[-_]", t.composite.name)[0] for t in train}
    for paths in everything:
        triplet = load_triplet(paths)
        away = triplet.mask == 0
        assert 0.03 < triplet.mask.mean() < 0.45
        inside, outside = (np.abs(triplet.composite - triplet.real)[where].mean() for where in (~away, away))
        assert inside > 5 * outside


def test_released_iharmony4_loaders_find_every_file(composed_once):
    """DoveNet's rule on the root lists, iDIH's on the lists of one subset (which must be the only one of its split)."""
    root = composed_once["iharmony4"]
    assert sources.layout_of(root) == "iharmony4"
    seen = 0
    for split in ("train", "test"):
        for line in (root / f"IHD_{split}.txt").read_text().splitlines():
            parts = line.split("_")
            mask = line.replace("composite_images", "masks").replace("_" + parts[-1], ".png")
            real = line.replace("composite_images", "real_images").replace("_" + parts[-2] + "_" + parts[-1], ".jpg")
            assert (root / line).is_file()
            assert (root / mask).is_file()
            assert (root / real).is_file()
            seen += 1
        for subset in (root / "SHuman", root / "SCar"):
            lists = [p for p in subset.glob("*.txt") if p.stem.endswith(split)]
            assert len(lists) == 1
            for name in lists[0].read_text().splitlines():
                assert (subset / "composite_images" / name).is_file()
                assert (subset / "real_images" / (name.split("_")[0] + ".jpg")).is_file()
                assert (subset / "masks" / ("_".join(name.split("_")[:-1]) + ".png")).is_file()
                seen += 1
    assert seen == 2 * COMPOSITES


def test_every_subject_has_its_alpha_and_together_they_stay_within_the_views(either_layout):
    for record in read_manifest(either_layout / "manifest.jsonl"):
        alpha = cv2.imread(str(either_layout / record.view.alpha), cv2.IMREAD_UNCHANGED).astype(int)
        own = [cv2.imread(str(either_layout / s.path), cv2.IMREAD_UNCHANGED).astype(int) for s in record.view.subjects]
        assert len(own) == 2
        assert all(a.any() for a in own)
        assert (sum(own) <= alpha).all()
        assert (alpha - sum(own)).max() <= 2


def _drop_a_line(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


WRONG_LISTS = {
    "a subset's list is short": (lambda r: _drop_a_line(r / "SCar/SCar_train.txt"), "but lacks park-00-v001-4_1_9"),
    "a root list is short": (lambda r: _drop_a_line(r / "IHD_test.txt"), "should be in the split test but is in none"),
    "a name of another set": (
        lambda r: (r / "SCar/SCar_test.txt").write_text("a_1_2.jpg\n"),
        "but names a_1_2.jpg",
    ),
    "a name twice": (
        lambda r: (r / "SCar/SCar_test.txt").write_text(2 * (r / "SCar/SCar_test.txt").read_text()),
        "names a composite twice",
    ),
    "a stray label file": (lambda r: (r / "SCar/SCar_all_labeled.txt").write_text(""), "has no place in the layout"),
    "a lost mask": (lambda r: (r / "SCar/masks/park-00-v001-4_1.png").unlink(), "does not exist"),
}


@pytest.mark.parametrize("name", WRONG_LISTS)
def test_validate_finds_what_is_wrong_in_the_iharmony4_layout(composed_once, tmp_path, rdharmony, name):
    root = Path(shutil.copytree(composed_once["iharmony4"], tmp_path / "out"))
    damage, message = WRONG_LISTS[name]
    damage(root)
    assert any(message in str(p) for p in validate(root).problems), validate(root).problems
    code, _, refusal = rdharmony("validate", root, "--quiet")
    assert code == 1
    assert "problems, the first with" in refusal


def test_lost_files_come_back_from_the_renders_with_the_same_bytes(either_layout, rdharmony):
    own = either_layout / "SCar"
    before = {p: p.read_bytes() for p in own.rglob("*") if p.is_file()}
    for name in ("masks", "alpha", "composite_images", "real_images"):
        sorted((own / name).iterdir())[-1].unlink()
    for path in own.glob("*.txt"):
        path.unlink()
    assert rdharmony("compose", either_layout, "--workers", "1", "--quiet")[0] == 0
    assert {p: p.read_bytes() for p in own.rglob("*") if p.is_file()} == before


def test_a_set_keeps_its_layout(composed_once, rdharmony):
    code, _, refusal = rdharmony(
        "plan", composed_once["iharmony4"], "--views", "2", "--size", "64x64", "--layout", "rdharmony", "--quiet"
    )
    assert code == 1
    assert "already holds another data set" in refusal
    code, _, refusal = rdharmony("plan", composed_once["iharmony4"], "--layout", "coco", "--quiet")
    assert code == 2
    assert "--layout should be rdharmony or iharmony4 or hyoutube but is 'coco'" in refusal


# ---- the report


def _shown(root: Path) -> dict:
    text = (root / "report" / "data.js").read_text()
    assert text.startswith("window.rdharmony = ")
    return json.loads(text.removeprefix("window.rdharmony = ").rstrip(";\n"))


def test_the_report_leads_to_files_that_are_there(either_layout):
    page, data = (either_layout / "report" / "index.html").read_text(), _shown(either_layout)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page), "the page works offline"
    for name in re.findall(r'(?:src|href)="([^"#:]+)"', page):
        assert (either_layout / "report" / name).is_file(), name
    pictures = {v["strip"] for v in data["views"]}
    for own in data["showcase"]:
        pictures |= {own["matrix"], *own["reals"].values(), *own["composites"].values()}
    assert len(pictures) == VIEWS + len(data["showcase"]) * (1 + STYLES * STYLES)
    shown = pictures | set(re.findall(r'"(images/[^"]+)"', page))
    assert {f"images/{p.name}" for p in (either_layout / "report" / "images").iterdir()} == shown
    names = data["names"]
    for view in data["views"]:
        assert (view["again"], view["why"]) == (3, "3 x too_dark")
        for a in view["styles"]:
            for b in view["styles"]:
                for kind in ("real", "mask") if a == b else ("composite",):
                    filled = {"folder": view["folder"], "view": view["name"], "a": a, "b": b}
                    assert (either_layout / "report" / names[kind].format(**filled)).is_file()


def test_pictures_of_the_report_are_made_once_and_bytes_do_not_depend_on_it(composed, rdharmony):
    report = composed / "report"
    before = {p.name: p.read_bytes() for p in report.rglob("*") if p.is_file()}
    made = {p.name: p.stat().st_mtime_ns for p in (report / "images").iterdir()}
    assert rdharmony("report", composed, "--quiet")[0] == 0
    assert {p.name: p.stat().st_mtime_ns for p in (report / "images").iterdir()} == made
    for path in report.rglob("*"):
        if path.is_file():
            path.unlink()
    assert rdharmony("report", composed, "--quiet")[0] == 0
    assert {p.name: p.read_bytes() for p in report.rglob("*") if p.is_file()} == before


def test_a_picture_that_was_repaired_is_shown_again(composed, rdharmony):
    report, name = composed / "report", "SHuman/real_images/park_00_v000-4.jpg"
    before = {p.name: p.read_bytes() for p in report.rglob("*") if p.is_file()}
    whole = (composed / name).read_bytes()
    (composed / name).write_bytes(whole[:300])
    assert rdharmony("report", composed, "--quiet")[0] == 1
    assert {p.name: p.read_bytes() for p in report.rglob("*") if p.is_file()} != before
    assert name in (report / "index.html").read_text()
    (composed / name).write_bytes(whole)
    assert rdharmony("report", composed, "--quiet")[0] == 0
    assert {p.name: p.read_bytes() for p in report.rglob("*") if p.is_file()} == before


def test_costs_are_beside_the_set_and_survive_nonsense(composed, rdharmony):
    timings = composed / ".rdharmony" / "timings.jsonl"
    lines = [
        {"event": "rendered", "job": "a", "wall_s": 3.0, "cpu_s": 4.0, "stages": {"scene": 1.0}, "peak_mb": 900},
        {"event": "rendered", "job": "b", "wall_s": 5.0, "cpu_s": 6.0, "stages": {"scene": 2.0}, "peak_mb": 700},
        {"event": "rendered", "wall_s": "x", "cpu_s": None},
        [1],
    ]
    timings.write_bytes(b"\n".join([*(json.dumps(line).encode() for line in lines), b"\xff", b"[" * 100_000]))
    assert rdharmony("report", composed, "--quiet")[0] == 0
    text = (composed / ".rdharmony" / "costs.js").read_text()
    found = json.loads(text.removeprefix("window.rdharmonyCosts = ").rstrip(";\n"))
    assert found["peak_mb"] == 900
    assert found["stages"] == [
        {"name": "rendered", "views": 2, "wall_s": 8.0, "median_s": 4.0, "cpu_s": 10.0},
        {"name": "· scene", "views": 2, "wall_s": 3.0, "median_s": 1.5, "cpu_s": None},
    ]


def test_words_of_a_set_cannot_become_markup(composed, rdharmony):
    for name in ("manifest.jsonl", "failures.jsonl"):
        text = (composed / name).read_text() if name == "manifest.jsonl" else '{"job":"a","reason":"r","message":"m"}\n'
        for word in ('"too_dark"', '"m"', '"4.5"'):
            text = text.replace(word, '"</script><img src=x onerror=alert(1)>"')
        (composed / name).write_text(text)
    rdharmony("report", composed, "--quiet")
    for name in ("index.html", "data.js"):
        assert "<img src=x" not in (composed / "report" / name).read_text()
        assert "</script><img" not in (composed / "report" / name).read_text()


def test_contact_sheets_show_24_places_and_11_categories(composed, tmp_path):
    first = read_manifest(composed / "manifest.jsonl")[0]
    records = [
        replace(first, view=replace(first.view, scene=f"place_{place}", category=f"category_{category}"))
        for category in range(11)
        for place in range(24)
        for _ in range(3)
    ]
    rows = choose_views(records, MAX_SHEETS * MAX_ROWS)
    assert len({r.view.scene for r in rows}) == 24
    assert len({r.view.category for r in rows}) == 11
    (tmp_path / "contact_sheet_7.png").write_bytes(b"of an earlier, larger set")
    names = contact_sheets(composed, records, (64, 64), tmp_path)
    assert names == ["contact_sheet.png", "contact_sheet_2.png", "contact_sheet_3.png"]
    assert sorted(p.name for p in tmp_path.glob("*.png")) == names
    for name in names:
        height, width = cv2.imread(str(tmp_path / name)).shape[:2]
        assert width < 2000
        assert height < 2600
