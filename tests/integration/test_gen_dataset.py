# SPDX-License-Identifier: Apache-2.0
"""The whole way from seed to validated set, with the real renderer at 64 x 64: counts, bytes, damage."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from generator import content
from PIL import Image

from harmonize_core.errors import InputError
from harmonize_core.formats.images import read_exr, write_exr
from harmonize_core.formats.rdharmony import list_triplets, parse_label_line
from harmonize_core.formats.triplet import load_triplet
from rdharmony_gen.compose.view import compose_view, is_rendered
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.job import read_job
from rdharmony_gen.validate.dataset import validate

SIZES = "--views 2 --size 64x64 --samples 2 --seed 7 --workers 1 --keep-renders".split()
OPTIONS = [*SIZES, *"--category human --scenes park room --test-scenes room".split()]
"""Two views in all ten styles, really rendered."""
ROOM = "room_00_v001"
COMPUTED = [*SIZES, *"--category human car --scenes park city_corner --styles noon_clear other_cloudy night".split()]
"""Four views in three styles, with the renders of `rendered_once`."""
VIEW = "city_corner_00_v001"


def rdharmony_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "rdharmony_gen", *map(str, arguments)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A set made in one go; tests that damage it work on copies."""
    out = tmp_path_factory.mktemp("finished") / "out"
    done = subprocess.run(rdharmony_command("make", out, *OPTIONS), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def test_two_views_give_the_promised_files(finished):
    own = finished / "SHuman"
    counts = {name: len(list((own / name).iterdir())) for name in ("real_images", "composite_images", "masks", "alpha")}
    assert counts == {"real_images": 20, "composite_images": 180, "masks": 2, "alpha": 2}
    lines = (own / "SHuman_all_labeled.txt").read_text().splitlines()
    assert len(lines) == 180
    labels = [parse_label_line(line, "here") for line in lines]
    assert all(len(label.style_soft) == 10 and abs(sum(label.style_soft) - 1) < 1e-5 for label in labels)
    assert len((finished / "manifest.jsonl").read_text().splitlines()) == 2 + 20 + 180
    assert json.loads((finished / "dataset.json").read_text())["counts"]["composites"] == 180
    assert (finished / "report" / "index.html").is_file()
    assert (finished / "report" / "contact_sheet.png").is_file()
    assert not list(finished.rglob("*.partial*"))


def test_our_loader_reads_the_set_and_its_splits(finished):
    everything = list_triplets(finished)
    assert len(everything) == 180
    test, train = (list_triplets(finished, split) for split in ("test", "train"))
    assert len(test) == len(train) == 90
    assert {t.group for t in test}.isdisjoint({t.group for t in train})
    assert {t.group for t in test} == {ROOM.rpartition("_")[0]}, "a group is a place, not a view"
    triplet = load_triplet(everything[0])
    assert triplet.composite.shape == (64, 64, 3)


def test_the_released_charmnet_loader_would_find_its_files(finished):
    """Its string rules: real = cut at the last underscore, mask = cut at the last hyphen (str.replace on paths)."""
    for line in (finished / "SHuman" / "SHuman_all_labeled.txt").read_text().splitlines():
        path = line.split("\t")[0]
        tail = path[path.rfind("_") :]
        real = path.replace("composite_images", "real_images").replace(tail, ".jpg")
        tail = path[path.rfind("-") :]
        mask = path.replace("composite_images", "masks").replace(tail, ".png")
        assert (finished / real).is_file()
        assert (finished / mask).is_file()


def test_masks_are_strict_and_alpha_is_soft(finished):
    mask = np.asarray(Image.open(finished / "SHuman" / "masks" / f"{ROOM}.png"))
    alpha = cv2.imread(str(finished / "SHuman" / "alpha" / f"{ROOM}.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(mask)) == {0, 255}
    assert alpha.dtype == np.uint16
    assert ((alpha > 0) & (alpha < 65535)).any()
    assert np.array_equal(mask == 255, alpha >= 32768)
    coverage = read_exr(finished / "renders" / "SHuman" / ROOM / "coverage.exr")["Y"]
    assert np.abs(alpha / 65535 - coverage).max() <= 1 / 65535


def test_a_finished_set_is_not_made_again(composed, rdharmony):
    before = content(composed)
    started = time.monotonic()
    assert rdharmony("make", composed, *COMPUTED, "--quiet") == (0, "", "")
    assert time.monotonic() - started < 20
    assert content(composed) == before


def test_a_lost_composite_comes_back_from_the_renders(composed, rdharmony):
    before = content(composed)
    lost = composed / "SHuman" / "composite_images" / f"{VIEW}-4_10.jpg"
    lost.unlink()
    assert rdharmony("make", composed, *COMPUTED, "--quiet") == (0, "", "")
    assert content(composed) == before


def test_step_by_step_gives_the_bytes_of_make(composed, rdharmony):
    before = content(composed)
    for commands in (("render", "compose", "validate", "report"), ("make",)):
        for name in ("SHuman", "SCar", "splits", "report", ".rdharmony"):
            shutil.rmtree(composed / name)
        for name in ("dataset.json", "manifest.jsonl", "CREDITS.md"):
            (composed / name).unlink()
        for command in commands:
            recipe = COMPUTED if command == "make" else ()
            assert rdharmony(command, composed, *recipe, "--quiet") == (0, "", "")
        assert content(composed) == before


def test_a_set_can_be_png_and_drop_its_renders(composed, rdharmony):
    for name in ("SHuman", "SCar", ".rdharmony"):
        shutil.rmtree(composed / name)
    _rewrite(composed / "jobs" / "spec.json", '"format": "jpg"', '"format": "png"')
    assert rdharmony("compose", composed, "--no-keep-renders", "--quiet") == (0, "", "")
    assert rdharmony("validate", composed, "--quiet") == (0, "", "")
    assert not (composed / "renders").exists()
    assert len(list((composed / "SHuman" / "composite_images").glob("*.png"))) == 2 * 6


def _rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _redigest(root: Path, name: str) -> None:
    """Make the manifest agree with a changed file, so that only the pixels give it away."""
    from rdharmony_gen.compose.view import sha256_of

    lines = (root / "manifest.jsonl").read_text().splitlines()
    for index, line in enumerate(lines):
        data = json.loads(line)
        for key, digest in (("path", "sha256"), ("composite", "sha256"), ("mask", "mask_sha256")):
            if data.get(key) == name and digest in data:
                data[digest] = sha256_of(root / name)
        lines[index] = json.dumps(data)
    (root / "manifest.jsonl").write_text("\n".join(lines) + "\n")


def _repaint(root: Path, name: str, change) -> None:
    image = np.asarray(Image.open(root / name)).copy()
    Image.fromarray(change(image)).save(root / name, quality=95, subsampling=0)
    _redigest(root, name)


REAL, COMPOSITE, MASK = (
    f"SHuman/real_images/{VIEW}-4.jpg",
    f"SHuman/composite_images/{VIEW}-4_10.jpg",
    f"SHuman/masks/{VIEW}.png",
)
LABELS = "SHuman/SHuman_all_labeled.txt"


def _brighter(image):
    return (image // 2 + 127).astype(np.uint8)


def _mask_of(share):
    """A change of a mask to one that covers this share of the picture."""
    return lambda mask: np.where(np.arange(mask.size) < share * mask.size, 255, 0).astype(np.uint8).reshape(mask.shape)


DAMAGE = {
    "edited composite": (
        lambda r: Image.open(r / COMPOSITE).rotate(180).save(r / COMPOSITE),
        "was changed after it was made",
    ),
    "truncated real": (
        lambda r: (r / REAL).write_bytes((r / REAL).read_bytes()[:900]),
        "was changed after it was made",
    ),
    "missing mask": (lambda r: (r / MASK).unlink(), "does not exist"),
    "real is no image": (lambda r: (r / REAL).write_text("hello"), "is not a readable image"),
    "wrong size": (lambda r: Image.open(r / REAL).resize((32, 32)).save(r / REAL), "should be 64x64 but is 32x32"),
    "grey values in a mask": (lambda r: _repaint(r, MASK, lambda m: m // 2), "values 0 and 255 only"),
    "mask and alpha disagree": (lambda r: _repaint(r, MASK, lambda m: 255 - m), "exactly where"),
    "a subject too small": (lambda r: _repaint(r, MASK, _mask_of(0.018)), "should cover between 2% and 45% of the pic"),
    "a subject too large": (lambda r: _repaint(r, MASK, _mask_of(0.46)), "should cover between 2% and 45% of the pic"),
    "another background": (lambda r: _repaint(r, COMPOSITE, _brighter), "outside the foreground but"),
    "black real": (lambda r: _repaint(r, REAL, lambda i: i // 100), "nearly black"),
    "blown-out real": (lambda r: _repaint(r, REAL, lambda i: i // 20 + 243), "blown out"),
    "label of another style": (lambda r: _rewrite(r / LABELS, "\t4\n", "\t2\n"), "should hold the labels of"),
    "a label line is gone": (lambda r: _rewrite(r / LABELS, COMPOSITE, "x"), "is in no label file"),
    "split leak": (lambda r: _rewrite(r / "splits/test.txt", COMPOSITE + "\n", ""), "should be in the split test"),
    "in two splits": (
        lambda r: _rewrite(r / "splits/train.txt", "SHuman", f"{COMPOSITE}\nSHuman"),
        "is in train and test",
    ),
    "a stray file": (lambda r: shutil.copy(r / REAL, r / "SHuman/real_images/x-1.jpg"), "is not in the manifest"),
    "wrong count": (
        lambda r: _rewrite(r / "dataset.json", '"composites": 24', '"composites": 12'),
        "counts 12 composites",
    ),
    "render with a hole": (
        lambda r: (r / f"renders/SHuman/{VIEW}/night.exr").write_bytes(b"v/1\x01"),
        "is not a readable EXR file",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_validate_finds_damage(composed, rdharmony, name):
    damage, message = DAMAGE[name]
    damage(composed)
    problems = [str(p) for p in validate(composed).problems]
    assert any(message in p for p in problems), problems
    code, _, error = rdharmony("validate", composed, "--quiet")
    assert code == 1
    assert "problems, the first with" in error


def test_an_intact_set_has_no_problems(finished):
    assert validate(finished).problems == ()


BROKEN = {
    "no set": (lambda r: shutil.rmtree(r / "jobs"), "has no jobs/spec.json; run rdharmony plan"),
    "spec with a typo": (lambda r: _rewrite(r / "jobs/spec.json", '"views"', '"veiws"'), "did you mean 'views'?"),
    "cut manifest": (
        lambda r: (r / "manifest.jsonl").write_bytes((r / "manifest.jsonl").read_bytes()[:700]),
        "manifest.jsonl:1 should be JSON",
    ),
    "empty manifest": (lambda r: (r / "manifest.jsonl").write_text(""), "should list at least one view"),
    "no manifest": (lambda r: (r / "manifest.jsonl").unlink(), "manifest.jsonl could not be read"),
    "a path that leaves the set": (
        lambda r: _rewrite(r / "manifest.jsonl", f'"{MASK}"', '"../../etc/passwd"'),
        "which leaves the data set",
    ),
    "dataset.json is cut": (lambda r: (r / "dataset.json").write_text('{"format"'), "should be a JSON object"),
    "manifest out of order": (
        lambda r: (r / "manifest.jsonl").write_text(
            "".join(reversed((r / "manifest.jsonl").read_text().splitlines(keepends=True)))
        ),
        "should follow the line of its view",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_set_that_cannot_be_read_is_refused(composed, rdharmony, name):
    damage, message = BROKEN[name]
    damage(composed)
    code, _, error = rdharmony("report", composed, "--quiet")
    assert code == 1
    assert message in error


def _write(path: Path, value: float, size: int = 64, names: str = "RGB") -> None:
    write_exr(path, {name: np.full((size, size), value, dtype=np.float32) for name in names})


RENDERS = {
    "truncated": (lambda f: (f / "night.exr").write_bytes((f / "night.exr").read_bytes()[:2000]), "EXR"),
    "another size": (lambda f: _write(f / "night.exr", 0.5, 32), "should be 64x64 but is 32x32"),
    "not finite": (lambda f: _write(f / "night.exr", float("nan")), "NaN or infinity"),
    "no number as depth": (lambda f: _write(f / "aux.exr", float("nan"), names="ZRGBA"), "NaN or infinity"),
    "wrong channels": (
        lambda f: _write(f / "night.exr", 0.5, names="Y"),
        "should hold the channels R, G, B but holds Y",
    ),
    "nothing in front": (lambda f: _write(f / "coverage.exr", 0.0, names="Y"), "should show a foreground"),
    "no coverage": (lambda f: (f / "coverage.exr").unlink(), "does not exist"),
    "no geometry": (lambda f: (f / "view.json").unlink(), "run rdharmony render first"),
    "cut geometry": (lambda f: (f / "view.json").write_text("{"), "should be a JSON object"),
}


@pytest.mark.parametrize("name", RENDERS)
def test_renders_that_cannot_be_composed_are_named(composed, name):
    damage, message = RENDERS[name]
    damage(composed / "renders" / "SHuman" / VIEW)
    layout, spec = existing(composed)
    job = read_job(layout.job(f"SHuman/{VIEW}"))
    with pytest.raises(InputError) as caught:
        compose_view(layout, spec, job, keep_renders=True)
    assert message in str(caught.value)
    assert VIEW in str(caught.value)
    assert not is_rendered(layout, job), "the next run would compose the same again"


def test_a_render_that_is_not_finite_is_rendered_again(copy, rdharmony):
    before = content(copy)
    path = copy / "renders" / "SHuman" / ROOM / "night.exr"
    channels = read_exr(path)
    channels["G"][3, 5] = np.nan
    write_exr(path, channels)
    (copy / "SHuman" / "composite_images" / f"{ROOM}-4_10.jpg").unlink()
    assert rdharmony("make", copy, *OPTIONS, "--quiet") == (0, "", "")
    assert content(copy) == before


def test_pictures_of_a_view_that_failed_are_no_strays(composed, rdharmony):
    _write(composed / "renders" / "SHuman" / VIEW / "night.exr", float("nan"))
    (composed / COMPOSITE).unlink()
    for message in ("NaN or infinity", "run rdharmony render first"):  # a run that only composes tries once
        code, _, error = rdharmony("compose", composed, "--workers", "1", "--quiet")
        assert code == 1
        assert message in error
    assert [p.path for p in validate(composed).problems] == ["manifest.jsonl"], "one of four views is missing, no more"


def test_compose_without_renders_says_what_to_do(composed, rdharmony):
    shutil.rmtree(composed / "renders")
    (composed / COMPOSITE).unlink()
    code, _, error = rdharmony("compose", composed, "--quiet")
    assert code == 1
    assert "run rdharmony render first" in error


def test_places_that_cannot_be_used_are_refused(tmp_path, rdharmony, finished):
    file = tmp_path / "file"
    file.write_text("mine")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    for place, message in (
        (file, "should be a folder but is a file"),
        (foreign, "holds 'thesis.txt'; choose an empty folder"),
        (Path("/proc/rdharmony"), "cannot be written to"),
    ):
        code, _, error = rdharmony("make", place, *COMPUTED, "--quiet")
        assert code == 1
        assert message in error
    assert [p.name for p in foreign.iterdir()] == ["thesis.txt"]
    same = "--views 2 --size 64x64 --samples 2 --scenes park room --test-scenes room".split()
    code, _, error = rdharmony("plan", finished, *same, "--seed", "8")
    assert code == 1
    assert "seed was 7 and is now 8" in error


def test_a_view_that_fails_is_reported_and_the_others_are_done(composed, rdharmony):
    """The manifest's own words for a job that cannot work: its subject's category is unknown to the renderer."""
    shutil.rmtree(composed / "renders" / "SHuman" / VIEW)
    (composed / COMPOSITE).unlink()
    _rewrite(composed / "jobs" / "SHuman" / f"{VIEW}.json", '"category": "human"', '"category": "unicorn"')
    code, _, error = rdharmony("render", composed, "--quiet")
    assert code == 1
    assert f"1 of 4 views failed, the first, SHuman/{VIEW}" in error
    failure = json.loads((composed / "failures.jsonl").read_text())
    assert failure["reason"] == "asset"
    assert "unicorn" in failure["message"]
    assert (composed / failure["log"]).is_file()
