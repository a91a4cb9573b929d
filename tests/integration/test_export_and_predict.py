# SPDX-License-Identifier: Apache-2.0
"""From a network to files and back to pictures: checkpoint, ONNX in full and half precision, any size, no torch."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

import harmonize_core
from harmonize_core import cli
from harmonize_core.checkpoint import save_model
from harmonize_core.errors import CheckpointError, EnvironmentFault, InputError, OutputError
from harmonize_core.infer.export import TOLERANCE, export_onnx
from harmonize_core.models import build, init_weights, lookup_at
from harmonize_core.runtime import Harmonizer, ModelInfo, harmonize


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One untrained network that does change colours, as checkpoint and as ONNX files."""
    folder = tmp_path_factory.mktemp("models")
    model = build("charmnet_256")
    init_weights(model, seed=0, std=0.05)
    save_model(folder / "model.safetensors", model, "charmnet_256", provenance={"data": "none"})
    model.train()
    report = export_onnx(model, folder / "model.onnx", name="charmnet_256", metadata={"data": "none"})
    assert model.training
    assert report.max_difference < TOLERANCE
    assert report.bytes == (folder / "model.onnx").stat().st_size
    export_onnx(model, folder / "half.onnx", name="charmnet_256", precision="fp16")
    return folder


@pytest.fixture(scope="module")
def picture() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    composite = rng.random((181, 333, 3), dtype=np.float32)
    mask = np.zeros((181, 333), np.float32)
    mask[40:160, 100:220] = 1
    mask[39, 100:220] = 0.5
    return composite, mask


def test_the_file_keeps_its_contract(files):
    graph = onnx.load(files / "model.onnx")
    onnx.checker.check_model(graph)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.graph.input}
    assert shapes == {"composite": [1, 3, 256, 256], "mask": [1, 1, 256, 256]}
    assert [v.name for v in graph.graph.output] == ["harmonized"]
    metadata = {p.key: p.value for p in graph.metadata_props}
    assert metadata["format"] == "harmonize-onnx/1"
    assert metadata["name"] == "charmnet_256"
    assert metadata["licence"] == "Apache-2.0"
    assert metadata["input_size"] == "256"
    assert metadata["data"] == "none"
    assert b"site-packages" not in (files / "model.onnx").read_bytes()
    assert (files / "half.onnx").stat().st_size < 0.51 * (files / "model.onnx").stat().st_size
    assert sorted(p.name for p in files.iterdir()) == ["half.onnx", "model.onnx", "model.safetensors"]


def test_checkpoint_and_onnx_give_the_same_picture(files, picture):
    composite, mask = picture
    by_torch = harmonize_core.load(files / "model.safetensors")(composite, mask)
    by_onnx = harmonize_core.load(files / "model.onnx")(composite, mask)
    by_half = harmonize_core.load(files / "half.onnx")(composite, mask)
    np.testing.assert_allclose(by_onnx, by_torch, atol=1e-3)
    np.testing.assert_allclose(by_half, by_torch, atol=5e-3)
    assert np.abs(by_torch - composite).max() > 0.02


def test_a_network_for_smaller_pictures_is_exported_for_them(picture, tmp_path):
    config = replace(lookup_at("charmnet_256", 64).config, base_channels=8)
    model = config.build()
    init_weights(model, seed=0, std=0.05)
    save_model(tmp_path / "model.safetensors", model, "charmnet_256", config=config, side=64)
    assert cli.main(["export", str(tmp_path / "model.safetensors"), str(tmp_path / "model.onnx"), "--quiet"]) == 0
    by_torch, by_onnx = (harmonize_core.load(tmp_path / f"model{ending}") for ending in (".safetensors", ".onnx"))
    assert by_onnx.info.input_size == by_torch.info.input_size == 64
    np.testing.assert_allclose(by_onnx(*picture), by_torch(*picture), atol=1e-3)


