# SPDX-License-Identifier: Apache-2.0
"""RainNet equals the authors' released code, given the input of their protocol: the real picture's background."""

import compare
import torch

from harmonize_core.models import build
from harmonize_core.models.rainnet import remap_official

STAGES = {
    "layer0": "unet.down.0",
    "layer3norm": "unet.down.3",
    "unet_block": "unet.up.3",
    "dec11_rain": "unet.up.2.norm",
    "dec12_rain": "unet.up.1.norm",
    "dec13_rain": "unet.up.0.norm",
    "dec11_gate": "unet.up.2.gate",
    "dec13_gate": "unet.up.0.gate",
}


def test_every_stage_equals_the_official_one():
    network = compare.filled(build("rainnet_256"), "rainnet_256", remap_official)
    stored = compare.golden("rainnet_256")
    composite, mask, real = compare.inputs("composite", "mask", "target")
    protocol_c = mask * composite + (1 - mask) * real
    with compare.recorded(network, **STAGES) as seen, torch.no_grad():
        output = network(protocol_c, mask)
    for name in STAGES:
        if name.endswith("gate"):
            compare.assert_matches(name.replace("gate", "attention"), torch.sigmoid(seen[name]), stored)
        else:
            compare.assert_matches(name, seen[name], stored)
    compare.assert_matches("raw_output", 2 * output.unpasted - 1, stored)
    compare.assert_matches("image", 2 * output.harmonized - 1, stored)
    compare.assert_matches("image_rgb01", output.harmonized.clamp(0, 1), stored)
    assert torch.equal(output.harmonized * (1 - mask), protocol_c * (1 - mask))
