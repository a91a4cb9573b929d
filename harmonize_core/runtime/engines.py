# SPDX-License-Identifier: Apache-2.0
"""What runs an exported network: ONNX Runtime, on the processor or what else it was built for, or NumPy alone.

ONNX Runtime on the CPU is the default. Where it cannot be loaded, NumPy takes its place (`numpy_network.py`): the same
picture, slower. An `Engine` says in its label which it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import CheckpointError, ConfigError, EnvironmentFault, UnknownName
from harmonize_core.runtime.numpy_network import NumpyNetwork
from harmonize_core.runtime.onnx_file import Shape

Runtime = Literal["auto", "onnxruntime", "numpy"]
"""What runs a file; auto: ONNX Runtime if it can be loaded, else NumPy."""

Device = Literal["cpu", "cuda", "coreml", "directml", "auto"]
"""Where ONNX Runtime runs it; auto: the first of `PROVIDERS` that there is, else the CPU."""

PROVIDERS = {
    "cuda": ("CUDAExecutionProvider", "CUDA", "install onnxruntime-gpu in place of onnxruntime"),
    "directml": ("DmlExecutionProvider", "DirectML", "install onnxruntime-directml in place of onnxruntime on Windows"),
    "coreml": ("CoreMLExecutionProvider", "CoreML", "it comes with onnxruntime on macOS"),
}
"""By device: ONNX Runtime's name for it, its own name, and where it comes from."""


class Engine(Protocol):
    """An opened file."""

    @property
    def label(self) -> str:
        """What runs it and where, for people."""
        ...

    @property
    def inputs(self) -> Mapping[str, Shape]: ...

    @property
    def outputs(self) -> Mapping[str, Shape]: ...

    @property
    def metadata(self) -> Mapping[str, str]: ...

    def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> list[NDArray[Any]]:
        """Outputs by name, from all inputs by name."""
        ...


class OnnxRuntime:
    """A session of ONNX Runtime as an `Engine`."""

    def __init__(self, path: Path, threads: int | None = None, device: Device = "cpu") -> None:
        """Raises: as `open_session`."""
        self.session = open_session(path, threads, device)
        used = self.session.get_providers()[0]
        where = {provider: f"with {name}" for provider, name, _ in PROVIDERS.values()}.get(used, "on the CPU")
        self.label = f"ONNX Runtime {load_onnxruntime().__version__} {where}"
        self.inputs = {v.name: tuple(v.shape) for v in self.session.get_inputs()}
        self.outputs = {v.name: tuple(v.shape) for v in self.session.get_outputs()}
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)
        self._path = path

    def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> list[NDArray[Any]]:
        """Raises: EnvironmentFault where it cannot go on (an accelerator without memory, say)."""
        try:
            return [np.asarray(result) for result in self.session.run(list(names), dict(feed))]
        except Exception as error:  # a family of its own that shares no public base class
            raise EnvironmentFault(
                f"{self.label} cannot run {self._path} ({_first_line(error)}); use --device cpu or --runtime numpy"
            ) from error


def open_engine(path: Path, threads: int | None = None, device: Device = "cpu", runtime: Runtime = "auto") -> Engine:
    """Open an ONNX file.

    Args:
        path: the file.
        threads: CPU threads of ONNX Runtime, None for all cores; NumPy takes what its BLAS is configured for.
        device: where.
        runtime: what runs it.

    Raises:
        CheckpointError: the file is missing or not a readable ONNX model.
        EnvironmentFault: onnxruntime was asked for and cannot be loaded, or lacks the device; or it cannot be loaded
            and NumPy lacks an operator.
        UnknownName: no such device or runtime.
        ConfigError: NumPy on another device than the CPU.
    """
    for kind, name, known in (("device", device, Device), ("runtime", runtime, Runtime)):
        if name not in get_args(known):
            raise UnknownName.of(kind, name, get_args(known))
    _check_there(path)
    if runtime == "numpy":
        if device not in ("cpu", "auto"):
            raise ConfigError(
                f"NumPy runs on the CPU, not with {PROVIDERS[device][1]}; leave out --device or --runtime"
            )
        return NumpyNetwork(path)
    try:
        load_onnxruntime()
    except EnvironmentFault as error:
        if runtime == "onnxruntime" or device not in ("cpu", "auto"):
            raise
        return _in_its_place(path, error)
    return OnnxRuntime(path, threads, device)


