# SPDX-License-Identifier: Apache-2.0
"""A damaged set: everything wrong is named, the report is still written, and the same command repairs it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generator import run

from harmonize_core.formats.images import write_alpha16
from rdharmony_gen.compose.view import sha256_of
from rdharmony_gen.validate.dataset import validate

OPTIONS = "--views 2 --category human car --scenes park city_corner --size 64x64 --samples 2 --seed 7".split()
OPTIONS += "--workers 1 --styles noon_clear other_cloudy night".split()
SCENE = "park_00_v000"
REAL, COMPOSITE = f"SHuman/real_images/{SCENE}-4.jpg", f"SHuman/composite_images/{SCENE}-4_10.jpg"
NOT_UTF8 = b"\xff\xfe\n"


@pytest.fixture
def copy(composed) -> Path:
    """A finished set of four views in three lights, without its renders."""
    shutil.rmtree(composed / "renders")
    return composed


@pytest.fixture
def no_blender(monkeypatch) -> None:
    """Nothing may be rendered: Blender is not to be had."""
    monkeypatch.setattr("rdharmony_gen.run.steps.require_blender", lambda: pytest.fail("something would be rendered"))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize("name", [REAL, COMPOSITE])
@pytest.mark.parametrize("damage", [_cut, Path.unlink])
def test_report_names_a_damaged_picture_first_and_is_still_written(copy, capsys, name, damage: Callable[[Path], None]):
    damage(copy / name)
    (copy / "report" / "index.html").unlink()
    assert run("report", copy, "--quiet") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{name}: ")
    assert lines[-1].startswith("error: ")
    assert "run rdharmony make with the same options" in lines[-1]
    assert name in (copy / "report" / "index.html").read_text()


def test_report_opens_an_unchanged_set_once_and_a_changed_one_again(copy, capsys):
    assert run("report", copy) == 0
    assert "since the set was last validated" not in capsys.readouterr().out
    page = (copy / "report" / "index.html").read_bytes()
    assert run("report", copy) == 0
    assert "no file has changed since the set was last validated" in capsys.readouterr().out
    assert (copy / "report" / "index.html").read_bytes() == page
    was, times = (copy / REAL).read_bytes(), (copy / REAL).stat()
    (copy / REAL).write_bytes(was[:-200] + bytes(200))  # of the same size, and as old
    os.utime(copy / REAL, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run("report", copy, "--quiet") == 1
    assert capsys.readouterr().err.startswith(f"{REAL}: ")


def test_a_broken_rule_is_not_called_damage(copy, capsys, monkeypatch):
    monkeypatch.setattr("rdharmony_gen.validate.checks.FG_RATIO", (0.9, 1.0))
    assert run("validate", copy, "--quiet") == 1
    rule = capsys.readouterr().err.splitlines()[-1]
    assert "another --seed" in rule
    assert "delete" not in rule
    _cut(copy / REAL)
    assert run("validate", copy, "--quiet") == 1
    both = capsys.readouterr().err.splitlines()[-1]
    assert "delete the files that are damaged" in both
    assert "4 of them are pictures as they were made" in both


def test_make_names_a_truncated_picture_and_repairs_it_once_it_is_deleted(copy, rendered_once, capsys):
    """Its view is then to be rendered again; here the renders come back as if it had been."""
    whole = (copy / COMPOSITE).read_bytes()
    _cut(copy / COMPOSITE)
    assert run("make", copy, *OPTIONS, "--quiet") == 1
    assert capsys.readouterr().err.startswith(f"{COMPOSITE}: ")
    (copy / COMPOSITE).unlink()
    assert run("compose", copy, "--quiet") == 1
    assert f"should hold the renders of SHuman/{SCENE} but does not (1 views have none)" in capsys.readouterr().err
    _render_again(copy, rendered_once)
    assert run("make", copy, *OPTIONS, "--quiet") == 0
    assert (copy / COMPOSITE).read_bytes() == whole


def _render_again(copy: Path, rendered_once: Path) -> None:
    shutil.copytree(rendered_once / "renders" / "SHuman" / SCENE, copy / "renders" / "SHuman" / SCENE)


def _files(copy: Path, folder: str) -> list[str]:
    return sorted(p.relative_to(copy).as_posix() for p in (copy / folder).rglob("*") if p.is_file())


def test_a_missing_folder_hides_no_other_problem(copy):
    alpha = _files(copy, "SHuman/alpha")
    shutil.rmtree(copy / "SHuman" / "alpha")
    (copy / REAL).unlink()
    assert len(alpha) == 2 * 3
    assert sorted(p.path for p in validate(copy).problems) == [*alpha, REAL]


def test_a_subject_beyond_its_view_is_named_although_another_is_missing(copy):
    view, large, missing = (f"SHuman/alpha/{SCENE}{end}.png" for end in ("", "_s1", "_s2"))
    manifest = copy / "manifest.jsonl"
    before = f'"{large}","sha256":"{sha256_of(copy / large)}"'
    write_alpha16(copy / large, np.ones((64, 64)))
    assert before in manifest.read_text()
    after = f'"{large}","sha256":"{sha256_of(copy / large)}"'
    manifest.write_text(manifest.read_text().replace(before, after))
    (copy / missing).unlink()
    assert [p.path for p in validate(copy).problems] == [missing, view]


def test_a_set_without_pictures_is_named_file_by_file(copy):
    own = _files(copy, "SHuman")
    shutil.rmtree(copy / "SHuman")
    assert len(own) == 2 * (1 + 3 + 3 + 6) + 1  # masks, alpha of both and of each, real images, composites; label file
    assert sorted(p.path for p in validate(copy).problems) == own


@pytest.mark.parametrize("name", ["SHuman/SHuman_all_labeled.txt", "splits/train.txt"])
def test_lists_that_are_not_utf8_are_one_problem_each(copy, capsys, name):
    (copy / name).write_bytes(NOT_UTF8)
    assert run("validate", copy, "--quiet") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"{name}: should be UTF-8 text but is not; run rdharmony compose"
    assert len(lines) == 2
    assert run("compose", copy, "--quiet") == 0
    assert run("validate", copy, "--quiet") == 0


@pytest.mark.parametrize("name", ["manifest.jsonl", "dataset.json", "jobs/spec.json"])
@pytest.mark.parametrize("text", [NOT_UTF8, b'{"format": "\xff"}'])
def test_json_that_is_not_utf8_is_one_sentence(copy, capsys, name, text):
    (copy / name).write_bytes(text)
    assert run("validate", copy, "--quiet") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {copy / name}")
    assert error.count("\n") == 1


def test_a_job_file_that_is_not_utf8_is_written_again(copy):
    job = copy / "jobs" / "SHuman" / f"{SCENE}.json"
    whole = job.read_bytes()
    job.write_bytes(whole.replace(b'"human"', b'"hum\xff"'))
    assert run("make", copy, *OPTIONS, "--quiet") == 0
    assert job.read_bytes() == whole


def test_strays_and_missing_credits_are_named_once_each(copy):
    (copy / "SDog" / "composite_images").mkdir(parents=True)
    for name in ("SHuman/stray.txt", "stray.jpg", "SDog/composite_images/x-1_2.jpg", "jobs/SHuman/old.json"):
        (copy / name).write_text("mine")
    (copy / "CREDITS.md").unlink()
    found = {p.path: p.message for p in validate(copy).problems}
    assert found.keys() == {"SHuman/stray.txt", "stray.jpg", "SDog", "jobs/SHuman/old.json", "CREDITS.md"}
    assert found["SDog"].endswith("remove it")
    assert found["CREDITS.md"].endswith("run rdharmony compose")


def test_finished_views_are_known_without_the_state_folder(copy, no_blender):
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file() and ".rdharmony" not in p.parts}
    shutil.rmtree(copy / ".rdharmony")
    assert run("make", copy, *OPTIONS, "--quiet") == 0
    assert {p: p.read_bytes() for p in before} == before


@pytest.mark.parametrize("damage", [NOT_UTF8, b'{"view": {}}', b""])
def test_a_broken_record_of_a_view_is_taken_from_the_manifest(copy, no_blender, damage: bytes):
    record = copy / ".rdharmony" / "views" / "SHuman" / f"{SCENE}.json"
    whole = record.read_bytes()
    record.write_bytes(damage)
    assert run("make", copy, *OPTIONS, "--quiet") == 0
    assert record.read_bytes() == whole
    assert validate(copy).problems == ()
