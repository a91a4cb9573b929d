# SPDX-License-Identifier: Apache-2.0
"""charmnet_hr as users run it: exported as a look, opened by name, the same as from its checkpoint."""

import numpy as np
import pytest

import harmonize_core
from harmonize_core.checkpoint import save_model
from harmonize_core.errors import CheckpointError, ConfigError
from harmonize_core.infer import shipped
from harmonize_core.infer.export import export_onnx
from harmonize_core.infer.shipping import write_weights
from harmonize_core.models import build
from harmonize_core.runtime import Harmonizer


def test_an_exported_look_is_found_by_name_and_gives_what_the_checkpoint_gives(exported_look, tmp_path, monkeypatch):
    model, file, report = exported_look
    save_model(tmp_path / "hr.safetensors", model, "charmnet_hr")
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "weights")
    with pytest.raises(CheckpointError, match="not weights, and none"):
        harmonize_core.load("charmnet_hr")
    write_weights(tmp_path / "weights", "charmnet_hr", {"photographic": file.read_bytes()}, {})
    by_name, checkpoint = harmonize_core.load("charmnet_hr"), harmonize_core.load(tmp_path / "hr.safetensors")
    rng = np.random.default_rng(0)
    composite = np.repeat(np.repeat(rng.random((9, 12, 3), dtype=np.float32), 50, axis=0), 40, axis=1)
    mask = np.zeros((450, 480), np.float32)
    mask[100:400, 200:330] = 1
    found = by_name(composite, mask)
    assert np.abs(found - composite).max() > 0.02
    np.testing.assert_allclose(found, checkpoint(composite, mask), atol=max(5e-4, 2 * report.max_difference))
    np.testing.assert_array_equal(found[mask == 0], composite[mask == 0])
    half = by_name(composite, mask, strength=0.5)
    assert 0.2 < np.abs(half - composite).sum() / np.abs(found - composite).sum() < 0.8
    assert len(by_name.sequence([composite] * 2, [mask] * 2)) == 2
    with pytest.raises(CheckpointError, match="harmonize-look/1"):
        Harmonizer.from_file(file)


def test_networks_without_a_look_and_other_sizes_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="estimates no look"):
        export_onnx(build("idih_256"), tmp_path / "x.onnx", name="idih_256", look=True)
    with pytest.raises(ConfigError, match="looks at 256 px and nothing else"):
        export_onnx(build("charmnet_hr"), tmp_path / "x.onnx", name="charmnet_hr", look=True, size=512)
