# SPDX-License-Identifier: Apache-2.0
"""Sets that someone prepared: every command ends in one clear sentence, touches nothing outside, takes no memory."""

import json
import os
import resource
import shutil
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from harmonize_core.errors import DatasetError, InputError
from harmonize_core.formats.images import MAX_PIXELS, read_exr, write_exr
from rdharmony_gen.compose.view import compose_view, sha256_of
from rdharmony_gen.run.steps import existing
from rdharmony_gen.spec.job import RenderJob, read_job
from rdharmony_gen.validate.dataset import validate

MASK, REAL = "SHuman/masks/park_00_v000.png", "SHuman/real_images/park_00_v000-4.jpg"
SECRET = "nobody may read or change this"
COMMANDS = ("validate", "report", "pack")


def _edit(root: Path, old: str, new: str, count: int = -1) -> None:
    """Replace it in every line of the manifest, or in the first ones."""
    path = root / "manifest.jsonl"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def _link(root: Path, name: str, target: Path) -> None:
    path = root / name
    if path.is_dir():
        shutil.move(path, target)
    else:
        path.unlink()
    path.symlink_to(target)


def _pipe(root: Path) -> None:
    (root / REAL).unlink()
    os.mkfifo(root / REAL)


def _append(root: Path, name: str, data: bytes) -> None:
    with open(root / name, "ab") as file:
        file.write(data)


