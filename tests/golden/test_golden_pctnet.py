# SPDX-License-Identifier: Apache-2.0
"""PCT-Net with both backbones equals the authors' released code, at 256x256 and applied at 1024x1024."""

import compare
import cv2
import numpy as np
import pytest
import torch

from harmonize_core import losses
from harmonize_core.models import build, normalize
from harmonize_core.models.pctnet import remap_official

UNUSED = sum((96, 3))  # the released CNN_pct has a colour head that it never calls


@pytest.fixture(scope="module", params=["pctnet_vit", "pctnet_cnn"])
def run(request):
    """The stored pictures of both sizes through the network with the official weights."""
    name = request.param
    network = compare.filled(build(name), name, remap_official, unused=UNUSED if name == "pctnet_cnn" else 0)
    composite, mask, large, large_mask = compare.inputs("composite", "mask", "composite_1024", "mask_1024")
    stages = {"layer0": "transformer.layers.0", "encoder_tokens": "transformer.layers.8"}
    with torch.no_grad(), compare.recorded(network, **stages if name == "pctnet_vit" else {}) as seen:
        out = network(composite, mask)
        full = network.transform(large, large_mask, out.parameters, out.attention)
    space = normalize if name == "pctnet_cnn" else torch.Tensor.clone
    found = seen | {"image": space(out.harmonized), "image_fullres": space(full), "params12": out.parameters}
    if out.attention is not None:
        found["attention_map"] = out.attention
    return network, found, compare.golden(name)


def test_pictures_and_stages_equal_the_official_ones(run):
    _, found, golden = run
    for name, tensor in found.items():
        compare.assert_matches(name, tensor, golden)


def test_a_large_picture_is_seen_at_256_and_changed_at_its_own_size(run):
    network, _, _ = run
    composite, mask = compare.inputs("composite_1024", "mask_1024")
    large = composite[:, :, :400, 200:840], mask[:, :, :400, 200:840]
    small = [torch.nn.functional.interpolate(x, size=(256, 256), mode="bilinear") for x in large]
    with torch.no_grad():
        out = network(*large)
        expected = network.transform(*large, *network.estimate(*small))
    assert out.harmonized.shape == large[0].shape
    torch.testing.assert_close(out.harmonized, expected, rtol=1e-5, atol=1e-5)


def test_the_smoothness_term_is_the_sobel_magnitude_of_opencv():
    field = np.random.default_rng(0).random((9, 7), dtype=np.float32)
    across, down = (cv2.Sobel(field, cv2.CV_32F, dx, 1 - dx, borderType=cv2.BORDER_REPLICATE) / 8 for dx in (1, 0))
    found = losses.sobel(torch.from_numpy(field)[None, None], eps=0.0)
    np.testing.assert_allclose(found[0, 0].numpy(), np.hypot(across, down), atol=1e-6)


@pytest.mark.parametrize("name", ["pctnet_vit", "pctnet_cnn"])
def test_training_starts_at_a_transform_that_changes_nothing(name):
    network = build(name)
    network.reset_special()
    composite, mask = compare.inputs("composite", "mask")
    parameters = network.to_parameters.bias[None, :, None, None].expand(1, 12, 256, 256)
    found = network.transform(composite, mask, parameters, None)
    torch.testing.assert_close(found, composite, rtol=0, atol=1e-6)