def test_prediction_keeps_the_background_and_takes_eight_bits(files, picture):
    composite, mask = picture
    predictor = harmonize_core.load(files / "model.onnx")
    eight = (composite * 255).astype(np.uint8)
    harmonized = predictor(eight, mask > 0)
    outside = ~(mask > 0)
    assert np.array_equal(harmonized[outside], eight[outside].astype(np.float32) / 255)
    assert harmonized.shape == composite.shape
    np.testing.assert_allclose(predictor(composite, mask, strength=0), composite, atol=1e-6)
    low = predictor.direct(np.full((256, 256, 3), 0.5, np.float32), np.ones((256, 256), np.float32))
    assert low.shape == (256, 256, 3)
    assert predictor.info.name == "charmnet_256"


def test_the_same_answer_twice_and_with_one_thread(files, picture):
    one = harmonize(Harmonizer.from_file(files / "model.onnx", threads=1), *picture)
    again = harmonize(Harmonizer.from_file(files / "model.onnx", threads=1), *picture)
    all_cores = harmonize(Harmonizer.from_file(files / "model.onnx"), *picture)
    assert np.array_equal(one, again)
    np.testing.assert_allclose(one, all_cores, atol=1e-5)


def test_a_sequence_skips_empty_frames_and_smooths_the_rest(files, picture):
    composite, mask = picture
    predictor = harmonize_core.load(files / "model.onnx")
    frames = [composite, np.clip(composite + 0.02, 0, 1), composite, composite]
    masks = [mask, mask, np.zeros_like(mask), mask]
    smooth = predictor.sequence(frames, masks, sigma_frames=1.0)
    single = predictor.sequence(frames, masks, sigma_frames=0)
    assert np.array_equal(smooth[2], composite)
    np.testing.assert_array_equal(single[0], predictor(composite, mask))
    assert not np.array_equal(smooth[0], single[0])


def test_inference_from_onnx_does_not_import_torch(files):
    code = (
        "import sys, numpy as np, harmonize_core as hc\n"
        f"p = hc.load({str(files / 'model.onnx')!r})\n"
        "out = p(np.full((64, 48, 3), 0.5, np.float32), np.ones((64, 48), np.float32))\n"
        "assert out.shape == (64, 48, 3) and 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("damage", ["missing", "cut", "noise", "foreign", "size"])
def test_files_that_are_not_our_onnx_are_refused(files, tmp_path, damage):
    path = tmp_path / "bad.onnx"
    if damage == "cut":
        path.write_bytes((files / "model.onnx").read_bytes()[:100_000])
    elif damage == "noise":
        path.write_bytes(b"not a model")
    elif damage == "foreign":
        graph = onnx.load(files / "half.onnx")
        del graph.metadata_props[:]
        onnx.save(graph, path)
    elif damage == "size":
        graph = onnx.load(files / "half.onnx")
        next(p for p in graph.metadata_props if p.key == "input_size").value = "512"
        onnx.save(graph, path)
    with pytest.raises(CheckpointError, match=r"bad\.onnx") as caught:
        harmonize_core.load(path)
    assert "\n" not in str(caught.value)


def test_an_export_that_cannot_be_written_leaves_nothing(tmp_path):
    model = build("charmnet_256")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        export_onnx(model, tmp_path / "file" / "model.onnx", name="charmnet_256")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_device_that_is_not_there_is_named(files):
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(EnvironmentFault, match="'cuda'"):
        harmonize_core.load(files / "model.safetensors", device="cuda")


def test_wrong_types_reach_the_user_as_one_sentence(files, picture):
    with pytest.raises(InputError, match="int64"):
        harmonize_core.load(files / "model.onnx")(picture[0].astype(np.int64), picture[1])


def test_a_network_that_gives_nonsense_is_named(picture):
    broken = Harmonizer(lambda composite, mask: composite * np.nan, ModelInfo("broken", "", "", 256))
    with pytest.raises(CheckpointError, match="network broken gives values that are not finite"):
        harmonize(broken, *picture)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_gives_the_cpu_picture(files, picture):
    on_cpu = harmonize_core.load(files / "model.safetensors")(*picture)
    on_gpu = harmonize_core.load(files / "model.safetensors", device="cuda")(*picture)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=2e-3)