def _in_its_place(path: Path, missing: EnvironmentFault) -> NumpyNetwork:
    """NumPy, because onnxruntime is missing."""
    why = missing.__cause__
    try:
        network = NumpyNetwork(path)
    except EnvironmentFault as error:
        raise EnvironmentFault(f"{error}, which cannot be loaded here ({_first_line(why)})") from why
    network.label += f", because onnxruntime cannot be loaded ({_first_line(why)})"
    return network


def load_onnxruntime() -> Any:
    """The package, which is to tell nobody about it.

    From 1.29 on its official builds report to their makers what is run, and leave files; this variable, set before
    the first import, stops all of it but on Windows, where `disable_telemetry_events` does
    (github.com/microsoft/onnxruntime/pull/27379). A user who sets it to 0 is obeyed.

    Raises:
        EnvironmentFault: it is not installed, or its libraries do not load: Windows says so with OSError, a build for
            another NumPy with ImportError, AttributeError or SystemError.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime

        if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
            onnxruntime.disable_telemetry_events()
        _ = onnxruntime.InferenceSession, onnxruntime.__version__  # missing where the import went half-way
    except Exception as error:
        raise EnvironmentFault(
            f"onnxruntime cannot be loaded ({_first_line(error)}); try: pip install onnxruntime"
        ) from error
    return onnxruntime


def open_session(path: Path, threads: int | None = None, device: Device = "cpu") -> Any:
    """A session of ONNX Runtime.

    Raises:
        CheckpointError: the file is missing or not a readable ONNX model.
        EnvironmentFault: onnxruntime cannot be loaded, or has no such device here.
    """
    _check_there(path)
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leaves the cores to the caller
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # weights of 8 bits become floats once, at load
    if threads is not None:
        options.intra_op_num_threads = threads
    providers = _providers(onnxruntime, device)
    if device == "directml" or providers[0] == PROVIDERS["directml"][0]:
        options.enable_mem_pattern = False  # it knows no other way
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime raises a family of its own that shares no public base class
        raise CheckpointError(f"{path} is not a readable ONNX model; copy it again or export it anew") from error
    if device not in ("cpu", "auto") and session.get_providers()[0] != providers[0]:
        raise EnvironmentFault(
            f"onnxruntime has {PROVIDERS[device][1]} but cannot start it on this machine (driver or libraries are "
            "missing); use --device cpu"
        )
    return session


def _providers(onnxruntime: Any, device: Device) -> list[str]:
    """In the order in which ONNX Runtime is to try them."""
    there = onnxruntime.get_available_providers()
    if device == "auto":
        return [*[provider for provider, _, _ in PROVIDERS.values() if provider in there], "CPUExecutionProvider"]
    if device == "cpu":
        return ["CPUExecutionProvider"]
    provider, name, source = PROVIDERS[device]
    if provider not in there:
        raise EnvironmentFault(f"onnxruntime {onnxruntime.__version__} here has no {name} ({source}); use --device cpu")
    return [provider, "CPUExecutionProvider"]


def describe_runtimes() -> str:
    """One line for `harmonize doctor`: what runs ONNX files here."""
    try:
        onnxruntime = load_onnxruntime()
    except EnvironmentFault as error:
        return f"ONNX files run in NumPy {np.__version__}, about five times slower: {error}"
    there = onnxruntime.get_available_providers()
    devices = ["cpu", *(device for device, (provider, _, _) in PROVIDERS.items() if provider in there)]
    return f"ONNX files run in ONNX Runtime {onnxruntime.__version__}, devices: {', '.join(devices)}"


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"there is no model file at {path}; check the path or write one with `harmonize export`")


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
