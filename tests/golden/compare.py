# SPDX-License-Identifier: Apache-2.0
"""Our networks against the stored outputs of the authors' released code (parity/README.md, sections 3 and 5)."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import parity_fill
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

PARITY = Path(__file__).parent / "parity"

IDIH_STAGES = {
    "enc_block0": "network.encoder.0",
    "enc_block3": "network.encoder.3",
    "bottleneck": "network.encoder.6",
    "dec_block0": "network.decoder.0",
    "dec_block3": "network.decoder.3",
    "decoder_map": "network.decoder.6",
    "to_rgb": "network.head.to_rgb",
}
"""Where the stages of the official iDIH are in ours, with and without HRNet's features."""

Network = TypeVar("Network", bound=nn.Module)
Remap = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]


def described(model: str) -> dict[str, Any]:
    """What is known of the official network: names, shapes, counts, digests."""
    return json.loads((PARITY / f"{model}.json").read_text())


class Golden(dict[str, NDArray[np.float32]]):
    """The official outputs of a network by name; comparisons with them are kept in `ERRORS`."""

    def __init__(self, model: str) -> None:
        super().__init__(np.load(PARITY / f"{model}.npz"))
        self.model = model


ERRORS: dict[str, dict[str, tuple[float, int]]] = {}
"""Of every comparison so far, by network and name: largest absolute difference, values compared."""

PARAMETERS: dict[str, int] = {}
"""Of our networks that were compared, by the name of their file, with the networks that help in training."""


def golden(model: str) -> Golden:
    """The official outputs by name."""
    return Golden(model)


def inputs(*names: str) -> list[Tensor]:
    """Stored inputs: pictures (1, 3, H, W) and masks (1, 1, H, W), float32 in [0, 1]; those at 1024 px are derived."""
    stored = dict(np.load(PARITY / "inputs.npz"))
    if any(name.endswith("_1024") for name in names):
        stored |= _large(stored["composite"])
    return [torch.from_numpy(stored[n].astype(np.float32) / (1 if "mask" in n else 255)) for n in names]


def _large(composite: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Picture and mask of 1024 pixels as the parity data makes them (section 2)."""
    large = composite.astype(np.int64).repeat(4, axis=2).repeat(4, axis=3)
    for axis in (2, 3):
        large = sum(np.roll(large, shift, axis) for shift in range(-4, 5))
    row, column = np.mgrid[:1024, :1024]
    mask = ((row - 576) / 280) ** 2 + ((column - 432) / 240) ** 2 <= 1
    return {"composite_1024": np.rint(large / 81).astype(np.uint8), "mask_1024": mask.astype(np.uint8)[None, None]}


def official_state(model: str, network: str = "net") -> dict[str, Tensor]:
    """Official names and filled weights, checked against the stored digest."""
    about = described(model)["networks"][network]
    weights = parity_fill.filled(about["entries"], model=model)
    assert parity_fill.digest(weights) == about["filled_sha256"]
    return {name: torch.from_numpy(v) for name, v in weights.items()}


def filled(built: Network, model: str, remap: Remap, network: str = "net", unused: int = 0) -> Network:
    """`built` with the official weights, in eval mode; every name must find its place, every parameter its weight.

    `unused` parameters of the official network are never called there and not in ours.
    """
    result = built.load_state_dict(remap(official_state(model, network)), strict=False)
    assert result.unexpected_keys == []
    assert [key for key in result.missing_keys if not key.endswith("num_batches_tracked")] == []
    counted(built, model, network, unused)
    return built.eval()


def counted(built: nn.Module, model: str, network: str = "net", unused: int = 0) -> None:
    """`built` has as many parameters as the official network, but for the unused; kept in `PARAMETERS`."""
    ours = sum(p.numel() for p in built.parameters())
    assert ours == described(model)["networks"][network]["parameters"] - unused
    PARAMETERS[model] = PARAMETERS.get(model, 0) + ours


@contextmanager
def recorded(network: nn.Module, **paths: str) -> Iterator[dict[str, Tensor]]:
    """Outputs of submodules during a forward pass: `recorded(net, bottleneck="core.down.2")`."""
    seen: dict[str, Tensor] = {}
    handles = [
        network.get_submodule(path).register_forward_hook(lambda _, __, out, name=name: seen.update({name: out}))
        for name, path in paths.items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def assert_equal(found: Tensor, expected: NDArray[np.float32], name: str = "", tolerance: float = 1e-4) -> None:
    """|found - expected| <= tolerance + tolerance * |expected|."""
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=tolerance, atol=tolerance, err_msg=name)


def assert_matches(name: str, found: Tensor, stored: Golden, tolerance: float = 1e-4) -> None:
    """Compare a tensor with everything stored under its name: whole, at a stride, or as statistics and crops.

    Maps are (B, C, H, W), tokens (B, L, C).
    """
    views = {name: found} | {f"{name}_stride{s}": found[..., ::s, ::s] for s in (2, 4, 8) if found.dim() == 4}
    if found.dim() == 4:
        rows, columns = (slice(max(side // 2 - 8, 0), side // 2 + 8) for side in found.shape[2:])
        views |= {
            f"{name}__mean": found.mean(dim=(0, 2, 3)),
            f"{name}__std": found.std(dim=(0, 2, 3), correction=0),
            f"{name}__corner": found[:, :16, :16, :16],
            f"{name}__centre": found[:, :16, rows, columns],
        }
    elif found.dim() == 3:
        views |= {
            f"{name}__mean": found.mean(dim=(0, 1)),
            f"{name}__std": found.std(dim=(0, 1), correction=0),
            f"{name}__corner": found[0, :16, :16],
        }
    here = [view for view in views if view in stored]
    assert here, f"nothing is stored as {name}"
    for view in here:
        difference = np.abs(views[view].detach().numpy() - stored[view])
        ERRORS.setdefault(stored.model, {})[view] = (float(difference.max()), difference.size)
        assert_equal(views[view], stored[view], view, tolerance)
