# SPDX-License-Identifier: Apache-2.0
"""The harmonization transformer equals the authors' released code, stage by stage."""

import compare
import torch

from harmonize_core.models import build
from harmonize_core.models.blocks_transformer import sine_positions, to_features
from harmonize_core.models.dht import remap_official


def test_pictures_and_stages_equal_the_official_ones():
    network = compare.filled(build("dht_256"), "dht_256", remap_official)
    golden = compare.golden("dht_256")
    composite, mask = compare.inputs("composite", "mask")
    stages = {"reflectance_enc": "reflectance_encoder", "tr_layer0": "reflectance_layers.0"}
    with torch.no_grad(), compare.recorded(network, **stages) as seen:
        out = network(composite, mask)
    compare.assert_matches("raw_output", out.raw, golden)
    compare.assert_matches("image", out.harmonized, golden)
    tokens = {
        "reflectance_tokens": out.reflectance_tokens,
        "light_code": out.light_code,
        "illumination_tokens": out.illumination_tokens,
    }
    positions = {
        "pixel_pos": to_features(sine_positions(64, 64, 256, composite)[None], 64),
        "patch_pos": to_features(sine_positions(32, 32, 256, composite)[None], 32),
    }
    found = seen | tokens | positions | {"reflectance": out.reflectance, "illumination": out.illumination}
    for name, tensor in found.items():
        compare.assert_matches(name, tensor, golden)


def test_a_picture_without_visible_background_is_harmonized():
    network = build("dht_256").eval()
    composite = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 1, 32, 32)
    mask[1, :, :, :16] = 0
    with torch.no_grad():
        both, second = network(composite, mask), network(composite[1:], mask[1:])
    assert both.harmonized.isfinite().all()
    torch.testing.assert_close(both.harmonized[1:], second.harmonized, rtol=1e-4, atol=1e-5)
