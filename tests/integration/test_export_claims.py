# SPDX-License-Identifier: Apache-2.0
"""What the registry says of ONNX export is so, and a file that differs from its network is refused.

The whole sweep, at every network's own size, is `scripts/check_exports.py`; here are those that cost seconds.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import pytest
import torch
from check_exports import Question, export_filled, fill, main
from onnx import numpy_helper
from torch import nn

from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.infer.export import CEILING, TOLERANCE, ExportReport, check_agreement, export_onnx
from harmonize_core.models import (
    HarmonizationModel,
    InputSpec,
    ModelConfig,
    ModelEntry,
    Output,
    _registry,
    build,
    register,
    registered,
)

SIDE = 64


@pytest.mark.parametrize("name", ["issam_256", "fmm_256_a", "harmonizer", "hidt", "intrinsic_base_256"])
def test_a_network_that_claims_it_is_exported_and_equals_pytorch(name, tmp_path, monkeypatch):
    """Blocks that follow one another alike are written alike: one of each of HiDT's is enough."""
    if name == "hidt":
        entry = _registry._entries[name]
        entry = replace(entry, config=replace(entry.config, content_blocks=1, decoder_blocks=1))
        monkeypatch.setitem(_registry._entries, name, entry)
    (row,) = export_filled(name, tmp_path, SIDE)
    assert (row.side, row.opset) == (SIDE, 18)
    assert row.max_difference <= row.limit


def test_a_network_that_does_not_claim_it_is_refused_with_the_reason(tmp_path):
    with pytest.raises(ConfigError, match="reinhard cannot be exported to ONNX: it is NumPy code"):
        export_onnx(build("reinhard"), tmp_path / "model.onnx", name="reinhard")
    with pytest.raises(ConfigError, match="multiples of 8, but 100 was asked for"):
        export_onnx(build("fmm_256"), tmp_path / "model.onnx", name="fmm_256", size=100)
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class SmallConfig(ModelConfig):
    """`level` is added to features before a norm takes it away again: float32 loses that many digits of them."""

    level: float = 0.0
    contrast: float = 1.0

    def build(self) -> "Small":
        return Small(self)


class Small(HarmonizationModel):
    """Convolution, norm, enlargement, convolution, under the mask."""

    divisor = 2

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(8)
        self.last = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, composite, mask, domain="photographic"):
        features = self.norm(self.first(torch.cat([composite, mask], dim=1)) + self.config.level)
        features = nn.functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True)
        picture = torch.sigmoid(self.config.contrast * self.last(torch.relu(features)))
        return Output(mask * picture + (1 - mask) * composite)


def export_small(folder: Path, **choices: float) -> tuple[nn.Module, Path, ExportReport]:
    """The small network, its file and what was reported of it; the registry knows it in the meantime alone."""
    config = SmallConfig(**choices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_registry, "_entries", dict(_registry._entries))
        register(ModelEntry("small", config, InputSpec(SIDE, 2), "this test", "Apache-2.0", frozenset({"onnx"})))
        model = fill(SmallConfig().build())
        model.config = config
        report = export_onnx(model, folder / "small.onnx", name="small")
    return model.inference(), folder / "small.onnx", report


@pytest.fixture(scope="module", params=[0.0, 3000.0], ids=["", "amplified"])
def exported(request, tmp_path_factory):
    return request.param, *export_small(tmp_path_factory.mktemp("small"), level=request.param)


def off_by_one_percent(graph: onnx.GraphProto) -> None:
    last = [node for node in graph.node if node.op_type == "Conv"][-1]  # a norm would hide it of an earlier one
    (weights,) = (tensor for tensor in graph.initializer if tensor.name == last.input[1])
    weights.CopyFrom(numpy_helper.from_array(1.01 * numpy_helper.to_array(weights), weights.name))


def other_corners(graph: onnx.GraphProto) -> None:
    (node,) = (node for node in graph.node if node.op_type == "Resize")
    (mode,) = (a for a in node.attribute if a.name == "coordinate_transformation_mode")
    mode.s = b"half_pixel"


def other_epsilon(graph: onnx.GraphProto) -> None:
    (node,) = (node for node in graph.node if node.op_type == "InstanceNormalization")
    (epsilon,) = (a for a in node.attribute if a.name == "epsilon")
    epsilon.f = 1e-2


@pytest.mark.parametrize("damage", [off_by_one_percent, other_corners, other_epsilon])
def test_a_wrong_graph_is_refused_also_where_rounding_is_amplified(exported, damage, tmp_path):
    level, network, path, report = exported
    assert (report.limit > TOLERANCE) == (level > 0)
    assert report.max_difference <= report.limit <= CEILING
    graph = onnx.load(path)
    damage(graph.graph)
    onnx.save(graph, tmp_path / "wrong.onnx")
    with pytest.raises(CheckpointError, match=r"wrong\.onnx should agree with its network within .* but differs by"):
        check_agreement(network, tmp_path / "wrong.onnx")


def test_a_network_that_gives_black_and_white_alone_cannot_be_compared(tmp_path):
    with pytest.raises(CheckpointError, match="which gives nothing but 0 and 1"):
        export_small(tmp_path, contrast=1e6)
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_the_sweep_says_why_a_network_is_missing_and_keeps_other_rows(tmp_path):
    page = tmp_path / "exports.md"
    page.write_text("# Exported networks\n\n| `issam_256` | as it was |\n| `mkl` | old |\n")
    assert main(Question(("mkl", "reinhard"), page)) == 0
    rows = {line.split("`")[1]: line for line in page.read_text().splitlines() if line.startswith("| `")}
    assert list(rows) == list(registered())
    assert rows["issam_256"] == "| `issam_256` | as it was |"
    assert all("not exported: it is NumPy code" in rows[name] for name in ("mkl", "reinhard"))
    assert "not run yet" in rows["fmm_256"]
