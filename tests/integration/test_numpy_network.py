# SPDX-License-Identifier: Apache-2.0
"""Exported networks without ONNX Runtime: the same numbers in NumPy, refusals in one sentence, by itself if needed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from check_exports import fill
from onnx import TensorProto, helper, numpy_helper

import harmonize_core
from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault, HarmonizeError, UnknownName
from harmonize_core.infer.export import LEAST_DECIBELS, export_onnx
from harmonize_core.models import HarmonizationModel, build
from harmonize_core.models.charmnet import CharmNetConfig
from harmonize_core.runtime import LookHarmonizer
from harmonize_core.runtime.engines import open_engine
from harmonize_core.runtime.numpy_network import NumpyNetwork
from harmonize_core.runtime.onnx_file import read_onnx

NETWORKS = (("charmnet_hr", 256), ("charmnet_256", 256), ("cdtnet_256_sim", 64))


@pytest.fixture(scope="module")
def charmnet(tmp_path_factory) -> tuple[HarmonizationModel, Path]:
    """CharmNet with a quarter of its channels, and its export."""
    model, path = fill(CharmNetConfig(16).build()), tmp_path_factory.mktemp("charmnet") / "full.onnx"
    report = export_onnx(model, path, name="charmnet_256")
    assert report.decibels == np.inf
    return model, path


@pytest.fixture(scope="module")
def exports(exported_look, charmnet, tmp_path_factory) -> dict[str, Path]:
    """Networks under random weights that let every part of them count."""
    small = tmp_path_factory.mktemp("exports") / "cdtnet_256_sim.onnx"
    export_onnx(fill(build("cdtnet_256_sim")), small, name="cdtnet_256_sim", size=64)
    return {"charmnet_hr": exported_look[1], "charmnet_256": charmnet[1], "cdtnet_256_sim": small}


@pytest.fixture(scope="module")
def picture() -> tuple[np.ndarray, np.ndarray]:
    composite = np.random.default_rng(0).random((20, 25, 3), dtype=np.float32).repeat(16, axis=0).repeat(16, axis=1)
    mask = np.zeros(composite.shape[:2], np.float32)
    mask[80:250, 60:300] = 1
    mask[79, 60:300] = 0.5
    return composite, mask


def both(path: Path, feed: dict[str, np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs of ONNX Runtime and of NumPy."""
    first, second = open_engine(path, 1, runtime="onnxruntime"), open_engine(path, runtime="numpy")
    assert list(first.inputs.items()) == list(second.inputs.items())
    assert first.metadata == second.metadata
    return first.run(list(first.outputs), feed), second.run(list(second.outputs), feed)


