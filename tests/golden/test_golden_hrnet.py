# SPDX-License-Identifier: Apache-2.0
"""iDIH with HRNet features equals the authors' released code: backbone, context, encoder, attention and picture."""

import pytest
import torch
from compare import IDIH_STAGES, assert_equal, assert_matches, described, filled, golden, inputs, recorded

from harmonize_core.models import build, normalize, parameter_count
from harmonize_core.models.hrnet import remap_official
from harmonize_core.models.hrnet_backbone import gather

STAGES = {
    "hrnet_layer1": "backbone.layer1",
    "ocr_in": "context.reduce",
    "ocr_f_pixel": "context.pixel",
    "ocr_f_object": "context.region",
    "ocr_f_down": "context.value",
    "ocr_f_up": "context.expand",
    "hrnet_out": "context",
    **IDIH_STAGES,
}
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
FLAT = {"ocr_f_object", "ocr_f_down"}


def test_equals_the_official_network():
    name = "hrnet18s_idih_256"
    network, stored = filled(build(name), name, remap_official), golden(name)
    composite, mask = inputs("composite", "mask")
    with torch.no_grad(), recorded(network, stage4="backbone.stage4", **STAGES) as seen:
        out = network(composite, mask)
        seen["mask_features"] = network.mask_scale.abs() * network.mask_conv(mask)
    seen["hrnet_stage4_1"] = seen.pop("stage4")[0]
    small = torch.nn.functional.interpolate(mask, size=(64, 64), mode="bilinear", align_corners=True)
    seen["ocr_gather"] = gather(seen["ocr_in"], torch.cat([small, 1 - small], dim=1))
    seen |= {"attention_map": out.attention, "image": normalize(out.harmonized)}
    seen["image_rgb01"] = out.harmonized.clamp(0, 1)
    for stage, tensor in seen.items():
        if stage in FLAT:
            assert_equal(tensor.flatten(1), stored[stage], stage)
        else:
            assert_matches(stage, tensor, stored)


@pytest.mark.parametrize(
    ("name", "millions"),
    [("hrnet18s_v2p", 18.09), ("hrnet18", 18.51), ("hrnet18_v2p", 23.79), ("hrnet32", 38.50)],
)
def test_the_other_sizes_have_the_measured_numbers_of_parameters(name, millions):
    with torch.device("meta"):
        assert parameter_count(build(f"{name}_idih_256")) / 1e6 == pytest.approx(millions, abs=0.005)


def test_released_pyramids_find_their_place():
    names = [e["name"] for e in described("hrnet18s_idih_256")["networks"]["net"]["entries"]]
    leaves = ["0.weight", "0.bias", *(f"1.{x}" for x in NORM)]
    for block in ("reduce_conv", *(f"convs.{level}" for level in range(4))):
        names += [f"backbone.downsize.{block}.block.{leaf}" for leaf in leaves]
    with torch.device("meta"):
        ours = build("hrnet18s_v2p_idih_256").state_dict()
    assert set(remap_official(dict.fromkeys(names, torch.zeros(())))) == set(ours)
