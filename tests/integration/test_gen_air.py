# SPDX-License-Identifier: Apache-2.0
"""A set whose renders come with depth: composed through the air, valid, and refused when the camera is unknown."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from harmonize_core.formats.images import read_exr, write_exr

SIDE = 64
CAMERA = {"camera_yaw_deg": 20.0, "camera_pitch_deg": 0.0, "focal_mm": 50.0, "camera_xyz": [0.0, 0.0, 1.6]}


@pytest.fixture
def with_depth(rendered_once, tmp_path):
    """The subject 5 m away, ground that reaches 140 m, sky above."""
    out = shutil.copytree(rendered_once, tmp_path / "deep")
    for path in out.glob("renders/S*/*/view.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | CAMERA))
        depth = np.repeat(np.geomspace(400.0, 4.0, SIDE)[:, None], SIDE, axis=1)
        depth[:10] = 1e10
        depth[read_exr(path.parent / "coverage.exr")["Y"] > 0.5] = 5.0
        write_exr(path.parent / "aux.exr", {"Z": depth})
    return out


def _tones(root):
    (path,) = root.glob("SHuman/real_images/park_00_v000-4.*")
    return np.asarray(Image.open(path)).astype(float)


def test_far_ground_loses_contrast_and_near_ground_does_not(rdharmony, composed, with_depth):
    assert rdharmony("compose", with_depth, "--workers", "1")[0] == 0
    assert rdharmony("validate", with_depth)[0] == 0
    clear, hazy = _tones(composed), _tones(with_depth)
    far, near = slice(11, 16), slice(56, 64)
    contrast = [hazy[rows].std(axis=(0, 1)).mean() / clear[rows].std(axis=(0, 1)).mean() for rows in (far, near)]
    assert contrast[0] < 0.97 < 0.985 < contrast[1]


def test_depth_without_a_camera_is_refused_in_one_sentence(rdharmony, with_depth):
    path = next(with_depth.glob("renders/SHuman/*/view.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"focal_mm": "long"}))
    code, _, refusal = rdharmony("compose", with_depth, "--workers", "1")
    assert code == 1
    assert "view.json should say where the camera is" in refusal