@pytest.mark.parametrize(("name", "size"), NETWORKS)
def test_numpy_gives_what_onnx_runtime_gives(exports, name, size):
    rng = np.random.default_rng(1)
    composite = rng.random((1, 3, size, size), dtype=np.float32)
    mask = np.zeros((1, 1, size, size), np.float32)
    mask[:, :, size // 4 : size // 2, size // 8 : size // 2] = 1
    for feed in ({"composite": composite, "mask": mask}, {"composite": composite, "mask": 0 * mask}):
        expected, found = both(exports[name], feed)
        for one, other in zip(expected, found, strict=True):
            assert other.shape == one.shape
            np.testing.assert_allclose(other, one, atol=1e-4 * max(1.0, np.abs(one).max()))


def test_numpy_keeps_to_itself_what_it_writes_over(exports):
    network = NumpyNetwork(exports["charmnet_256"])
    rng = np.random.default_rng(2)
    feed = {"composite": rng.random((1, 3, 256, 256), dtype=np.float32), "mask": np.ones((1, 1, 256, 256), np.float32)}
    copies = {name: value.copy() for name, value in feed.items()}
    first = network.run(["harmonized"], feed)[0]
    kept = first.copy()
    again = network.run(["harmonized"], feed)[0]
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(again, kept)
    for name, value in feed.items():
        np.testing.assert_array_equal(value, copies[name])


# One operator at a time

SHAPE = (1, 6, 13, 17)
RNG = np.random.default_rng(3)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


NONE = np.zeros(0, np.float32)
LINEAR = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
CASES: list[tuple[str, list[np.ndarray], dict]] = [
    ("Conv", [weights(5, 6, 3, 3), weights(5)], {"pads": [1, 0, 2, 1]}),
    ("Conv", [weights(5, 6, 3, 2)], {"strides": [2, 3], "dilations": [2, 1], "pads": [2, 1, 0, 1]}),
    ("Conv", [weights(5, 6, 1, 1)], {"strides": [2, 2]}),
    ("Conv", [weights(4, 3, 3, 3), weights(4)], {"group": 2, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("Conv", [weights(6, 1, 5, 3), weights(6)], {"group": 6, "strides": [2, 1], "pads": [2, 1, 2, 1]}),
    ("Conv", [weights(12, 1, 3, 3)], {"group": 6, "pads": [1, 1, 1, 1]}),
    ("ConvTranspose", [weights(6, 5, 4, 4), weights(5)], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("ConvTranspose", [weights(6, 5, 3, 5)], {"strides": [2, 3], "pads": [0, 2, 1, 0], "output_padding": [1, 2]}),
    ("ConvTranspose", [weights(6, 5, 2, 1), weights(5)], {"strides": [3, 2]}),
    ("AveragePool", [], {"kernel_shape": [4, 4], "strides": [4, 4]}),
    ("AveragePool", [], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 0, 1], "count_include_pad": 1}),
    ("AveragePool", [], {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}),
    ("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("Resize", [NONE, np.array([1, 1, 2, 2.5], np.float32)], LINEAR),
    ("Resize", [NONE, NONE, numbers(1, 6, 5, 30)], LINEAR | {"coordinate_transformation_mode": "align_corners"}),
    ("Resize", [NONE, NONE, numbers(1, 6, 26, 9)], LINEAR | {"mode": "cubic"}),
    ("Resize", [NONE, NONE, numbers(1, 6, 26, 34)], {"mode": "nearest", "nearest_mode": "floor"}),
    ("Pad", [numbers(0, 0, 2, 3, 0, 0, 1, 4)], {"mode": "reflect"}),
    ("Pad", [numbers(0, 0, 2, -3, 0, 1, 1, 4), np.float32([0.5]).reshape(())], {}),
    ("InstanceNormalization", [weights(6), weights(6)], {"epsilon": 1e-3}),
    ("LayerNormalization", [weights(17), weights(17)], {"axis": -1}),
    ("BatchNormalization", [weights(6), weights(6), weights(6), np.abs(weights(6)) + 0.5], {}),
    ("Softmax", [], {"axis": 1}),
    ("Elu", [], {"alpha": 0.7}),
    ("LeakyRelu", [], {"alpha": 0.2}),
    ("Erf", [], {}),
    ("Clip", [np.float32(-0.5), np.float32(0.4)], {}),
    ("Pow", [np.float32(3)], {}),
    ("Pow", [np.float32(2)], {}),
    ("ReduceMean", [numbers(2, 3)], {"keepdims": 0}),
    ("ReduceSum", [], {"keepdims": 1}),
    ("ReduceMax", [numbers(-1)], {}),
    ("Slice", [numbers(-1, 2), numbers(-99, 9), numbers(2, 3), numbers(-2, 3)], {}),
    ("Gather", [numbers(4, -1, 0)], {"axis": 1}),
    ("Transpose", [], {"perm": [0, 3, 1, 2]}),
    ("Reshape", [numbers(0, -1, 17)], {}),
    ("Gemm", [weights(9, 17), weights(9)], {"transB": 1, "alpha": 0.5}),
    ("GridSample", [weights(1, 4, 5, 2)], {"mode": "bilinear", "padding_mode": "zeros"}),
    ("GridSample", [weights(1, 4, 5, 2)], {"mode": "bilinear", "padding_mode": "border", "align_corners": 1}),
]


def one_operator(path: Path, operator: str, constants: list[np.ndarray], attributes: dict, shape=SHAPE) -> Path:
    """A file with one node on `x`."""
    names = [f"c{i}" if value.size or operator != "Resize" else "" for i, value in enumerate(constants)]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *names], ["y"], **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in zip(names, constants, strict=True) if n],
    )
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    )
    return path


@pytest.mark.parametrize(
    ("operator", "constants", "attributes"), CASES, ids=[f"{i}-{name}" for i, (name, _, _) in enumerate(CASES)]
)
def test_operators_are_those_of_onnx(tmp_path, operator, constants, attributes):
    shape = SHAPE[2:] if operator == "Gemm" else SHAPE
    path = one_operator(tmp_path / "one.onnx", operator, constants, attributes, shape)
    x = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    (expected,), (found,) = both(path, {"x": x})
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5 * max(1.0, np.abs(expected).max()))


