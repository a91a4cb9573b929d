# SPDX-License-Identifier: Apache-2.0
"""iSSAM and S2AM equal the authors' released code: features of every stage, attention and pictures, both masks."""

import pytest
import torch
from compare import assert_matches, filled, golden, inputs, recorded

from harmonize_core.models import build, normalize
from harmonize_core.models.issam import remap_official

STAGES = {
    "up0": "unet.decoder.0",
    "up1": "unet.decoder.1",
    "s2am_out": "unet.decoder.2.attention",
}


@pytest.mark.parametrize("name", ["issam_256", "s2am_256"])
def test_equals_the_official_network(name):
    network, stored = filled(build(name), name, remap_official), golden(name)
    composite, mask, edge_mask = inputs("composite", "mask", "edge_mask")
    head = {"to_rgb": "head.to_rgb"} if name == "issam_256" else {}
    with torch.no_grad(), recorded(network, **STAGES, **head) as seen:
        out = network(composite, mask)
    seen |= {
        "enc_block0": out.features.encoded[0],
        "bottleneck": out.features.encoded[-1],
        "decoder_map": out.features.decoded,
        "image": normalize(out.harmonized),
        "image_rgb01": out.harmonized.clamp(0, 1),
    }
    if name == "issam_256":
        seen["attention_map"] = out.attention
    for stage, tensor in seen.items():
        assert_matches(stage, tensor, stored)
    with torch.no_grad():  # a mask cut by the border, where the blur's padding shows
        edge = network(composite, edge_mask)
    assert_matches("image_edge_mask", normalize(edge.harmonized), stored)
