# SPDX-License-Identifier: Apache-2.0
"""Weights between two checkpoints: where they lie, what they say of themselves, and what is refused."""

import hashlib

import pytest
import torch

from harmonize_core import cli
from harmonize_core.checkpoint import load_model, save_model
from harmonize_core.models import init_weights, lookup_at
from harmonize_core.models.charmnet import CharmNetConfig

NARROW = CharmNetConfig(base_channels=8)


@pytest.fixture
def ends(tmp_path):
    """A run's folder and a file: the network before and after."""
    paths = tmp_path / "before" / "model.safetensors", tmp_path / "after.safetensors"
    for seed, path in enumerate(paths):
        model = NARROW.build()
        init_weights(model, seed=seed)
        for name, value in model.named_buffers():
            value.fill_(3 + 4 * seed)
            assert value.is_floating_point() or name.endswith("num_batches_tracked")
        facts = {"step": f"{9 + seed}", "config": "{}", "training_data": f"set {seed}", "licence": "CC0-1.0"}
        save_model(path, model, "charmnet_256", config=NARROW, provenance={**facts, "fmse_rendered": "1.0"})
    return paths


def test_every_tensor_lies_at_its_share_between_the_two(ends, tmp_path, capsys):
    out = tmp_path / "between.safetensors"
    assert cli.main(["average", str(ends[0].parent), str(ends[1]), str(out), "--share", "0.75"]) == 0
    assert f"{out}: charmnet_256, 0.25 of" in capsys.readouterr().out
    between = load_model(out)
    before, after = (load_model(path).model.state_dict() for path in ends)
    for name, value in between.model.state_dict().items():
        wanted = 0.25 * before[name] + 0.75 * after[name] if value.is_floating_point() else after[name]
        assert torch.allclose(value, wanted, atol=1e-6), name
    assert between.config == NARROW
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in ends]
    assert between.provenance == {  # numbers were those of an end
        "step": "10",
        "config": "{}",
        "training_data": "set 1; before that set 0",
        "licence": "CC0-1.0",
        "averaged": f"0.25 of step 9 (sha256 {digests[0]}) and 0.75 of step 10 (sha256 {digests[1]})",
    }


def test_a_smaller_relative_stays_one(tmp_path):
    entry = lookup_at("charmnet_256", 64)
    for name in ("a", "b"):
        save_model(tmp_path / f"{name}.safetensors", entry.config.build(), "charmnet_256", side=64)
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("a", "b", "out")]
    assert cli.main(["average", *paths, "--quiet"]) == 0
    assert load_model(tmp_path / "out.safetensors").input_spec == entry.input_spec


@pytest.mark.parametrize("share", ["0", "1", "-0.5", "nan"])
def test_a_share_that_leaves_one_out_is_refused(ends, tmp_path, capsys, share):
    out = tmp_path / "between.safetensors"
    assert cli.main(["average", *map(str, ends), str(out), "--share", share]) == 2
    assert "--share should be more than 0 and less than 1" in capsys.readouterr().err
    assert not out.exists()


def test_other_networks_and_the_ends_themselves_are_refused(ends, tmp_path, capsys):
    wider = tmp_path / "wider.safetensors"
    save_model(wider, CharmNetConfig(base_channels=16).build(), "charmnet_256", config=CharmNetConfig(base_channels=16))
    out = tmp_path / "between.safetensors"
    assert cli.main(["average", str(ends[0]), str(wider), str(out)]) == 1
    assert "should hold the same network but hold charmnet_256 with" in capsys.readouterr().err
    assert cli.main(["average", str(ends[0]), str(ends[0].parent), str(out)]) == 1
    assert "are the same weights" in capsys.readouterr().err
    assert not out.exists()
    link = tmp_path / "link.safetensors"
    link.symlink_to(ends[1])
    held = [end.read_bytes() for end in ends]
    for target in (*ends, link):
        assert cli.main(["average", str(ends[0].parent), str(ends[1]), str(target)]) == 1
        assert "is one of the two that are averaged" in capsys.readouterr().err
    assert [end.read_bytes() for end in ends] == held