# Files that are damaged or mean harm


def small_graph() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["a", "low", "high"], ["c"]),
        helper.make_node("Resize", ["c", "", "twice"], ["d"], mode="linear"),
        helper.make_node("Mul", ["d", "half"], ["y"]),
    ]
    values = {
        "w": weights(2, 3, 3, 3),
        "b": weights(2),
        "low": np.float32(0),
        "high": np.float32(6),
        "twice": np.array([1, 1, 2, 2], np.float32),
        "half": np.float32(0.5),
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 2, 16, 16))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_cut_and_changed_files_are_refused_in_one_sentence_or_run(tmp_path):
    whole = small_graph().SerializeToString()
    path = tmp_path / "some.onnx"
    rng = np.random.default_rng(5)
    changed = []
    for _ in range(500):
        data = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        changed.append(bytes(data))
    refusals = []
    for data in (*(whole[:length] for length in range(0, len(whole), 3)), *changed):
        path.write_bytes(data)
        try:
            NumpyNetwork(path).run([], {"x": np.zeros((1, 3, 8, 8), np.float32)})
        except HarmonizeError as error:
            refusals.append(str(error))
    assert len(refusals) > len(whole) // 3 - 2
    assert all("some.onnx" in text and "\n" not in text for text in refusals)


def outside(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")


def enormous(model: onnx.ModelProto) -> None:
    next(t for t in model.graph.initializer if t.name == "twice").raw_data = np.float32([1, 1, 1e6, 1e6]).tobytes()


def more_than_there_is(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 2**40


def around_in_a_circle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def twice_the_same(model: onnx.ModelProto) -> None:
    model.graph.node[3].output[0] = "a"


def other_channels(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3
    model.graph.node[0].attribute.add(name="group", type=onnx.AttributeProto.INT, i=3)


def unknown(model: onnx.ModelProto) -> None:
    model.graph.node[3].op_type = "Einsum"


def of_its_own(model: onnx.ModelProto) -> None:
    model.graph.node[3].domain = "com.example"


def too_new(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


@pytest.mark.parametrize(
    ("damage", "kind", "text"),
    [
        (outside, CheckpointError, "lie in another file"),
        (enormous, CheckpointError, "Resize giving d fails .an array of"),
        (more_than_there_is, CheckpointError, "should hold .* numbers but hold 54"),
        (around_in_a_circle, CheckpointError, "nothing gives its input y"),
        (twice_the_same, CheckpointError, "a value of that name is there already"),
        (other_channels, CheckpointError, "Conv giving .* fails"),
        (unknown, EnvironmentFault, "needs Einsum, but the NumPy executor lacks this operator; install onnxruntime"),
        (of_its_own, EnvironmentFault, r"needs com\.example\.Mul, but the NumPy executor lacks"),
        (too_new, EnvironmentFault, "operators of version 99"),
    ],
)
def test_graphs_that_mean_harm_or_cannot_run_are_refused(tmp_path, damage, kind, text):
    model = small_graph()
    damage(model)
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(kind, match=text) as refused:
        NumpyNetwork(tmp_path / "bad.onnx").run(["y"], {"x": np.zeros((1, 3, 8, 8), np.float32)})
    assert "\n" not in str(refused.value)


def test_weights_that_are_spelled_out_are_read(tmp_path):
    kinds = {
        TensorProto.FLOAT: [1.5, -2.0],
        TensorProto.DOUBLE: [1.25, -2.0],
        TensorProto.FLOAT16: [0.5, -3.0],
        TensorProto.INT8: [-128, 5],
        TensorProto.UINT8: [200, 5],
        TensorProto.INT32: [-(2**31), 5],
        TensorProto.INT64: [-(2**63), 5],
        TensorProto.BOOL: [True, False],
    }
    model = small_graph()
    for kind, values in kinds.items():
        model.graph.initializer.append(helper.make_tensor(f"t{kind}", kind, [2], values))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    found = read_onnx(tmp_path / "m.onnx").constants
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(found[tensor.name], numpy_helper.to_array(tensor))
        assert found[tensor.name].dtype == numpy_helper.to_array(tensor).dtype


# In the place of ONNX Runtime

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "onnxruntime":
            raise {error}
sys.meta_path.insert(0, Blocked())
"""


@pytest.mark.parametrize(
    ("error", "why"),
    [("ImportError('no such module')", "no such module"), ("OSError('DLL load failed')", "DLL load failed")],
)
def test_where_onnx_runtime_cannot_be_loaded_numpy_makes_the_same_picture(exports, picture, tmp_path, error, why):
    composite, mask = picture
    np.savez(tmp_path / "picture.npz", composite=composite, mask=mask)
    code = BLOCK.format(error=error) + (
        "import numpy as np, harmonize_core as hc\n"
        "from harmonize_core.errors import EnvironmentFault\n"
        f"p = np.load({str(tmp_path / 'picture.npz')!r})\n"
        f"model = hc.load({str(exports['charmnet_hr'])!r})\n"
        f"np.save({str(tmp_path / 'out.npy')!r}, model(p['composite'], p['mask']))\n"
        "print(model.info.engine)\n"
        "try:\n"
        f"    hc.load({str(exports['charmnet_hr'])!r}, runtime='onnxruntime')\n"
        "except EnvironmentFault as error:\n"
        "    print(error)\n"
        "from harmonize_core.runtime.engines import describe_runtimes\n"
        "print(describe_runtimes())\n"
        "assert 'torch' not in sys.modules and 'onnx' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    engine, refusal, doctor = done.stdout.splitlines()
    assert engine == f"NumPy {np.__version__} on the CPU, because onnxruntime cannot be loaded ({why})"
    assert refusal == f"onnxruntime cannot be loaded ({why}); try: pip install onnxruntime"
    assert doctor.startswith("ONNX files run in NumPy")
    model = harmonize_core.load(exports["charmnet_hr"])
    assert model.info.engine == f"ONNX Runtime {onnxruntime.__version__} on the CPU"
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), model(composite, mask), atol=1e-4)


def test_an_operator_that_numpy_lacks_is_named_with_why_it_was_needed(tmp_path):
    model = small_graph()
    unknown(model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    code = BLOCK.format(error="OSError('DLL load failed')") + (
        "from pathlib import Path\n"
        "from harmonize_core.errors import EnvironmentFault\n"
        "from harmonize_core.runtime.engines import open_engine\n"
        "try:\n"
        f"    open_engine(Path({str(tmp_path / 'm.onnx')!r}))\n"
        "except EnvironmentFault as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip().endswith(
        "needs Einsum, but the NumPy executor lacks this operator; install onnxruntime, which cannot be loaded here "
        "(DLL load failed)"
    ), done.stdout + done.stderr


def test_runtimes_and_devices_are_chosen_and_what_is_missing_is_named(exports):
    file = exports["charmnet_hr"]
    assert LookHarmonizer.from_file(file, runtime="numpy").info.engine.startswith("NumPy")
    assert harmonize_core.load(file, device="auto").info.engine.startswith("ONNX Runtime")
    with pytest.raises(EnvironmentFault, match=r"has no DirectML .install onnxruntime-directml"):
        harmonize_core.load(file, device="directml")
    with pytest.raises(ConfigError, match="NumPy runs on the CPU, not with CUDA"):
        harmonize_core.load(file, device="cuda", runtime="numpy")
    with pytest.raises(UnknownName, match="no device is named 'gpu'"):
        harmonize_core.load(file, device="gpu")
    with pytest.raises(ConfigError, match=r"--runtime numpy is for \.onnx files"):
        harmonize_core.load("reinhard", runtime="numpy")


@pytest.mark.parametrize(("precision", "share"), [("fp16", 0.53), ("int8", 0.3)])
def test_fewer_bits_keep_the_pictures_in_both_runtimes(charmnet, tmp_path, picture, precision, share):
    model, whole = charmnet
    path = tmp_path / "few.onnx"
    report = export_onnx(model, path, name="charmnet_256", precision=precision)
    assert report.bytes < share * whole.stat().st_size
    assert report.decibels >= LEAST_DECIBELS
    full, few = harmonize_core.load(whole)(*picture), harmonize_core.load(path)(*picture)
    assert 0 < np.sqrt(np.mean(np.square(few - full))) < 10 ** (-LEAST_DECIBELS / 20)
    np.testing.assert_allclose(harmonize_core.load(path, runtime="numpy")(*picture), few, atol=1e-4)
    metadata = harmonize_core.load(path).info.metadata
    assert (metadata["precision"], metadata["opset"]) == (precision, "18")
    assert "256" in metadata["input_rule"]
