# SPDX-License-Identifier: GPL-3.0-or-later
"""Where materials are in a rendered layer, so that looks can spare some of them.

Blender knows it to the last soft pixel (Cryptomatte of materials: motion blur, hair and transparency included). The
ranks of all materials are kept beside the layer, so that a change of what is spared renders nothing again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from harmonize_core.errors import InputError, OutputError
from harmonize_core.runtime.exr_reader import read_exr
from harmonize_core.runtime.mattes import cryptomatte

from .bridge.files import DAMAGED, write_atomic
from .compat import set_multilayer_format

DEPTH = 4
"""Materials that are told apart in one pixel."""


def matte_path(layer: Path) -> Path:
    """Where the materials of a rendered layer are kept."""
    return layer.with_name(f"{layer.stem}_materials.npz")


def ask_for(view_layer: bpy.types.ViewLayer) -> None:
    """Have the temporary scene render where its materials are, and of Cryptomattes nothing else."""
    view_layer.use_pass_cryptomatte_material = True
    view_layer.pass_cryptomatte_depth = DEPTH
    view_layer.use_pass_cryptomatte_object = view_layer.use_pass_cryptomatte_asset = False


def keep(shot: bpy.types.Scene, layer: Path) -> None:
    """Keep the materials of the layer that was just rendered to a file.

    Raises:
        OutputError: Blender did not write its passes.
    """
    result = next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)
    passes = layer.with_name(f"{layer.stem}.partial.exr")
    try:
        set_multilayer_format(shot)
        if result is not None:
            result.save_render(str(passes), scene=shot)
        keep_from(passes, layer)
    except (InputError, RuntimeError) as error:
        raise OutputError(
            f"Blender did not say where the materials in {layer.name} are ({error}): take the materials off the list "
            "in Look Control"
        ) from error
    finally:
        passes.unlink(missing_ok=True)


def keep_from(picture: Path, layer: Path) -> None:
    """Keep the materials of a picture for a layer that came out of it.

    Raises:
        InputError: it is no EXR, or has no Cryptomatte of materials.
    """
    try:
        found = read_exr(picture, lambda name: "cryptomaterial" in name.lower())
        identities, ranks = cryptomatte(list(found.channels), found.text, "Material")
    except InputError as error:
        raise InputError(
            f"{picture} does not say where materials are ({error}): render it with the Cryptomatte of materials, or "
            "take the materials off the list in Look Control"
        ) from error
    arrays = {
        "names": np.array(list(identities), dtype=np.str_),
        "identities": np.array(list(identities.values()), dtype=np.uint32),
        "ranks": np.stack([found.channels[identity].view(np.uint32) for identity, _ in ranks]),
        "coverage": np.stack([found.channels[share] for _, share in ranks]).astype(np.float16),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomic(matte_path(layer), buffer.getvalue())


def coverage_of(layer: Path, materials: Sequence[str]) -> NDArray[np.float32]:
    """What some materials together cover of a rendered layer, (H, W) in [0, 1]; those it does not show cover nothing.

    Raises:
        InputError: what was kept is damaged.
    """
    path = matte_path(layer)
    try:
        with np.load(path, allow_pickle=False) as kept:
            known = dict(zip(kept["names"].tolist(), kept["identities"].tolist(), strict=True))
            ranks, coverage = kept["ranks"], kept["coverage"].astype(np.float32)
    except DAMAGED as error:
        raise InputError(f"{path} is damaged: delete it and harmonize the frame again") from error
    wanted = np.array([known[name] for name in materials if name in known], dtype=np.uint32)
    return np.clip((np.isin(ranks, wanted) * np.nan_to_num(coverage)).sum(axis=0), 0, 1).astype(np.float32)
