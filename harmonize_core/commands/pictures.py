# SPDX-License-Identifier: Apache-2.0
"""Commands that write pictures: predict, make-real."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from harmonize_core.commands.terminal import bar, say
from harmonize_core.errors import ConfigError
from harmonize_core.formats.triplet import Domain
from harmonize_core.make_real import MakeRealOptions, SplitOptions
from harmonize_core.make_real.segment import Normalization


def predict(
    images: Positional[tuple[Path, ...]],
    /,
    out: Path,
    model: Path,
    mask: Path | None = None,
    invert_mask: bool = False,
    crypto_object: tuple[str, ...] = (),
    layer: str | None = None,
    mask_layer: str | None = None,
    strength: float = 1.0,
    smooth: float = 0.0,
    overwrite: bool = False,
    domain: Domain | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    quiet: bool = False,
) -> int:
    """Harmonize composites of any size and format; pixels outside the mask stay as they are, bit for bit.

    JPEG alone cannot keep them so: it is encoded anew, with the tables of the file that was read.

    Example: harmonize predict shot.png --mask shot_mask.png --model charmnet.onnx --out shot_harmonized.png

    Example: harmonize predict beauty.exr --crypto-object Rhino Rider --model charmnet.onnx --out harmonized

    Args:
        images: Composites (PNG, JPEG, WebP, TIFF, BMP, EXR), folders of them, or patterns such as "shot_*.png".
        out: File to write, or the folder for files named like their images; format and depth are the image's.
        model: A run's folder, a .safetensors or an .onnx file.
        mask: Its mask (white = foreground), or a folder or pattern with <image>.png or <image>_mask.png for each.
            Default: the image's own alpha or, with --crypto-object, its own cryptomatte.
        invert_mask: The mask marks the background.
        crypto_object: Names of objects, materials or assets in the cryptomatte of the EXR that is the mask.
        layer: Layer of EXR images to harmonize. Default: R, G and B without a layer, or the one named Combined.
        mask_layer: Layer of EXR masks. Default: A, Y, R or the only channel.
        strength: 0 leaves the image as it is, 1 applies the network's opinion.
        smooth: Images as consecutive frames: smooth the colour change over this many frames (standard deviation).
        overwrite: Of several images, do those again whose result is there already.
        domain: What the foregrounds are: branch of a .safetensors checkpoint to use. Default: photographic.
        device: Where a .safetensors checkpoint runs.
        quiet: Print nothing but errors.
    """
    from harmonize_core.infer.files import MaskChoice, Reading, predict_files
    from harmonize_core.infer.pairs import plan_files
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.train.state import weights_of

    if not 0 <= strength <= 1:
        raise ConfigError(f"--strength should be from 0 to 1 but is {strength:g}")
    if not smooth >= 0:
        raise ConfigError(f"--smooth should be 0 or more frames but is {smooth:g}")
    if crypto_object and mask_layer:
        raise ConfigError("--crypto-object and --mask-layer are two ways to choose the mask; leave one of them out")
    if not images:
        raise ConfigError("give at least one image, folder or pattern")
    plan = plan_files(images, mask, out, overwrite=overwrite or smooth > 0)
    reading = Reading(layer, MaskChoice(mask_layer, crypto_object, invert_mask))
    if plan.unused and not quiet:
        print(f"note: {len(plan.unused)} masks have no image, such as {plan.unused[0]}", file=sys.stderr)
    if plan.finished and not quiet:
        say(f"{plan.finished} images are there already in {out}; --overwrite does them again")
    if not plan.jobs:
        return 0
    predictor = Predictor.load(weights_of(model), device, domain)
    shown = bar("harmonizing", "image", quiet or len(plan.jobs) == 1)
    done = predict_files(
        predictor,
        plan.jobs,
        reading,
        strength=strength,
        sigma_frames=smooth,
        single=plan.single,
        progress=shown,
    )
    for failure in done.failed:
        print(f"error: {failure}", file=sys.stderr)
    if done.empty and not quiet:
        print(f"note: {done.empty} images have an empty mask and were written as they are", file=sys.stderr)
    if not quiet:
        say(f"wrote {plan.jobs[0].out if len(plan.jobs) == 1 else f'{done.written} images to {out}'}")
    return 1 if done.failed else 0


def make_real(
    photos_dir: Positional[Path],
    masks_dir: Positional[Path],
    out: Positional[Path],
    /,
    per_photo: int = 8,
    max_side: int = 640,
    quality: int = 95,
    generators: tuple[str, ...] = MakeRealOptions.generators,
    segment: Path | None = None,
    segment_colors: Normalization = "auto",
    also: tuple[Path, ...] = (),
    novel: tuple[str, ...] = (),
    held_out: float | None = None,
    held_out_novel: float | None = None,
    per_series: int = 0,
    seed: int = 0,
    quiet: bool = False,
) -> int:
    """Make photographic triplets from photographs with masks: foregrounds are recoloured, the photograph is the truth.

    Example: harmonize make-real photos masks photos4 --per-photo 8 --generators mkl camera+relight --seed 7

    Example: harmonize make-real photos masks photos4 --segment isnet-general-use.onnx

    Example: harmonize make-real photos photos photos4 --also more_photos --novel person --held-out 0.2

    Args:
        photos_dir: Folder of photographs; a manifest.csv (file, mask, category, split, series) is used when there.
        masks_dir: Folder of masks named <photo>_mask.png or <photo>.png; may be the same folder.
        out: Folder to write, in iHarmony4 layout; a killed run is continued by the same command.
        per_photo: Composites from each photograph.
        max_side: Longer side in pixels that larger photographs are shrunk to.
        quality: JPEG quality, 1 to 100.
        generators: How foregrounds are changed, one of these at random for each composite: reinhard, mkl, histogram
            (colours of another foreground; transfer: one of the three), camera (exposure, white balance, curves,
            tints), relight (light from one side). Names joined by + are applied one after the other.
        segment: An ONNX network (IS-Net, U2-Net) of yours that makes the masks that are missing in MASKS_DIR.
        segment_colors: What that network expects: imagenet (U2-Net) or half (IS-Net); auto knows these two.
        also: More folders of photographs for the same set, each with its masks (and its manifest.csv) in it.
        novel: Categories, or COLUMN=VALUE of the manifests (has_person=1), that are listed apart from all others:
            IHD_novel_train.txt, IHD_base_train.txt and the same for test, as benchmark cross-domain reads them.
        held_out: Share of the photographs to test on, drawn by the seed; photographs of one series stay together.
            Default: what the manifests' column split says.
        held_out_novel: The same for the novel category.
        per_series: At most so many photographs of one series, spread over it; 0: all.
        seed: The same seed, photographs and options give the same bytes.
        quiet: Print nothing but errors.
    """
    from harmonize_core.make_real import check_options
    from harmonize_core.make_real import make_real as run_make_real
    from harmonize_core.make_real.segment import segment_missing

    split = SplitOptions(tuple(novel), held_out, held_out_novel, per_series)
    options = MakeRealOptions(per_photo, max_side, quality, tuple(generators), seed, split)
    check_options(options)
    notes = []
    if segment is not None:
        found = segment_missing(photos_dir, masks_dir, segment, segment_colors, progress=bar("masking", "photo", quiet))
        notes = [*found.skipped]
        if not quiet:
            say(f"{len(found.written)} masks made, in {masks_dir}: look at them, a poor mask teaches a halo")
    progress = bar("making", "photo", quiet)
    result = run_make_real(photos_dir, masks_dir, out, options, also=also, progress=progress)
    if not quiet:
        for line in (*notes, *result.skipped):
            print(f"note: {line}", file=sys.stderr)
        say(f"{result.composites} composites ({result.held_out} for testing) of {result.photos} photographs: {out}")
    return 0
