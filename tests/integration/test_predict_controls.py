# SPDX-License-Identifier: Apache-2.0
"""Controls and look files through `harmonize predict`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harmonize_core import cli


@pytest.fixture
def shot(tmp_path: Path) -> list[str]:
    """A picture of a dark foreground, and the words that name it and its mask."""
    composite = np.random.default_rng(0).integers(60, 250, (48, 64, 3), dtype=np.uint8)
    composite[12:36, 16:48] //= 3
    mask = np.zeros((48, 64), np.uint8)
    mask[12:36, 16:48] = 255
    Image.fromarray(composite).save(tmp_path / "shot.png")
    Image.fromarray(mask).save(tmp_path / "matte.png")
    return [str(tmp_path / "shot.png"), "--mask", str(tmp_path / "matte.png"), "--quiet"]


def predicted(shot: list[str], *words: str | Path) -> np.ndarray:
    out = Path(shot[0]).with_name("out.png")
    assert cli.main(["predict", *shot, "--out", str(out), *map(str, words)]) == 0
    return np.asarray(Image.open(out)).astype(int)


def test_a_saved_look_gives_the_same_picture_without_a_network(shot, tmp_path):
    for name, controls in (("look.json", ["--strength", "0.8"]), ("look.cube", ["--mode", "global"])):
        asked = ["--keep-hue", "--max-delta-e", "9", "--protect-skin", "0.5"]
        first = predicted(shot, "--model", "mkl", *controls, *asked, "--save-look", tmp_path / name)
        again = predicted(shot, "--apply-look", tmp_path / name, *asked)
        assert np.abs(first - again).max() <= 1
        assert np.abs(first - np.asarray(Image.open(shot[0]))).max() > 10


def test_what_changes_can_be_turned_round_and_another_picture_be_matched(shot, tmp_path):
    before = np.asarray(Image.open(shot[0])).astype(int)
    inside = np.asarray(Image.open(shot[2])) > 0
    turned = predicted(shot, "--model", "reinhard", "--invert")
    np.testing.assert_array_equal(turned[inside], before[inside])
    assert turned[~inside].mean() < before[~inside].mean() - 50
    Image.new("RGB", (30, 20), (20, 200, 20)).save(tmp_path / "green.png")
    green = predicted(shot, "--model", "reinhard", "--reference", tmp_path / "green.png")
    np.testing.assert_array_equal(green[~inside], before[~inside])
    assert green[inside][:, 1].mean() > green[inside][:, [0, 2]].mean() + 50


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "mkl", "--strength", "1.6"], "--strength should be from 0 to 1.5 but is 1.6"),
        (["--model", "mkl", "--reference", "gone.png"], "gone.png"),
        (["--model", "mkl", "--save-look", "look.3dl"], "no kind of look file is named '.3dl'"),
        (["--model", "mkl", "--save-look", "look.cdl"], "gives colour transforms without one"),
        (["--apply-look", "gone.cdl"], "gone.cdl could not be read"),
        (["--model", "mkl", "--apply-look", "look.cdl"], "either --model"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence_and_nothing_is_written(shot, words, sentence, capsys, monkeypatch):
    monkeypatch.chdir(Path(shot[0]).parent)
    assert cli.main(["predict", *shot, "--out", "out.png", *words]) != 0
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not Path("out.png").exists()
