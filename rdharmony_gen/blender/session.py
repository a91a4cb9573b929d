# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean Blender with the render settings of this project (bpy 4.2 to 5.2; measured on 4.5).

A job starts from factory settings, so its bytes never depend on the jobs before it in the same process.
"""

from pathlib import Path

import bpy
import numpy as np

from harmonize_core.errors import InputError, OutputError
from harmonize_core.formats.images import read_exr
from rdharmony_gen.blender import compat
from rdharmony_gen.blender.chatter import quiet
from rdharmony_gen.blender.device import CPU, Device, require_opengl, use
from rdharmony_gen.spec.job import Renderer


def reset(
    width: int, height: int, samples: int, renderer: Renderer = "cycles", device: Device = CPU
) -> bpy.types.Scene:
    """Throw away everything and return an empty scene that is ready to be rendered.

    Args:
        width: pixels.
        height: pixels.
        samples: paths a pixel.
        renderer: cycles or eevee.
        device: of Cycles.
    """
    with quiet():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES" if renderer == "cycles" else compat.eevee_engine()
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.use_persistent_data = True
    scene.render.use_compositing = False
    scene.render.use_sequencer = False
    scene.render.film_transparent = False
    compat.write_exr_picture(scene, "RGB")
    cycles = scene.cycles
    use(scene, device)
    cycles.samples = samples
    cycles.seed = 0
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = compat.choose_denoiser(scene)
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
    if renderer == "eevee":
        require_opengl()
        scene.eevee.taa_render_samples = samples
        scene.eevee.use_shadows = scene.eevee.use_raytracing = True
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
    compat.write_exr_picture(scene, channels)
    return render_file(scene, scratch)


def render_file(scene: bpy.types.Scene, scratch: Path) -> dict[str, np.ndarray]:
    """Render into a file and return its channels; the file is gone afterwards.

    Raises:
        OutputError: Blender could not write.
    """
    scene.render.filepath = str(scratch)
    try:
        with quiet():
            bpy.ops.render.render(write_still=True)
        return read_exr(scratch)
    except InputError as error:
        raise OutputError(f"Blender wrote no whole picture to {scratch}; check free space and rights there") from error
    finally:
        scratch.unlink(missing_ok=True)