def _set(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _bomb(root: Path) -> None:
    """A mask of a few hundred bytes whose header promises 40 gigapixels; the manifest vouches for its bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 0, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**5))) + chunk(b"IEND", b"")
    )
    before = sha256_of(root / MASK)
    (root / MASK).write_bytes(data)
    _edit(root, before, sha256_of(root / MASK), count=1)


ESCAPES = {
    "up and out": (lambda r, out: _edit(r, f'"{MASK}"', '"../../secret/x.png"'), "which leaves the data set"),
    "absolute": (lambda r, out: _edit(r, f'"{REAL}"', f'"{out}/x.png"'), "which leaves the data set"),
    "a drive": (lambda r, out: _edit(r, f'"{REAL}"', r'"C:\\x.jpg"'), "which leaves the data set"),
    "backslashes": (lambda r, out: _edit(r, f'"{REAL}"', r'"..\\..\\x.jpg"'), "which leaves the data set"),
    "a zero byte": (lambda r, out: _edit(r, f'"{REAL}"', '"a\\u0000b.jpg"'), "which is not a name that files of a set"),
    "markup": (lambda r, out: _edit(r, f'"{REAL}"', '"<script>.jpg"'), "which is not a name that files of a set have"),
    "a linked picture": (lambda r, out: _link(r, MASK, out / "x.png"), "is a link that leaves the data set"),
    "a linked folder": (lambda r, out: _link(r, "SCar", out / "SCar"), "is a link that leaves the data set"),
    "a pipe": (lambda r, out: _pipe(r), "should be a plain file but is not"),
    "a scene id with a path": (lambda r, out: _edit(r, '"park_00_v000"', '"../park"'), "should have a scene id of"),
    "a line without an end": (
        lambda r, out: _append(r, "manifest.jsonl", b"x" * 10**8),
        "should be shorter than 1048576 bytes",
    ),
    "not UTF-8": (lambda r, out: _append(r, "manifest.jsonl", b"\xff\xfe\n"), "should be UTF-8 text but is not"),
    "brackets without end": (lambda r, out: _append(r, "manifest.jsonl", b"[" * 10**5 + b"\n"), "should be JSON"),
    "a style without a number": (lambda r, out: _edit(r, '"style":4,', '"style":0,'), "style numbers from 1 to 999"),
    "a spec without end": (
        lambda r, out: _set(r / "jobs/spec.json", views=99_999_999_999),
        "should be between 1 and 999999 but is 99999999999",
    ),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_prepared_set_is_refused_by_every_command(composed, tmp_path, rdharmony, name):
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / "x.png").write_text(SECRET)
    damage, message = ESCAPES[name]
    damage(composed, outside)
    before = {p: p.read_bytes() for p in outside.rglob("*") if p.is_file()}
    memory, started = _peak_mb(), time.monotonic()
    for command in COMMANDS:
        arguments = [tmp_path / "packed"] if command == "pack" else []
        code, _, refusal = rdharmony(command, composed, *arguments, "--quiet")
        assert code == 1, command
        assert message in refusal, command
        assert len(refusal) < 1500
    assert time.monotonic() - started < 60
    assert _peak_mb() - memory < 300
    assert {p: p.read_bytes() for p in outside.rglob("*") if p.is_file()} == before


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_picture_that_promises_gigapixels_is_a_problem_and_a_grey_square(composed, rdharmony):
    _bomb(composed)
    memory = _peak_mb()
    code, _, refusal = rdharmony("report", composed, "--quiet")
    assert code == 1
    assert "1 problems, the first with SHuman/masks/park_00_v000.png" in refusal
    page = (composed / "report" / "index.html").read_text()
    assert f"has more than the {MAX_PIXELS} pixels allowed" in page
    assert _peak_mb() - memory < 300


def test_an_exr_that_promises_gigapixels_is_not_decoded(tmp_path):
    path = tmp_path / "bomb.exr"
    write_exr(path, {"Y": np.zeros((64, 64), dtype=np.float32)})
    data = bytearray(path.read_bytes())
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    data[at : at + 16] = struct.pack("<4i", 0, 0, 199_999, 199_999)
    path.write_bytes(data)
    memory = _peak_mb()
    with pytest.raises(InputError, match=f"says it is 200000x200000, more than the {MAX_PIXELS} pixels allowed"):
        read_exr(path)
    assert _peak_mb() - memory < 100


def _job(root: Path, **changes: object) -> RenderJob:
    """The first job, changed, as whoever wrote the file has it."""
    path = root / "jobs" / "SHuman" / "park_00_v000.json"
    data = json.loads(path.read_text()) | changes
    changed = root / "jobs" / "SHuman" / "changed.json"
    changed.write_text(json.dumps(data))
    return read_job(changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"job_id": "SHuman/../../outside", "scene_id": "../../outside"},
        {"job_id": "../outside", "scene_id": "outside"},
        {"job_id": "/tmp/outside", "scene_id": "tmp/outside"},
        {"job_id": "SHuman/park_00_v001"},
    ],
)
def test_a_job_that_leads_out_of_the_set_writes_and_removes_nothing(rendered_once, tmp_path, changes):
    root = Path(shutil.copytree(rendered_once, tmp_path / "out"))
    outside = tmp_path / "outside"
    shutil.copytree(root / "renders" / "SHuman" / "park_00_v000", outside)
    layout, spec = existing(root)
    job = _job(root, **changes)
    before = sorted(p for p in tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="should be called like SHuman/park_00_v000"):
        compose_view(layout, spec, job, keep_renders=False)
    assert sorted(p for p in tmp_path.rglob("*")) == before


def test_compose_does_not_write_through_a_link(rendered_once, tmp_path):
    root = Path(shutil.copytree(rendered_once, tmp_path / "out"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "SHuman").mkdir()
    (root / "SHuman" / "masks").symlink_to(outside)
    layout, spec = existing(root)
    with pytest.raises(DatasetError, match="is a link that leaves the data set"):
        compose_view(layout, spec, read_job(layout.job("SHuman/park_00_v000")), keep_renders=False)
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["coverage.exr", "night.exr"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_renders_that_are_not_finite_are_named(rendered_once, tmp_path, rdharmony, name, value):
    root = Path(shutil.copytree(rendered_once, tmp_path / "out"))
    path = root / "renders" / "SHuman" / "park_00_v000" / name
    channels = read_exr(path)
    for pixels in channels.values():
        pixels[3, 5] = value
    write_exr(path, channels, half=False)
    code, _, refusal = rdharmony("compose", root, "--workers", "1", "--quiet")
    assert code == 1
    assert "SHuman/park_00_v000" in refusal
    assert f"{name} should hold finite values only but holds NaN or infinity" in refusal


def test_lists_with_endless_lines_are_one_problem_each(composed, rdharmony):
    for name in ("splits/train.txt", "SHuman/SHuman_all_labeled.txt"):
        _append(composed, name, b"y" * 10**8)
    code, _, refusal = rdharmony("validate", composed, "--quiet")
    assert code == 1
    assert "has 2 problems" in refusal


@pytest.mark.parametrize("name", [MASK, "splits/train.txt", "dataset.json", "jobs/spec.json"])
def test_a_file_of_a_terabyte_is_not_read(composed, tmp_path, rdharmony, name):
    os.truncate(composed / name, 10**12)  # takes no room: a hole
    started = time.monotonic()
    code, _, refusal = rdharmony("validate", composed, "--quiet")
    assert code == 1
    assert name in refusal
    if name == MASK:
        code, _, refusal = rdharmony("pack", composed, tmp_path / "packed", "--quiet")
        assert code == 1
        assert "more than any picture of its size" in refusal
    assert time.monotonic() - started < 30


KEPT = {
    "NaN in a style": ("night.exr", "R", np.nan, "should hold finite values only but does not"),
    "NaN in the depth": ("aux.exr", "Z", np.nan, "should hold numbers only but does not"),
    "coverage above 1": ("coverage.exr", "Y", 1.5, "should hold coverage in [0, 1] only but does not"),
    "subjects beyond the view": (
        "coverage.exr",
        "S1",
        1.0,
        "coverage of subjects within that of all only but does not",
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_kept_renders_with_wrong_values_are_named(composed, rdharmony, name):
    file, channel, value, message = KEPT[name]
    path = composed / "renders" / "SHuman" / "park_00_v000" / file
    if file == "aux.exr":
        write_exr(
            path, {c: np.full((64, 64), np.inf if c == "Z" else 0.5, dtype=np.float32) for c in "ZRGB"}, half=False
        )
        assert rdharmony("validate", composed, "--quiet")[0] == 0
    channels = read_exr(path)
    channels[channel][2, 60] = value
    write_exr(path, channels, half=False)
    code, _, refusal = rdharmony("validate", composed, "--quiet")
    assert code == 1
    assert file in refusal
    assert message in str(validate(composed).problems[0])
