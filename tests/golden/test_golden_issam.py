# SPDX-License-Identifier: Apache-2.0
"""iSSAM and S2AM equal the authors' released code: features of every stage, attention and pictures, both masks.
What else users hold is taken or refused: half precision, damaged files."""

import pytest
import torch
from compare import assert_matches, filled, golden, inputs, official_state, recorded
from safetensors.torch import save_file

from harmonize_core.checkpoint import load_model
from harmonize_core.cli import main
from harmonize_core.import_weights import import_weights
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


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_official_weights_of_half_precision_become_ours_of_single_precision(tmp_path, suffix):
    half = {name: value.half() for name, value in official_state("issam_256").items()}
    file, ours = tmp_path / f"half{suffix}", tmp_path / "ours.safetensors"
    torch.save({"state_dict": half}, file) if suffix == ".pth" else save_file(half, file)
    assert import_weights(file, ours, "issam_256") == len(half)
    read = load_model(ours).model.state_dict()
    for name, value in remap_official(half).items():
        assert torch.equal(read[name], value.float()), name


@pytest.mark.parametrize("content", [b"", b"noise that is longer than a header", b"\x08" + 7 * b"\0" + b"{broken}"])
@pytest.mark.parametrize("name", ["damaged.safetensors", "damaged.pth"])
def test_damaged_official_weights_are_refused_in_a_sentence(tmp_path, capsys, name, content):
    (tmp_path / name).write_bytes(content)
    assert main(["import-weights", str(tmp_path / name), str(tmp_path / "x.safetensors"), "--model", "issam_256"]) == 1
    told = capsys.readouterr().err.strip()
    assert told.startswith(f"error: {tmp_path / name} should hold the official checkpoint of issam_256")
    assert "damaged" in told
    assert "\n" not in told
    assert not (tmp_path / "x.safetensors").exists()
