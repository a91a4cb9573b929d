# SPDX-License-Identifier: Apache-2.0
"""Strategies, passes, denoising and devices, against the real renderer at tiny sizes."""

import dataclasses
import json

import numpy as np
import pytest

from harmonize_core.errors import EnvironmentFault
from harmonize_core.formats.images import read_exr
from rdharmony_gen.blender import device
from rdharmony_gen.blender.denoise import Denoiser, clean_surfaces
from rdharmony_gen.blender.render_job import render_job
from rdharmony_gen.light.shared import shared_light
from rdharmony_gen.sampling.conditions import sample_conditions
from rdharmony_gen.spec.job import RenderJob


def _job(scene, strategy, samples, styles, denoise=True):
    conditions = tuple(c for c in sample_conditions(7, scene, 0, 0) if c.style_id in styles)
    return RenderJob(
        f"S/{scene}", "human", scene, f"{scene}_00_v000", 0, 0, 7, 32, 32, samples, conditions, strategy=strategy,
        denoise=denoise,
    )  # fmt: skip


def _picture(path):
    channels = read_exr(path)
    return np.stack([channels[c] for c in "RGB"], axis=-1)


def test_ten_conditions_need_three_suns_and_one_state_of_the_lamps():
    light = shared_light(sample_conditions(7, "park", 0, 0))
    assert (len(light.suns), len(light.lamps)) == (3, 1)


@pytest.mark.parametrize(("scene", "samples"), [("park", 16), ("room", 24)])
def test_a_condition_is_as_bright_and_as_coloured_whichever_strategy_renders_it(tmp_path, scene, samples):
    """Sums of shared renders against a render of the condition alone, by quarters of the picture."""
    shared = _job(scene, "shared", samples, (2, 4, 10))
    alone = _job(scene, "fresh", 96, (2, 10), denoise=False)
    render_job(shared, tmp_path / "shared")
    render_job(alone, tmp_path / "alone")
    for condition in alone.conditions:
        a, b = (_picture(tmp_path / way / f"{condition.style}.exr") for way in ("shared", "alone"))
        b = np.minimum(b, 4 * np.percentile(b, 99))  # the rare bright path of a render without denoising
        a = np.minimum(a, 4 * np.percentile(b, 99))
        quarters = [np.mean(p.reshape(2, 16, 2, 16, 3), axis=(1, 3)) for p in (a, b)]
        assert np.allclose(*quarters, rtol=0.15, atol=0.03 * b.mean()), condition.style


def test_depth_normal_and_albedo_lie_beside_the_pictures(tmp_path):
    render_job(_job("park", "shared", 2, (4, 10)), tmp_path)
    surfaces = read_exr(tmp_path / "aux.exr")
    assert set(surfaces) == {"Z", "A", "R", "G", "B", "NX", "NY", "NZ"}
    view = json.loads((tmp_path / "view.json").read_text())
    subject = read_exr(tmp_path / "coverage.exr")["Y"] > 0.99
    away = np.hypot(*(np.subtract(view["camera_xyz"], view["subjects"][0]["xyz"])[:2]))
    assert np.median(surfaces["Z"][subject]) == pytest.approx(away, abs=0.6)
    assert (surfaces["Z"][surfaces["A"] == 0] > 5e4).all()
    length = np.sqrt(sum(surfaces[f"N{c}"] ** 2 for c in "XYZ"))
    assert np.median(length[subject]) > 0.9
    low = surfaces["NZ"][-4:][surfaces["A"][-4:] > 0.99]
    assert np.median(low) > 0.5, "the ground faces up"
    depth = surfaces["Z"][surfaces["Z"] < 5e4]
    assert (depth != depth.astype(np.float16)).mean() > 0.9, "depth should be finer than half floats"


def test_denoising_takes_noise_and_leaves_light_and_texture():
    rng = np.random.default_rng(0)
    albedo = np.repeat(np.kron(rng.uniform(0.1, 0.9, (8, 8)), np.ones((8, 8)))[..., None], 3, axis=2)
    normal = np.full((64, 64, 3), (0.0, 0.0, -1.0), np.float32)
    noisy = albedo * rng.gamma(2.0, 0.5, (64, 64, 1))
    clean = Denoiser(albedo.astype(np.float32), normal)(noisy.astype(np.float32))
    assert np.abs(clean - albedo).mean() < 0.25 * np.abs(noisy - albedo).mean()
    assert clean.mean() == pytest.approx(noisy.mean(), rel=0.05)


def test_surfaces_lose_the_noise_of_glass_and_keep_their_texture():
    rng = np.random.default_rng(0)
    bricks = np.kron(rng.uniform(0.2, 0.8, (64, 16)), np.ones((2, 8)))
    bricks[::4] = 0.9
    glass = np.full((128, 128), 0.2)
    sees_through = rng.binomial(60, 0.3, (128, 128)) / 60
    measured = np.hstack([bricks, glass + 0.5 * sees_through])[..., None].repeat(3, axis=2).astype(np.float32)
    normal = np.zeros_like(measured)
    normal[..., 2] = -1
    albedo, kept = clean_surfaces(measured, normal)
    assert albedo[8:-8, 136:-8].std() < 0.3 * measured[8:-8, 136:-8].std()
    assert albedo[8:-8, 136:-8].mean() == pytest.approx(0.35, abs=0.01)
    assert np.sqrt(np.mean((albedo - measured)[:, :120] ** 2)) < 0.1 * bricks.std()
    assert np.abs(kept - normal).mean() < 0.02


def test_a_device_that_is_not_there_is_named():
    there = device.cards()
    missing = next(kind for kind in device.KINDS if kind not in there)
    with pytest.raises(EnvironmentFault, match=f"--device {missing.lower()} should name a device of this machine"):
        device.choose(missing.lower())
    assert device.choose("auto").kind == next(iter(there), "CPU")
    assert device.choose("cpu") == device.CPU


def test_conditions_of_another_order_give_the_same_light():
    conditions = sample_conditions(7, "room", 1, 2)
    assert shared_light(conditions) == shared_light(conditions[::-1])
    brighter = dataclasses.replace(conditions[3], key_irradiance=(99.0, 98.0, 97.0))
    number, gain = shared_light((*conditions, brighter)).sun_of(conditions[3])
    assert number >= 0
    assert max(gain) < 1
