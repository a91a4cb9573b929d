# SPDX-License-Identifier: Apache-2.0
"""Packs: read by webdataset and by Hugging Face datasets, the same bytes after any interruption, refused when wrong."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harmonize_core.formats import rdharmony as layout_rules

COMPOSITES = 24
SIZE = "60KB"


@pytest.fixture(scope="module")
def packed(composed_once, tmp_path_factory) -> Path:
    from rdharmony_gen.pack.shards import pack

    out = tmp_path_factory.mktemp("packed") / "packed"
    pack(composed_once["rdharmony"], out, shard_bytes=60_000)
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_webdataset_reads_every_triplet_as_it_lies_in_the_set(packed, composed_once):
    import webdataset

    root = composed_once["rdharmony"]
    labels = (root / "SHuman/SHuman_all_labeled.txt").read_text() + (root / "SCar/SCar_all_labeled.txt").read_text()
    wanted = {}
    for line in labels.splitlines():
        label = layout_rules.parse_label_line(line, "here")
        wanted[f"{label.composite.parts[0]}_{label.composite.stem}"] = label
    seen = {}
    for split in ("train", "test"):
        shards = [str(p) for p in sorted(packed.glob(f"{split}-*.tar"))]
        assert len(shards) > 1
        for sample in webdataset.WebDataset(shards, shardshuffle=False):
            label = wanted[sample["__key__"]]
            facts = json.loads(sample["json"])
            assert facts["key"] == sample["__key__"]
            assert facts["split"] == split
            assert (tuple(facts["style_soft"]), facts["style_hard"]) == (label.style_soft, label.style_hard)
            assert sample["composite.jpg"] == (root / label.composite).read_bytes()
            assert sample["real.jpg"] == (root / layout_rules.real_of(label.composite)).read_bytes()
            assert sample["mask.png"] == (root / layout_rules.mask_of(label.composite)).read_bytes()
            seen[sample["__key__"]] = facts
    assert len(seen) == COMPOSITES
    assert {f["licences"][0] for f in seen.values()} <= {"CC0-1.0", "CC-BY-3.0-US", "CC-BY-3.0", "CC-BY-4.0"}
    scenes = [f["scene_id"] for f in seen.values()]
    assert scenes != sorted(scenes), "samples are shuffled"


def test_hugging_face_datasets_reads_the_folder_by_its_card(packed, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    from datasets import load_dataset

    found = load_dataset(str(packed), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in found.items()} == {"train": COMPOSITES // 2, "test": COMPOSITES // 2}
    one = found["train"][0]
    assert one["composite.jpg"].size == one["real.jpg"].size == one["mask.png"].size == (64, 64)
    assert set(np.unique(np.asarray(one["mask.png"]))) == {0, 255}
    files = {"train": str(packed / "train-*.tar")}
    streamed = load_dataset("webdataset", data_files=files, split="train", streaming=True)
    assert next(iter(streamed))["json"]["category"] in ("human", "car")


def test_the_code_on_the_card_runs(packed, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.chdir(packed)
    card = (packed / "README.md").read_text()
    codes = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(codes) == 2
    known: dict = {}
    for code in codes:
        exec(code, known)
    assert known["composite"].shape == (64, 64, 3)
    assert known["facts"]["scene"] == "park"
    assert next(iter(known["triplets"]))["mask.png"].size == (64, 64)
    assert "license_link: CREDITS.md" in card
    assert "| human | 2 |" in card


def test_members_are_flat_and_say_nothing_of_the_machine(packed):
    for shard in packed.glob("*.tar"):
        with tarfile.open(shard) as tar:
            for member in tar:
                assert re.fullmatch(r"[A-Za-z0-9_-]+\.(composite\.jpg|mask\.png|real\.jpg|json)", member.name)
                assert member.isreg()
                assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)


def test_index_and_checksums_are_those_of_the_shards(packed):
    index = json.loads((packed / "index.json").read_text())
    assert index["complete"]
    assert {s["file"] for s in index["shards"]} == {p.name for p in packed.glob("*.tar")}
    assert sum(s["samples"] for s in index["shards"]) == COMPOSITES
    sums = dict(reversed(line.split("  ")) for line in (packed / "SHA256SUMS").read_text().splitlines())
    for shard in index["shards"]:
        data = (packed / shard["file"]).read_bytes()
        assert len(data) == shard["bytes"] <= 60_000
        assert hashlib.sha256(data).hexdigest() == shard["sha256"] == sums[shard["file"]]


def test_a_killed_pack_goes_on_to_the_same_bytes(packed, composed_once, tmp_path):
    out = tmp_path / "packed"
    command = [sys.executable, "-m", "rdharmony_gen", "pack", composed_once["rdharmony"], out, "--shard-size", SIZE]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(out.glob("*.tar")):
        time.sleep(0.002)
    process.kill()
    process.wait()
    (out / ".train-000000.tar.1.partial.tar").write_bytes(b"what a killed run leaves")
    kept = {p.name: p.stat().st_mtime_ns for p in out.glob("*.tar")}
    index = out / "index.json"
    recorded = {s["file"] for s in json.loads(index.read_text())["shards"]} if index.is_file() else set()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert content(out) == content(packed)
    assert all((out / name).stat().st_mtime_ns == kept[name] for name in recorded), "finished shards are not made again"


def test_one_split_of_the_other_layout_can_be_packed(composed_once, tmp_path, rdharmony):
    out = tmp_path / "packed"
    code, said, _ = rdharmony("pack", composed_once["iharmony4"], out, "--split", "test", "--quiet")
    assert (code, said) == (0, "")
    assert [p.name for p in out.glob("*.tar")] == ["test-000000.tar"]
    with tarfile.open(out / "test-000000.tar") as tar:
        names = tar.getnames()
        assert len(names) == 4 * COMPOSITES // 2
        picture = tar.extractfile(next(n for n in names if n.endswith(".composite.jpg")))
        assert picture is not None
        assert Image.open(io.BytesIO(picture.read())).size == (64, 64)
    assert "validation" not in (out / "README.md").read_text()


REFUSED = {
    "no such split": (lambda s, p: ["--split", "dev"], "--split should be of train, val, test but is 'dev'"),
    "an empty split": (lambda s, p: ["--split", "val"], "should hold composites of val but has none"),
    "no size": (lambda s, p: ["--shard-size", "big"], "--shard-size should read like 500MB"),
    "a size of nothing": (lambda s, p: ["--shard-size", "0MB"], "--shard-size should read like 500MB"),
    "a foreign file": (lambda s, p: (p / "thesis.txt").write_text("mine") and [], "holds 'thesis.txt'"),
    "a changed picture": (
        lambda s, p: (s / "SHuman/masks/park_00_v000.png").write_bytes(b"another") and [],
        "was changed after it was made",
    ),
    "a lost picture": (
        lambda s, p: (s / "SHuman/masks/park_00_v000.png").unlink() or [],
        "could not be read (No such file or directory); run rdharmony validate",
    ),
    "the pack of another set": (
        lambda s, p: shutil.copytree(p.parent / "other", p, dirs_exist_ok=True) and [],
        "already holds the pack of another set or of other options",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_packed_is_one_sentence(composed, packed, tmp_path, rdharmony, name):
    out = tmp_path / "packed"
    out.mkdir()
    shutil.copytree(packed, tmp_path / "other")
    prepare, message = REFUSED[name]
    code, _, refusal = rdharmony("pack", composed, out, *prepare(composed, out), "--quiet")
    assert code in (1, 2)
    assert message in refusal
    assert not (out / "README.md").exists() or name == "the pack of another set"


def test_a_pack_stays_out_of_the_set(composed, rdharmony):
    code, _, refusal = rdharmony("pack", composed, composed / "packed", "--quiet")
    assert code == 1
    assert "lies inside the data set" in refusal
    assert not (composed / "packed").exists()
