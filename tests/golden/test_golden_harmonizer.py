# SPDX-License-Identifier: Apache-2.0
"""Harmonizer equals the authors' released code: features, arguments, every filter in both directions, the picture."""

import compare
import pytest
import torch

from harmonize_core.models import build, filters
from harmonize_core.models.harmonizer import remap_official

NAMES = ("temperature", "brightness", "contrast", "saturation", "highlight", "shadow")
FIXED = {"fixedA": (0.35, -0.25, 0.3, -0.4, 0.2, -0.3), "fixedB": (-0.35, 0.25, -0.3, 0.4, -0.2, 0.3)}


def test_features_arguments_and_picture_equal_the_official_ones():
    network = compare.filled(build("harmonizer"), "harmonizer", remap_official)
    golden = compare.golden("harmonizer")
    composite, mask = compare.inputs("composite", "mask")
    stages = {"enc2x": "blocks.0", "enc4x": "blocks.2", "enc8x": "blocks.4", "enc16x": "blocks.10", "enc32x": "head"}
    with torch.no_grad(), compare.recorded(network, **stages) as seen:
        out = network(composite, mask)
        steps = filters.restore(composite, mask, out.arguments)
    compare.assert_equal(out.arguments, golden["arguments_raw"])
    compare.assert_matches("image", out.harmonized, golden)
    for name, tensor in (seen | {f"after_{n}": step for n, step in zip(NAMES, steps, strict=True)}).items():
        compare.assert_matches(name, tensor, golden)


@pytest.mark.parametrize("name", sorted(FIXED))
def test_filters_equal_the_official_ones_step_by_step_and_backwards(name):
    golden = compare.golden("harmonizer")
    composite, mask = compare.inputs("composite", "mask")
    arguments = torch.tensor([FIXED[name]])
    steps = filters.restore(composite, mask, arguments)
    compare.assert_matches(f"{name}_image", steps[-1], golden)
    for place, step in enumerate(steps):
        compare.assert_matches(f"{name}_step{place}", step, golden)
    compare.assert_matches(f"{name}_adjusted", filters.adjust(composite, mask, arguments)[-1], golden)


def test_filters_at_0_leave_the_picture_as_it_is():
    (picture,) = compare.inputs("target")
    for step in filters.restore(picture, torch.ones_like(picture[:, :1]), torch.zeros(1, 6)):
        torch.testing.assert_close(step, picture, rtol=0, atol=1e-5)


def test_a_positive_contrast_is_learnt():
    (picture,) = compare.inputs("target")
    argument = torch.full((1, 1, 1, 1), 0.3, requires_grad=True)
    filters.contrast(picture, argument).std().backward()
    assert argument.grad is not None
    assert argument.grad.item() > 0
