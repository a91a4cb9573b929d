# SPDX-License-Identifier: Apache-2.0
"""Conventions whose violation runs correctly and is wrong: channel order, mask polarity, axes, grid positions."""

import numpy as np
import torch

from harmonize_core.models import init_weights
from harmonize_core.models.charmnet import CharmNetConfig
from harmonize_core.runtime import ColorTransform, Harmonizer, ModelInfo


def seen_by_network(composite: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, ColorTransform]:
    seen = []

    def network(c: np.ndarray, m: np.ndarray) -> np.ndarray:
        seen.append((c, m))
        return np.clip(c + np.float32([0.2, 0, 0]) * m[..., None], 0, 1)

    transform = Harmonizer(network, ModelInfo("probe", "CC0-1.0", "this test", 256)).estimate(composite, mask)
    return (*seen[0], transform)


def test_convention_the_network_sees_rgb_rows_first_and_foreground_as_one():
    composite = np.zeros((300, 600, 3), np.float32)
    composite[:150, :, 0] = 1.0  # upper half red
    mask = np.zeros((300, 600), np.float32)
    mask[:, 300:] = 1.0  # right half is foreground
    seen, seen_mask, transform = seen_by_network(composite, mask)
    np.testing.assert_allclose(seen[10, 10], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(seen[250, 10], [0, 0, 0], atol=1e-6)
    assert seen_mask[128, 250] == 1
    assert seen_mask[128, 5] == 0
    changed = transform.apply(composite)
    assert changed[280, 590, 0] > 0.15  # red was raised, in the foreground
    assert abs(changed[280, 590, 2]) < 0.02


def test_convention_coefficients_are_a_matrix_on_rgb_columns_and_an_offset():
    swap = np.zeros((1, 1, 3, 4), np.float32)
    swap[0, 0, 0, 2] = 1  # red out = blue in
    swap[0, 0, 2, 0] = 1
    swap[0, 0, 1] = [0, 0, 0, 0.25]  # green out = constant
    out = ColorTransform(swap).apply(np.float32([[[0.1, 0.2, 0.9]]]))
    np.testing.assert_allclose(out, [[[0.9, 0.25, 0.1]]], atol=1e-6)


def test_convention_grid_cells_are_centred_at_half_integers():
    offsets = np.zeros((1, 4, 3, 4), np.float32)
    offsets[..., :3] = np.eye(3)
    offsets[0, :, :, 3] = np.arange(4)[:, None] * 0.1
    ramp = ColorTransform(offsets).apply(np.zeros((1, 400, 3), np.float32))[0, :, 0]
    np.testing.assert_allclose(ramp[[49, 50]].mean(), 0.0, atol=1e-3)  # centre of the first cell
    np.testing.assert_allclose(ramp[[199, 200]].mean(), 0.15, atol=1e-4)  # the middle of the image
    assert ramp[0] == ramp[40] == 0  # held constant outside the centres
    assert (np.diff(ramp) >= -1e-6).all()


def test_convention_transposing_picture_and_mask_transposes_the_map():
    rng = np.random.default_rng(0)
    composite = rng.random((256, 256, 3), dtype=np.float32)
    mask = np.zeros((256, 256), np.float32)
    mask[20:90, 100:240] = 1
    *_, straight = seen_by_network(composite, mask)
    *_, turned = seen_by_network(composite.transpose(1, 0, 2).copy(), mask.T.copy())
    np.testing.assert_allclose(turned.coefficients.transpose(1, 0, 2, 3), straight.coefficients, atol=1e-4)


def test_convention_the_model_takes_normalised_rgb_then_the_mask():
    model = CharmNetConfig(base_channels=8).build().eval()
    init_weights(model, seed=0, std=0.2)
    composite = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 50:120, 50:120] = 1
    seen = []
    model.encoders["photographic"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        picture = model.inference()(composite, mask)
        inverted = model.inference()(composite, 1 - mask)
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    torch.testing.assert_close(seen[0], torch.cat([(composite - mean) / std, mask], dim=1))
    assert (picture - inverted).abs().max() > 1e-3
