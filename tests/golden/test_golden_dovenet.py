# SPDX-License-Identifier: Apache-2.0
"""DoveNet equals the authors' released code with either norm, its weights imported as users import them: each level of
the decoder, its attention, the picture."""

import compare
import pytest
import torch

from harmonize_core.checkpoint import load_model
from harmonize_core.errors import CheckpointError
from harmonize_core.import_weights import import_weights

# blockK_out of the stored data is what level K of the decoder gives
LEVELS = {f"block{level}_out": f"unet.up.{level - 1}" for level in range(1, 8)}


@pytest.mark.parametrize("name", ["dovenet_256", "dovenet_256_instance"])
def test_every_level_equals_the_official_one(name, tmp_path):
    official, ours = tmp_path / "latest_net_G.pth", tmp_path / "dovenet.safetensors"
    torch.save(compare.official_state(name), official)
    import_weights(official, ours, name)
    network, stored = load_model(ours).model, compare.golden(name)
    compare.counted(network, name)
    gates = {f"gate{level}": f"unet.up.{level - 1}.gate" for level in (1, 2, 3)}
    with compare.recorded(network, **LEVELS, **gates) as seen, torch.no_grad():
        harmonized = network(*compare.inputs("composite", "mask")).harmonized
    for level in LEVELS:
        compare.assert_matches(level, seen[level], stored)
    for level in (1, 2, 3):
        wanted = f"sigmoid_model{'_model_1' + '_model_3' * (level - 1)}_attention_1"
        compare.assert_matches(wanted, torch.sigmoid(seen[f"gate{level}"]), stored)
    compare.assert_matches("image", 2 * harmonized - 1, stored)
    compare.assert_matches("image_rgb01", harmonized.clamp(0, 1), stored)
    other = {"dovenet_256": "dovenet_256_instance", "dovenet_256_instance": "dovenet_256"}[name]
    with pytest.raises(CheckpointError, match=rf"latest_net_G.pth holds no {other} but fits {name}; give --model"):
        import_weights(official, tmp_path / "other.safetensors", other)
