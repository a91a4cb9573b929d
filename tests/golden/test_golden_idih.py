# SPDX-License-Identifier: Apache-2.0
"""iDIH equals the authors' released code: features of every stage, attention and picture."""

import torch
from compare import IDIH_STAGES, assert_matches, filled, golden, inputs, recorded

from harmonize_core.models import build, normalize, parameter_count
from harmonize_core.models.idih import remap_official


def test_equals_the_official_network():
    network, stored = filled(build("idih_256"), "idih_256", remap_official), golden("idih_256")
    with torch.no_grad(), recorded(network, **IDIH_STAGES) as seen:
        out = network(*inputs("composite", "mask"))
    seen |= {"attention_map": out.attention, "image": normalize(out.harmonized)}
    seen["image_rgb01"] = out.harmonized.clamp(0, 1)
    for stage, tensor in seen.items():
        assert_matches(stage, tensor, stored)


def test_is_the_network_of_a_charmnet_branch():
    idih, branch = build("idih_256"), build("charmnet_256").inference()
    shapes = [sorted(tuple(p.shape) for p in network.parameters()) for network in (idih, branch)]
    assert shapes[0] == shapes[1]
    assert parameter_count(build("idih_512")) == 16_692_964
