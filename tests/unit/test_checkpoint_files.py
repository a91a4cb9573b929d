# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: what is saved comes back, and every file that is not one is refused in one sentence."""

import json
import pickle
import resource
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import harmonize_core
from harmonize_core.checkpoint import FORMAT, load_model, save_model
from harmonize_core.errors import CheckpointError, HarmonizeError, OutputError, UnknownName
from harmonize_core.models import build, init_weights
from harmonize_core.models.charmnet import CharmNetConfig

NARROW = CharmNetConfig(base_channels=8)


@pytest.fixture
def model():
    narrow = NARROW.build()
    init_weights(narrow, seed=0)
    return narrow


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, model, "charmnet_256", config=NARROW, provenance={"data": "toy", "steps": "12"})
    return path


def rewritten(saved, tmp_path, header=None, drop=None, extra=None, change=None):
    """The same checkpoint with parts of it changed."""
    with safe_open(saved, framework="pt") as file:
        metadata = dict(file.metadata()) | (header or {})
        weights = {k: file.get_tensor(k) for k in file.keys()}
    if drop:
        del weights[drop]
    weights |= extra or {}
    weights |= change or {}
    path = tmp_path / "changed.safetensors"
    save_file(weights, path, metadata=metadata)
    return path


def test_save_then_load_is_the_same_network(saved, model):
    loaded = load_model(saved)
    assert (loaded.name, loaded.config) == ("charmnet_256", NARROW)
    assert loaded.provenance == {"data": "toy", "steps": "12"}
    assert loaded.input_spec.size == 256
    assert not loaded.model.training
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[key], value), key
    assert all(p.requires_grad for p in loaded.model.parameters())
    assert [p.name for p in saved.parent.iterdir()] == ["model.safetensors"]


def test_equal_networks_are_equal_bytes(saved, tmp_path):
    again = tmp_path / "again.safetensors"
    loaded = load_model(saved)
    save_model(again, loaded.model, loaded.name, config=NARROW, provenance=loaded.provenance)
    assert again.read_bytes() == saved.read_bytes()


def assert_refused(path, *fragments, error=CheckpointError):
    with pytest.raises(error) as caught:
        harmonize_core.load(path)
    assert isinstance(caught.value, HarmonizeError)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path.name) in text
    for fragment in fragments:
        assert fragment in text, text


def test_missing_file(tmp_path):
    assert_refused(tmp_path / "nothing.safetensors", "there is no checkpoint")


def test_a_folder(tmp_path):
    assert_refused(tmp_path, "is a folder", "model.safetensors")


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors", "weights", "trained.pth"])
def test_pickles_are_refused_by_content_whatever_their_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}, protocol=4))
    assert_refused(path, "pickle", "refused")
    torch.save({"w": torch.zeros(2)}, path)
    assert_refused(path, "pickle", "refused")


def test_other_suffixes(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text("hello")
    assert_refused(path, "should end in .safetensors")


def test_truncated_file(saved):
    saved.write_bytes(saved.read_bytes()[:5000])
    assert_refused(saved, "damaged")


def test_empty_file_and_noise(saved):
    saved.write_bytes(b"")
    assert_refused(saved, "damaged")
    saved.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    assert_refused(saved, "damaged")


def test_a_safetensors_file_of_another_project(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"w": torch.zeros(2)}, path)
    assert_refused(path, FORMAT, "says 'nothing'")


def test_missing_unexpected_and_misshapen_tensors_are_named(saved, tmp_path):
    key = "core.down.1.conv.weight"
    assert_refused(rewritten(saved, tmp_path, drop=key), f"missing {key}")
    assert_refused(rewritten(saved, tmp_path, extra={"more": torch.zeros(3)}), "unexpected more (3,)")
    assert_refused(rewritten(saved, tmp_path, change={key: torch.zeros(2, 2)}), f"{key}: file has (2, 2), model wants")
    halved = {key: torch.zeros(32, 32, 4, 4, dtype=torch.float16)}
    assert_refused(rewritten(saved, tmp_path, change=halved), "float16")


def test_half_floats_are_float32_again(saved, tmp_path):
    original = load_model(saved).model.state_dict()
    save_model(
        tmp_path / "half.safetensors",
        load_model(saved).model,
        load_model(saved).name,
        config=load_model(saved).config,
        half=True,
    )
    loaded = load_model(tmp_path / "half.safetensors").model.state_dict()
    changed = 0
    for key, value in original.items():
        wanted = value.half().float() if value.is_floating_point() and value.numel() >= 1024 else value
        torch.testing.assert_close(loaded[key], wanted, rtol=0, atol=0)
        changed += int(not torch.equal(wanted, value))
    assert changed > 3
    assert (tmp_path / "half.safetensors").stat().st_size < 0.7 * saved.stat().st_size


def test_weights_that_are_not_finite(saved, tmp_path):
    key = "decoders.photographic.head.to_rgb.bias"
    assert_refused(rewritten(saved, tmp_path, change={key: torch.full((3,), float("nan"))}), "not finite", key)


def test_unknown_models_and_bad_headers(saved, tmp_path):
    assert_refused(rewritten(saved, tmp_path, header={"model": "charmnet_9000"}), "charmnet_256", error=UnknownName)
    typo = json.dumps({"base_chanels": 8})
    assert_refused(rewritten(saved, tmp_path, header={"config": typo}), "base_chanels", "did you mean")
    wrong = json.dumps({"base_channels": "8"})
    assert_refused(rewritten(saved, tmp_path, header={"config": wrong}), "base_channels")
    assert_refused(rewritten(saved, tmp_path, header={"config": "{"}), "not JSON")
    assert_refused(rewritten(saved, tmp_path, header={"provenance": "3"}), "bad header")


def test_a_header_cannot_take_the_memory_of_the_machine(saved, tmp_path):
    huge = json.dumps({"base_channels": 100_000})
    assert_refused(rewritten(saved, tmp_path, header={"config": huge}), "does not fit the model")


def test_saving_elsewhere_than_safetensors_or_without_a_folder(model, tmp_path):
    with pytest.raises(CheckpointError, match=r"should be saved as \.safetensors"):
        save_model(tmp_path / "model.pt", model, "charmnet_256")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_model(tmp_path / "file" / "model.safetensors", model, "charmnet_256")


def test_a_write_that_is_cut_short_leaves_the_previous_checkpoint(saved, model):
    before = saved.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OutputError, match=r"model\.safetensors could not be written"):
            save_model(saved, model, "charmnet_256", config=NARROW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_loading_the_registered_size_builds_it_whole(tmp_path):
    model = build("charmnet_256")
    path = tmp_path / "full.safetensors"
    save_model(path, model, "charmnet_256")
    assert sum(p.numel() for p in load_model(path).model.parameters()) == 9_257_544
