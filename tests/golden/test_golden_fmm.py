# SPDX-License-Identifier: Apache-2.0
"""FMM equals the authors' released code, stage by stage, and its ablation drops exactly the parts it names."""

import compare
import pytest
import torch

from harmonize_core.models import build, parameter_count
from harmonize_core.models.fmm import remap_official

STAGES = {
    "down1": "down.0.0",
    "skip1": "down.0",
    "skip2": "down.1",
    "skip3": "down.2",
    "down9": "bottleneck",
    "fmm_out": "attention",
    "up1": "up.0",
    "up3": "up.2",
    "residual_before_tanh": "to_residual",
}


def test_every_stage_equals_the_official_one():
    network = compare.filled(build("fmm_256"), "fmm_256", remap_official)
    stored = compare.golden("fmm_256")
    attentions = {f"{a}_{p}": f"attention.{a}.{p}" for a in ("within", "across") for p in ("query", "key")}
    with compare.recorded(network, **STAGES, **attentions, gathered="attention.within") as seen, torch.no_grad():
        harmonized = network(*compare.inputs("composite", "mask")).harmonized
    for name in STAGES:
        compare.assert_matches(name, seen[name], stored)
    after = seen["down9"] + network.attention.within.gamma.detach() * seen["gathered"]
    compare.assert_matches("self_attention_out", after, stored)
    for name, attention in {"sa_attention": "within", "fmm_attention": "across"}.items():
        query, key = (seen[f"{attention}_{part}"].flatten(2) for part in ("query", "key"))
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)
        compare.assert_matches(name, weights.mean(dim=1), stored)
    compare.assert_matches("image", harmonized, stored)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("fmm_256_baseline", ()),
        ("fmm_256_self_attention", ("attention.within",)),
        ("fmm_256_a", ("attention.across",)),
    ],
)
def test_an_ablation_is_the_full_network_without_the_named_parts(name, parts):
    full, ablated = build("fmm_256"), build(name)
    kept = {k: v for k, v in full.state_dict().items() if not k.startswith("attention.") or k.startswith(parts)}
    ablated.load_state_dict(kept)
    block = parameter_count(full.attention.within)
    assert parameter_count(full) - parameter_count(ablated) == (2 - len(parts)) * block
