# SPDX-License-Identifier: Apache-2.0
"""Commands that write pictures: predict, make-real."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from harmonize_core.commands.terminal import bar, say
from harmonize_core.errors import ConfigError
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.controls import Controlled, Controls
from harmonize_core.infer.sequence_plan import Temporal
from harmonize_core.make_real import MakeRealOptions, SplitOptions
from harmonize_core.make_real.segment import Normalization
from harmonize_core.runtime.engines import Device, Runtime

if TYPE_CHECKING:
    from harmonize_core.formats.picture import Picture
    from harmonize_core.infer.files import Recalled
    from harmonize_core.infer.predictor import Floats

Asked = Annotated[Controls, tyro.conf.arg(name=""), tyro.conf.OmitArgPrefixes]


def predict(
    images: Positional[tuple[Path, ...]],
    /,
    out: Path,
    model: Path | None = None,
    mask: Path | None = None,
    invert_mask: bool = False,
    crypto_object: tuple[str, ...] = (),
    layer: str | None = None,
    mask_layer: str | None = None,
    controls: Asked = Controls(),  # noqa: B008
    apply_look: Path | None = None,
    save_look: Path | None = None,
    temporal: Temporal | None = None,
    smoothing: str | None = None,
    shots: str | None = None,
    fps: float | None = None,
    curves: Path | None = None,
    overwrite: bool = False,
    domain: Domain | None = None,
    device: Device = "cpu",
    runtime: Runtime = "auto",
    quiet: bool = False,
) -> int:
    """Harmonize composites of any size and format; pixels outside the mask stay as they are, bit for bit.

    JPEG and coded video alone cannot keep them so: they are encoded anew. Numbered frames and videos are harmonized as
    a sequence, without flicker.

    Example: harmonize predict shot.png --mask shot_mask.png --model charmnet.onnx --out shot_harmonized.png

    Example: harmonize predict beauty.exr --crypto-object Rhino Rider --model charmnet.onnx --out harmonized

    Example: harmonize predict shot.%04d.exr --mask roto.%04d.png --model charmnet.onnx --out harmonized

    Example: harmonize predict shot.mov --mask roto.mov --model charmnet.onnx --out shot_harmonized.mov

    Args:
        images: Composites (PNG, JPEG, WebP, TIFF, BMP, EXR), folders of them, or patterns such as "shot_*.png"; or the
            frames of a sequence as shot.%04d.png or shot_####.exr, or a video.
        out: File to write, or the folder for files named like their images; format and depth are the image's. Of a
            sequence also a pattern such as out/shot.%04d.png, or a video (.mp4, .mov, .mkv).
        model: A run's folder, a .safetensors or .onnx file, or the name of a network. Default: charmnet_hr,
            whose weights come with the package.
        mask: Its mask (white = foreground), or a folder or pattern with <image>.png or <image>_mask.png for each. Of a
            sequence also a video, or one picture for all frames.
            Default: the image's own alpha or, with --crypto-object, its own cryptomatte.
        invert_mask: The mask marks the background.
        crypto_object: Names of objects, materials or assets in the cryptomatte of the EXR that is the mask.
        layer: Layer of EXR images to harmonize. Default: R, G and B without a layer, or the one named Combined.
        mask_layer: Layer of EXR masks. Default: A, Y, R or the only channel.
        controls: What is asked of the harmonization.
        apply_look: Look that was saved before (.json, .cdl, .cube) to apply instead of asking a network.
        save_look: File for the look that was applied: .json has all of it, .cdl and .cube its grade for other programs.
        temporal: Take images as consecutive frames: off does each by itself, smooth calms flicker and keeps steps of
            the light, lock has one look for each shot. Default: smooth for numbered patterns and videos; folders and
            other patterns are single images.
        smoothing: How far smooth reaches (standard deviation), in seconds (0.25s) or frames (6). Default: 0.25s.
        shots: Numbers of the first frames of all shots (1,49,120), or a file of them. Default: cuts are detected.
        fps: Frames a second. Default: the video's own, else 24.
        curves: SVG file for the picture of what was estimated and applied, frame by frame. Default: beside the output.
        overwrite: Of several images, do those again whose result is there already.
        domain: What the foregrounds are: branch of the network to use. Default: photographic.
        device: Where the network runs: cpu, cuda, or auto for what there is; .onnx files also with coreml and directml.
        runtime: What runs an .onnx file. Default: ONNX Runtime, or NumPy where that cannot be loaded.
        quiet: Print nothing but errors.
    """
    from harmonize_core.commands.sequences import SequenceOptions, predict_sequence
    from harmonize_core.infer.files import MaskChoice, Reading, Recalled, predict_files
    from harmonize_core.infer.look_files import load_looks
    from harmonize_core.infer.pairs import is_numbered, plan_files
    from harmonize_core.infer.video import is_video

    if crypto_object and mask_layer:
        raise ConfigError("--crypto-object and --mask-layer are two ways to choose the mask; leave one of them out")
    if not images:
        raise ConfigError("give at least one image, folder or pattern")
    if model is not None and apply_look is not None:
        raise ConfigError("give either --model, the network to ask, or --apply-look, a look that was saved before")
    model = Path("charmnet_hr") if model is None and apply_look is None else model
    saved = None if apply_look is None else load_looks(apply_look)
    if saved is not None and temporal in ("smooth", "lock"):
        raise ConfigError(f"--apply-look applies looks as they were saved; leave --temporal {temporal} out")

    def load() -> tuple[Controlled | Recalled, str]:
        if model is None or saved is not None:
            assert saved is not None
            return Recalled(saved, controls), "a look"
        return _opened(model, controls, domain, device, runtime, save_look, quiet)

    reading = Reading(layer, MaskChoice(mask_layer, crypto_object, invert_mask))
    frames = any(is_numbered(path) or is_video(path) for path in (*images, out)) or bool(saved and saved.frames)
    if temporal is not None or frames:
        options = SequenceOptions(temporal or "smooth", smoothing, shots, fps, curves, save_look, overwrite)
        return predict_sequence(images, mask, out, reading, load, options, quiet)
    of_time = {"--smoothing": smoothing, "--shots": shots, "--fps": fps, "--curves": curves}
    misplaced = next((name for name, value in of_time.items() if value is not None), None)
    if misplaced:
        raise ConfigError(f"{misplaced} is for sequences; name frames as shot.%04d.png, or say --temporal smooth")
    plan = plan_files(images, mask, out, overwrite=overwrite)
    if save_look is not None and not plan.single:
        raise ConfigError("--save-look is for one image or for a sequence; name one image, or say --temporal smooth")
    if plan.unused and not quiet:
        print(f"note: {len(plan.unused)} masks have no image, such as {plan.unused[0]}", file=sys.stderr)
    if plan.finished and not quiet:
        say(f"{plan.finished} images are there already in {out}; --overwrite does them again")
    if not plan.jobs:
        return 0
    harmonizer, _ = load()
    shown = bar("harmonizing", "image", quiet or len(plan.jobs) == 1)
    done = predict_files(harmonizer, plan.jobs, reading, single=plan.single, progress=shown)
    if save_look is not None:
        _save_look(save_look, harmonizer, *reading(plan.jobs[0]))
    for failure in done.failed:
        print(f"error: {failure}", file=sys.stderr)
    if done.empty and not quiet:
        print(f"note: {done.empty} images have an empty mask and were written as they are", file=sys.stderr)
    if not quiet:
        say(f"wrote {plan.jobs[0].out if len(plan.jobs) == 1 else f'{done.written} images to {out}'}")
    return 1 if done.failed else 0


def _opened(
    model: Path,
    controls: Controls,
    domain: Domain | None,
    device: Device,
    runtime: Runtime,
    save_look: Path | None,
    quiet: bool,
) -> tuple[Controlled, str]:
    """A network under controls, and what tells it from all others."""
    from harmonize_core.infer.look_files import check_savable
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.infer.sequence_frames import file_digest
    from harmonize_core.runtime.look_session import LookHarmonizer
    from harmonize_core.train.state import weights_of

    weights = weights_of(model)
    predictor = Predictor.load(weights, device, controls.domain(domain), runtime)
    if predictor.info.engine.startswith("NumPy") and not quiet:
        print(f"note: the network runs in {predictor.info.engine}", file=sys.stderr)
    if save_look is not None:
        check_savable(save_look, isinstance(predictor.harmonizer, LookHarmonizer), model=predictor.label)
    network = file_digest(weights) if weights.is_file() else f"{weights} {sorted(predictor.info.metadata.items())}"
    named = f"{network} {predictor.label} {device} {predictor.info.engine}"
    return Controlled(predictor, controls, as_look=save_look is not None), named


def _save_look(path: Path, harmonizer: Controlled | Recalled, picture: Picture, mask: Floats) -> None:
    """Write what was applied to a picture."""
    from harmonize_core.infer.controls import baked
    from harmonize_core.infer.look_files import save_look

    of_network = isinstance(harmonizer, Controlled)
    look = harmonizer.estimate(picture.srgb, mask) if of_network else harmonizer.saved.at()
    name = harmonizer.predictor.label if of_network else harmonizer.saved.model
    save_look(path, baked(look, mask, harmonizer.controls), name)


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
