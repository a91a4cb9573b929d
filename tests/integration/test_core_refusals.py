# SPDX-License-Identifier: Apache-2.0
"""`harmonize` refuses what it cannot use: one sentence on stderr, exit code 1 or 2, no traceback, nothing written."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harmonize_core import cli
from harmonize_core.checkpoint import save_model
from harmonize_core.data import toy
from harmonize_core.models import build


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A checkpoint, a picture with its mask, and a set in each layout."""
    root = tmp_path_factory.mktemp("source")
    save_model(root / "net.safetensors", build("charmnet_256"), "charmnet_256", provenance={})
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    Image.fromarray(picture).save(root / "shot.jpg")
    Image.fromarray(mask).save(root / "shot_mask.png")
    Image.fromarray(mask * 0).save(root / "empty_mask.png")
    Image.fromarray(mask[:, :50]).save(root / "narrow_mask.png")
    (root / "cut.jpg").write_bytes((root / "shot.jpg").read_bytes()[:-300])
    (root / "net.pt").write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    shutil.copy(root / "net.pt", root / "pickled.safetensors")
    (root / "short.safetensors").write_bytes((root / "net.safetensors").read_bytes()[:5000])
    (root / "notes.onnx").write_text("not a network")
    toy.write_rendered(root / "rendered")
    toy.write_photographic(root / "photographic")
    toy.write_photographs(root / "photos")
    return root


PREDICT = ["predict", "{s}/shot.jpg", "--mask", "{s}/shot_mask.png", "--model", "{s}/net.safetensors", "--out"]
TRAIN = ["train", "charmnet-demo", "--rendered", "{s}/rendered", "--photographic", "{s}/photographic", "--run"]


def changed(command: list[str], old: str, new: str) -> list[str]:
    assert old in command
    return [new if word == old else word for word in command]


