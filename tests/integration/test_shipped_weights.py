# SPDX-License-Identifier: Apache-2.0
"""Weights that come with the package: both branches by name, without PyTorch, and as they were shipped."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import harmonize_core
from harmonize_core.checkpoint import Checkpoint, save_model
from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault, HarmonizeError
from harmonize_core.infer import shipped
from harmonize_core.infer.onnx_weights import store_integers
from harmonize_core.infer.predictor import Predictor
from harmonize_core.infer.shipping import exported, write_weights
from harmonize_core.models import HarmonizationModel, init_weights, lookup
from harmonize_core.models.charmnet import CharmNetConfig


def network(name: str, model: HarmonizationModel) -> Checkpoint:
    init_weights(model, seed=0)
    torch.manual_seed(0)
    for weights in model.parameters():  # of the size that training gives, so that the branches differ
        if weights.ndim == 4:
            torch.nn.init.kaiming_normal_(weights)
    entry = lookup(name)
    return Checkpoint(model.eval(), name, entry.config, entry.input_spec, {"licence": "CC0-1.0", "step": "7"})


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """CharmNet with an eighth of its channels, its weights as integers of 7 bits, compressed, beside its checkpoint."""
    folder = tmp_path_factory.mktemp("weights")
    checkpoint = network("charmnet_256", CharmNetConfig(8).build())
    save_model(folder / "run.safetensors", checkpoint.model, "charmnet_256", config=CharmNetConfig(8))
    content = (folder / "run.safetensors").read_bytes()
    branches = exported(checkpoint, "int7")
    write_weights(
        folder / "weights", "charmnet_256", branches, {"licence": "CC0-1.0"}, checkpoint=content, compress=True
    )
    return folder / "weights"


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    composite = np.random.default_rng(0).random((64, 80, 3), dtype=np.float32).repeat(4, axis=0).repeat(4, axis=1)
    mask = np.zeros(composite.shape[:2], np.float32)
    mask[60:200, 40:220] = 1
    return composite, mask


def test_both_branches_are_found_by_name_and_differ_little_from_the_checkpoint(weights, pictures, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS", weights)
    whole, part = weights / "charmnet_256.onnx.gz", weights / "charmnet_256-rendered.part.gz"
    assert part.stat().st_size < whole.stat().st_size / 4
    found = {}
    for domain in ("photographic", "rendered"):
        by_name = harmonize_core.load("charmnet_256", domain=domain)
        assert (by_name.info.metadata["domain"], by_name.info.metadata["step"]) == (domain, "7")
        found[domain] = by_name(*pictures)
        own = Predictor.load(weights / "charmnet_256.safetensors", domain=domain)(*pictures)
        change = np.abs(own - pictures[0]).mean()
        assert 0 < np.abs(found[domain] - own).mean() < 0.1 * change  # 7 bits
    assert np.abs(found["photographic"] - found["rendered"]).mean() > 0.2 * change
    np.testing.assert_array_equal(harmonize_core.load("charmnet_256")(*pictures), found["photographic"])
    lines = (weights / "SHA256SUMS").read_text().splitlines()
    assert {line[66:] for line in lines} == {f.name for f in weights.iterdir()} - {"SHA256SUMS"}
    for line in lines:
        assert hashlib.sha256((weights / line[66:]).read_bytes()).hexdigest() == line[:64]


def test_shipped_weights_need_no_torch(weights):
    program = f"""
import sys
for name in ("torch", "onnx"):
    sys.modules[name] = None
from pathlib import Path
import numpy as np
import harmonize_core as hc
from harmonize_core.infer import shipped
shipped.WEIGHTS = Path({str(weights)!r})
picture = np.linspace(0, 1, 32 * 32 * 3, dtype=np.float32).reshape(32, 32, 3)
mask = np.zeros((32, 32)); mask[8:20, 8:20] = 1
print(hc.load("charmnet_256", domain="rendered")(picture, mask).shape)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "(32, 32, 3)"), done.stderr


@pytest.mark.parametrize("file", ["charmnet_256.onnx.gz", "charmnet_256-rendered.part.gz", "charmnet_256.json"])
def test_a_damaged_or_missing_file_is_one_sentence(weights, file, tmp_path, monkeypatch):
    for name in weights.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    damaged = bytearray((tmp_path / file).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / file).write_bytes(damaged)
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    with pytest.raises(CheckpointError, match=re.escape(f"{file} is not the file that SHA256SUMS lists")):
        harmonize_core.load("charmnet_256", domain="rendered")
    (tmp_path / file).unlink()
    with pytest.raises(HarmonizeError, match="charmnet_256") as refused:
        harmonize_core.load("charmnet_256", domain="rendered")
    assert "\n" not in str(refused.value)


def test_networks_that_come_without_a_checkpoint_or_a_branch_say_so(weights, tmp_path, monkeypatch):
    branches = {"photographic": shipped.content_of(weights / "charmnet_256.json")}
    write_weights(tmp_path, "charmnet_256", branches, {})
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    with pytest.raises(EnvironmentFault, match="has no DirectML"):
        harmonize_core.load("charmnet_256", device="directml")
    with pytest.raises(ConfigError, match="comes with photographic and not with a rendered branch"):
        harmonize_core.load("charmnet_256", domain="rendered")


def test_weights_as_integers_are_the_nearest_ones(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    for kind, shape in (("Conv", (16, 8, 3, 3)), ("ConvTranspose", (8, 16, 3, 3))):
        weights = rng.normal(0, rng.uniform(0.1, 3, (1,) * 4), shape).astype(np.float32)
        graph = helper.make_graph(
            [helper.make_node(kind, ["x", "w"], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8, 9, 9))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(weights, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        x = rng.normal(size=(1, 8, 9, 9)).astype(np.float32)
        exact = _run(model, x)
        errors = []
        for bits in (8, 6):
            changed = type(model).FromString(model.SerializeToString())
            store_integers(changed, bits)
            (integers,) = (
                numpy_helper.to_array(t) for t in changed.graph.initializer if t.data_type == TensorProto.INT8
            )
            assert np.abs(integers).max() == 2 ** (bits - 1) - 1
            errors.append(float(np.sqrt(np.mean((_run(changed, x) - exact) ** 2) / np.mean(exact**2))))
        # rounding to steps of d is noise of d / sqrt(12): 6 bits have steps 127 / 31 times as large
        assert 0.001 < errors[0] < 0.01
        assert errors[1] / errors[0] == pytest.approx(127 / 31, rel=0.25)


def _run(model, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])
