# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean Blender with the render settings of this project (bpy 4.2 to 5.2; measured on 4.5).

A job starts from factory settings, so its bytes never depend on the jobs before it in the same process.
"""

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path

import bpy
import numpy as np

from harmonize_core.errors import InputError, OutputError
from harmonize_core.formats.images import read_exr


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Send what Blender's C code prints (progress, importer chatter) to the log of the job, if there is one."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    sink = os.open(os.environ.get("RDHARMONY_CHATTER", os.devnull), os.O_WRONLY | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for handle in (*saved, sink):
            os.close(handle)


def reset(width: int, height: int, samples: int) -> bpy.types.Scene:
    """Throw away everything and return an empty scene set up for Cycles on the CPU.

    Args:
        width: pixels.
        height: pixels.
        samples: paths a pixel.
    """
    with quiet():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.use_persistent_data = True
    scene.render.use_compositing = False
    scene.render.use_sequencer = False
    scene.render.film_transparent = False
    image = scene.render.image_settings
    image.file_format, image.color_depth, image.exr_codec = "OPEN_EXR", "32", "NONE"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.seed = 0
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.denoising_prefilter = "FAST"
    cycles.denoising_quality = "HIGH"
    cycles.denoising_use_gpu = False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 5, 3, 2
    cycles.transmission_bounces, cycles.transparent_max_bounces = 4, 12
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.blur_glossy = 1.0
    cycles.sample_clamp_direct, cycles.sample_clamp_indirect = 0.0, 4.0
    # the same for all conditions: with persistent data a later change would act only in a fresh process
    cycles.use_light_tree = True
    cycles.filter_width = 1.5
    return scene


def render(scene: bpy.types.Scene, scratch: Path, channels: str) -> dict[str, np.ndarray]:
    """Render the scene as it is and return the picture's channels, (H, W) float32 each.

    Args:
        scene: with camera and lights.
        scratch: file that Blender writes to; gone afterwards.
        channels: RGB or RGBA.

    Raises:
        OutputError: Blender could not write.
    """
    scene.render.image_settings.color_mode = channels
    scene.render.filepath = str(scratch)
    try:
        with quiet():
            bpy.ops.render.render(write_still=True)
        return read_exr(scratch)
    except InputError as error:
        raise OutputError(f"Blender wrote no whole picture to {scratch}; check free space and rights there") from error
    finally:
        scratch.unlink(missing_ok=True)