CASES = {
    "missing image": ([*changed(PREDICT, "{s}/shot.jpg", "{s}/no.jpg"), "{o}/x.png"], "no.jpg does not exist"),
    "truncated image": ([*changed(PREDICT, "{s}/shot.jpg", "{s}/cut.jpg"), "{o}/x.png"], "cut.jpg is damaged"),
    "text as image": ([*changed(PREDICT, "{s}/shot.jpg", "{s}/notes.onnx"), "{o}/x.png"], "not a readable image"),
    "missing mask": ([*changed(PREDICT, "{s}/shot_mask.png", "{s}/no.png"), "{o}/x.png"], "no.png does not exist"),
    "mask of another size": (
        [*changed(PREDICT, "{s}/shot_mask.png", "{s}/narrow_mask.png"), "{o}/x.png"],
        "narrow_mask.png is 50x40",
    ),
    "empty mask": ([*changed(PREDICT, "{s}/shot_mask.png", "{s}/empty_mask.png"), "{o}/x.png"], "mask"),
    "strength out of range": ([*PREDICT, "{o}/x.png", "--strength", "3"], "--strength should be"),
    "output over the input": ([*PREDICT, "{s}/shot.jpg"], "would replace the input"),
    "output of an unknown kind": ([*PREDICT, "{o}/x.xyz"], "should end in"),
    "pickle as checkpoint": ([*changed(PREDICT, "{s}/net.safetensors", "{s}/net.pt"), "{o}/x.png"], "net.pt"),
    "renamed pickle": ([*changed(PREDICT, "{s}/net.safetensors", "{s}/pickled.safetensors"), "{o}/x.png"], "pickled"),
    "cut checkpoint": ([*changed(PREDICT, "{s}/net.safetensors", "{s}/short.safetensors"), "{o}/x.png"], "short"),
    "no network": ([*changed(PREDICT, "{s}/net.safetensors", "{s}/notes.onnx"), "{o}/x.png"], "notes.onnx"),
    "missing checkpoint": ([*changed(PREDICT, "{s}/net.safetensors", "{s}/no.safetensors"), "{o}/x.png"], "no.safe"),
    "no preset": (["train"], ""),
    "unknown preset": (["train", "charmnet-dema"], "did you mean 'charmnet-demo'"),
    "no data": (["train", "charmnet-demo", "--run", "{o}/run"], "neither --rendered nor --photographic is given"),
    "batch of one": ([*TRAIN, "{o}/run", "--batch-size", "1", "--steps", "1"], "at least 2"),
    "rate of NaN": ([*TRAIN, "{o}/run", "--optim.lr", "nan", "--steps", "1"], "optim.lr"),
    "beta of two": ([*TRAIN, "{o}/run", "--optim.beta1", "2", "--steps", "1"], "optim.beta1"),
    "run is a file": ([*TRAIN, "{s}/shot.jpg", "--steps", "1"], "should be the folder of a run but is a file"),
    "wrong layout": (
        [*changed(TRAIN, "{s}/rendered", "{s}/photographic"), "{o}/run", "--steps", "1"],
        "should hold rendered triplets",
    ),
    "data is no folder": (["evaluate", "{s}/net.safetensors", "{s}/no", "--out", "{o}/e"], "does not exist"),
    "data of no layout": (
        ["evaluate", "{s}/net.safetensors", "{s}/photos", "--out", "{o}/e"],
        "none of these is there",
    ),
    "unknown split": (
        ["evaluate", "{s}/net.safetensors", "{s}/rendered", "--split", "no", "--out", "{o}/e"],
        "splits/no.txt",
    ),
    "unknown protocol": (
        ["evaluate", "{s}/net.safetensors", "{s}/rendered", "--protocol", "x", "--out", "{o}/e"],
        "protocol",
    ),
    "export to a strange name": (["export", "{s}/net.safetensors", "{o}/net.pt"], "should end in .onnx"),
    "photos without masks": (["make-real", "{s}/rendered/SHuman/real_images", "{s}/photos", "{o}/m"], "mask"),
    "no such generator": (
        ["make-real", "{s}/photos", "{s}/photos", "{o}/m", "--generators", "camera+blur"],
        "--generators should",
    ),
    "no segmentation network": (
        ["make-real", "{s}/photos", "{s}/photos", "{o}/m", "--segment", "{o}/none.onnx"],
        "no model file",
    ),
    "nothing per photo": (["make-real", "{s}/photos", "{s}/photos", "{o}/m", "--per-photo", "0"], "--per-photo should"),
    "unknown command": (["harmonise"], "harmonise"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_in_one_sentence_and_nothing_written(name, source, tmp_path, capsys):
    words, expected = CASES[name]
    arguments = [word.format(s=source, o=tmp_path) for word in words]
    before = sorted(source.rglob("*"))
    try:
        code = cli.main(arguments)
    except SystemExit as stop:  # tyro's own refusals
        code = stop.code
    shown = capsys.readouterr()
    said = shown.err + shown.out
    assert code in (1, 2), said
    assert expected in " ".join(said.replace("│", " ").split())
    assert "Traceback" not in said
    assert sorted(source.rglob("*")) == before
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.name != ".lock"] == []


def test_a_full_disk_leaves_no_half_picture(source, tmp_path):
    """A tiny file-size limit stands in for a full disk where no small file system can be mounted."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from harmonize_core.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = [word.format(s=source) for word in PREDICT] + [str(tmp_path / "x.png"), "--quiet"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_really_full_disk_is_said_in_one_sentence(source, tmp_path):
    """On 64 kB that are mounted for these processes alone, which needs no root where users may have namespaces."""
    apart = ["unshare", "--mount", "--propagation", "unchanged"]  # any other needs a root that is mounted: no chroot
    apart += [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    probe = 'mount -t tmpfs none "$0" && umount "$0"'
    if subprocess.run([*apart, "sh", "-c", probe, str(tmp_path)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    script = """mount -t tmpfs -o size=64k none "$0" && head -c 60000 /dev/zero >"$0/filler" || exit 9
        "$@"; rc=$?; ls "$0"; umount "$0"; exit $rc"""
    words = [word.format(s=source) for word in PREDICT] + [str(tmp_path / "x.png"), "--quiet"]
    command = [*apart, "sh", "-c", script, str(tmp_path), sys.executable, "-m", "harmonize_core", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout.split() == ["filler"]
