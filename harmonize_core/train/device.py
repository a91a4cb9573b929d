# SPDX-License-Identifier: Apache-2.0
"""Where a run computes, and torch's global switches while it does: threads, TF32, determinism, compilation."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

import torch
from torch import nn

from harmonize_core.errors import ConfigError, EnvironmentFault
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.memory import freed_memory_kept


def device_of(config: TrainConfig, local_rank: int = 0) -> torch.device:
    """The CPU, or the CUDA device of this process among those of its machine.

    Raises:
        EnvironmentFault: CUDA is asked for and there is none, or fewer devices than processes.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if config.device == "cuda" and not found:
        raise EnvironmentFault("--device cuda needs a CUDA device but torch finds none; use --device cpu")
    if config.device == "cpu" or not found:
        return torch.device("cpu")
    if local_rank >= found:
        raise EnvironmentFault(
            f"each process of a machine needs a CUDA device of its own but this one has {found}; start {found} of them"
        )
    return torch.device("cuda", local_rank)


@contextlib.contextmanager
def numerics(config: TrainConfig, device: torch.device) -> Generator[None]:
    """Torch's switches as the config wants them, put back at the end.

    fp32 on CUDA is without TF32, which torch otherwise allows in convolutions. Without `deterministic`, CUDA
    convolutions take the fastest algorithm for their sizes, found by trying.

    Raises:
        ConfigError: `deterministic` meets an operation that has no such version, or the device's memory is full.
    """
    cudnn = torch.backends.cudnn
    before = torch.get_num_threads(), cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    if config.threads:
        torch.set_num_threads(config.threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        cudnn.benchmark = not config.deterministic
        if config.precision == "fp32":
            cudnn.allow_tf32 = False
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA is first used; see torch's docs
        cudnn.deterministic = True
        torch.use_deterministic_algorithms(True)
    try:
        with freed_memory_kept() if device.type == "cpu" else contextlib.nullcontext():
            yield
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"the memory of {device} is full with --batch-size {config.batch_size}; lower it and raise --accumulate"
        ) from error
    except RuntimeError as error:
        if config.deterministic and "deterministic" in str(error):
            what = str(error).split(",")[0].split(". ")[0]
            raise ConfigError(f"--deterministic: {what}; train without it, or with --device cpu") from error
        raise
    finally:
        torch.set_num_threads(before[0])
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before[1:]
        torch.use_deterministic_algorithms(was_deterministic)


def compile_in_place(network: nn.Module, device: torch.device) -> None:
    """Let calls of a network be compiled (`nn.Module.compile`); names and weights stay as they are.

    Raises:
        EnvironmentFault: nothing can be compiled on this machine.
    """
    try:
        torch.compile(lambda x: 2.0 * x + 1.0)(torch.zeros(2, device=device))
    except Exception as error:  # whatever a compiler may say; the first line is its reason
        needs = "a C++ compiler (g++ or clang++; CXX names it)" if device.type == "cpu" else "Triton and a C compiler"
        raise EnvironmentFault(
            f"--compile needs {needs} but a first try failed ({str(error).splitlines()[0]}); install it, or leave "
            "--compile out"
        ) from error
    network.compile()


def eager(config: TrainConfig) -> contextlib.AbstractContextManager[object]:
    """Within it a compiled network runs as written: pictures of validation come in batches of other sizes."""
    return torch.compiler.set_stance("force_eager") if config.compile else contextlib.nullcontext()
