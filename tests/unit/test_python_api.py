# SPDX-License-Identifier: Apache-2.0
"""What docs/python.md and the examples of docstrings say is so."""

import doctest
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import harmonize_core as hc
from harmonize_core.errors import InputError

PAGE = Path(__file__).parents[2] / "docs/python.md"


@pytest.mark.parametrize("name", ["harmonize_core", "harmonize_core.infer.controls", "harmonize_core.infer.look_files"])
def test_examples_in_docstrings_run(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried > 0
    assert failed == 0


def test_every_piece_of_the_page_runs_in_its_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pieces = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, np.ndarray] = {}
    for piece in pieces:
        exec(compile(piece, str(PAGE), "exec"), found)
    outside = found["mask"] == 0
    for name in ("harmonized", "softer", "stronger", "at_dusk", "held", "same", "again"):
        np.testing.assert_array_equal(found[name][outside], found["composite"][outside])
        assert np.abs(found[name] - found["composite"])[~outside].mean() > 0.01, name
    np.testing.assert_array_equal(found["again"], found["harmonized"])
    printed = re.findall(r"print\(.*\)  # (.*)", "".join(pieces))
    assert capsys.readouterr().out.splitlines() == printed


def test_importing_the_package_loads_nothing_and_names_are_there():
    script = "import sys, harmonize_core as hc; print('numpy' in sys.modules, hc.Look.__name__, 'torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).split() == ["False", "Look", "False"]
    assert {"load", "Controls", "Look", "smooth", "save_look"} <= set(dir(hc))
    with pytest.raises(AttributeError, match="no attribute 'smoth'"):
        _ = hc.smoth  # ty: ignore[unresolved-attribute]


def test_looks_take_a_picture_and_its_mask_and_check_them():
    image, mask = np.full((6, 8, 3), 0.5, np.float32), np.zeros((6, 8), np.float32)
    mask[2:4, 2:6] = 1
    look = hc.Look(np.array([1, *[0] * 9], np.float32), hc.Look.identity().map)
    for transform in (look, hc.ColorTransform.identity().scaled(1)):
        np.testing.assert_array_equal(transform.apply(image, mask)[mask == 0], image[mask == 0])
        with pytest.raises(InputError, match="the mask is 7x6, the image is 8x6"):
            transform.apply(image, mask[:, :7])
        with pytest.raises(InputError, match="holds uint8; divide by its maximum"):
            transform.apply((image * 255).astype(np.uint8), mask)
    assert look.apply(image, mask)[3, 3, 0] == pytest.approx(0.686, abs=0.01)
