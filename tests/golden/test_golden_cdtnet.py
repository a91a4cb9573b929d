# SPDX-License-Identifier: Apache-2.0
"""CDTNet equals the authors' released code on a picture of 1024 pixels, and its table is looked up as theirs is."""

import compare
import pytest
import torch
from torch.testing import assert_close

from harmonize_core.models import build, normalize
from harmonize_core.models.cdtnet import identity_table, look_up, remap_official

GATES = {"base_attention_map": "head.attention", "refine_attention_map": "refine_head.attention"}


def run(name: str, recorded: dict[str, str]):
    """The network's output, the tensors on the way, and what is stored of the official ones."""
    network = compare.filled(build(name), f"{name}_at1024", remap_official)
    with compare.recorded(network, **recorded) as seen, torch.no_grad():
        output = network(*compare.inputs("composite_1024", "mask_1024"))
    return network, output, seen, compare.golden(f"{name}_at1024")


def test_every_stage_equals_the_official_one():
    places = {"bottleneck": "unet.encoder.3", "base_decoder_map": "unet.decoder.2"} | GATES
    places |= {"refine_map": "refine", "refine_to_rgb": "refine_head.to_rgb"}
    _, output, seen, stored = run("cdtnet_256", places)
    for name, tensor in seen.items():
        compare.assert_matches(name, torch.sigmoid(3 * tensor) if name in GATES else tensor, stored)
    compare.assert_matches("lut_weights", output.weights, stored)
    compare.assert_matches("lut_image", output.table_image, stored)
    compare.assert_matches("base_image", output.base_image, stored)
    compare.assert_matches("base_image_normalised", normalize(output.base_image), stored)
    compare.assert_matches("image", output.harmonized, stored)


def test_the_simplified_network_gives_the_table_s_picture():
    network, output, _, stored = run("cdtnet_256_sim", {})
    compare.assert_matches("lut_weights", output.weights, stored)
    compare.assert_matches("image", output.harmonized, stored)
    composite, mask = compare.inputs("composite_1024", "mask_1024")
    assert torch.equal(output.harmonized * (1 - mask), composite * (1 - mask))
    for number, table in enumerate(network.tables.detach()):
        compare.assert_matches(f"lut{number}_lookup", look_up(table[None], composite), stored)


@pytest.mark.parametrize("size", [(1, 1), (97, 131)])
def test_the_identity_table_changes_nothing_but_clamps(size):
    image = 1.4 * torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) - 0.2
    found = look_up(identity_table()[None].expand(2, -1, -1, -1, -1), image)
    assert_close(found, image.clamp(0, 1), rtol=0, atol=1e-6)
