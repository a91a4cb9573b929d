# SPDX-License-Identifier: Apache-2.0
"""DoveNet equals the authors' released code with either norm: each level of the decoder, its attention, the picture."""

import compare
import pytest
import torch

from harmonize_core.models.dovenet import DoveNetConfig, remap_official

# blockK_out of the stored data is what level K of the decoder gives
LEVELS = {f"block{level}_out": f"unet.up.{level - 1}" for level in range(1, 8)}


@pytest.mark.parametrize(("file", "norm"), [("dovenet_256", "batch"), ("dovenet_256_instance", "instance")])
def test_every_level_equals_the_official_one(file, norm):
    network = compare.filled(DoveNetConfig(norm=norm).build(), file, remap_official)
    stored = compare.golden(file)
    gates = {f"gate{level}": f"unet.up.{level - 1}.gate" for level in (1, 2, 3)}
    with compare.recorded(network, **LEVELS, **gates) as seen, torch.no_grad():
        harmonized = network(*compare.inputs("composite", "mask")).harmonized
    for name in LEVELS:
        compare.assert_matches(name, seen[name], stored)
    for level in (1, 2, 3):
        official = f"sigmoid_model{'_model_1' + '_model_3' * (level - 1)}_attention_1"
        compare.assert_matches(official, torch.sigmoid(seen[f"gate{level}"]), stored)
    compare.assert_matches("image", 2 * harmonized - 1, stored)
    compare.assert_matches("image_rgb01", harmonized.clamp(0, 1), stored)
