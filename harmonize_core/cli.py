# SPDX-License-Identifier: Apache-2.0
"""`harmonize`: parsing and printing only; every command calls one function of the package.

Results go to stdout, progress and errors to stderr. Exit code 0 on success, 1 when something could not be done, 2 for
arguments that make no sense, 128 + n when signal n stopped it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro
from tyro.conf import Positional

from harmonize_core.errors import ConfigError, HarmonizeError, UnknownName
from harmonize_core.formats.triplet import Domain
from harmonize_core.metrics.protocol import ProtocolName, protocol_named
from harmonize_core.train.config import TrainConfig
from harmonize_core.train.presets import PRESETS, preset

T = TypeVar("T")

BAD_ARGUMENTS = 2


@dataclass(frozen=True)
class TrainArguments:
    """What `harmonize train PRESET` takes: the preset's fields and how to run it."""

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    resume: bool = False
    """Continue the run in --run where it stopped; starts it when there is none."""
    quiet: bool = False
    """Print nothing but errors."""


def train(arguments: Sequence[str]) -> int:
    """Train a network on rendered and photographic triplets.

    Example: harmonize train charmnet-demo --rendered out --photographic photos4 --run runs/first --minutes 4
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: harmonize train PRESET [options]\n\n{_text(train)}\n\npresets:")
        for name, (line, _) in PRESETS.items():
            print(f"  {name:<15} {line}")
        print("\nharmonize train PRESET --help lists the options with the preset's values")
        return 0 if arguments else BAD_ARGUMENTS
    name, *rest = arguments
    config = preset(name)
    parsed = tyro.cli(
        TrainArguments,
        prog=f"harmonize train {name}",
        description=f"{PRESETS[name][0]}\n\n{_text(train)}",
        default=TrainArguments(config),
        args=rest,
    )
    from harmonize_core.train.loop import train as run_training

    say = _silent if parsed.quiet else _say
    result = run_training(parsed.config, resume=parsed.resume, quiet=parsed.quiet, say=say)
    say(f"{result.step} steps in {result.seconds:.0f} s, {result.images_per_s:.1f} images/s: {result.run}")
    if not result.finished:
        say("stopped by a signal after saving; add --resume to go on")
        return 128 + result.signal
    return 0


def evaluate(
    checkpoint: Positional[Path],
    data: Positional[Path],
    /,
    split: str | None = None,
    protocol: ProtocolName = "a256",
    size: int | None = None,
    at: Literal["network", "protocol"] = "network",
    domain: Domain | None = None,
    out: Path | None = None,
    limit: int = 0,
    skip_corrupt: bool = False,
    device: Literal["cpu", "cuda"] = "cpu",
    quiet: bool = False,
) -> int:
    """Score a network, or a method with nothing to learn, on a data set of any known layout.

    Example: harmonize evaluate runs/first out --split test --out evaluation

    Args:
        checkpoint: A run's folder, a .safetensors or an .onnx file, or a name such as composite or reinhard.
        data: Root of the data set; its layout is recognised.
        split: Split to score. Default: test where the data set has one, else everything.
        protocol: Which definitions of the numbers; the table says what each means.
        size: Side in pixels instead of the protocol's; 0: pictures as they are.
        at: Size at which a network of fixed size runs: its own, then its colour transform is applied to the picture.
        domain: Branch of a checkpoint to score. Default: the one of the data, rendered for the RdHarmony layout.
        out: Folder for per_image.csv, summary.json and table.txt. Default: eval/... beside the weights.
        limit: Score at most that many triplets, spread evenly; 0: all.
        skip_corrupt: Leave out triplets that cannot be read and name them; otherwise the first one is an error.
        device: Where a .safetensors checkpoint runs.
        quiet: No progress bar and no paths, only the table.
    """
    from harmonize_core.data.sources import domain_of, scored_split
    from harmonize_core.evaluate.run import evaluate as run_evaluation
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.train.state import weights_of

    weights = weights_of(checkpoint)
    if domain is None and weights.suffix != ".onnx":
        domain = domain_of(data, split)
    predictor = Predictor.load(weights, device, domain)
    split = split or scored_split(data)
    evaluation = run_evaluation(
        predictor,
        data,
        protocol_named(protocol, size),
        split=split,
        label=predictor.label,
        at=at,
        limit=limit,
        skip_corrupt=skip_corrupt,
        progress=_bar("evaluating", "image", quiet),
    )
    if out is None and weights.is_file():
        choices = None if size is None else f"{size}px", "direct" if at == "protocol" else None
        out = weights.parent / "eval" / _slug(protocol, *choices, data.resolve().name, split, domain)
    return _report(evaluation, out, quiet)


def score(
    predictions: Positional[Path],
    data: Positional[Path],
    /,
    split: str | None = None,
    protocol: ProtocolName = "a256",
    size: int | None = None,
    out: Path | None = None,
    skip_corrupt: bool = False,
    quiet: bool = False,
) -> int:
    """Score pictures that were harmonized elsewhere, as evaluate scores a network.

    Example: harmonize score results/charmnet iHarmony4 --protocol charmnet

    Args:
        predictions: Folder with a picture for each composite: of its stem, or its stem and _harmonized.
        data: Root of the data set; its layout is recognised.
        split: Split to score. Default: test where the data set has one, else everything.
        protocol: Which definitions of the numbers; the table says what each means.
        size: Side in pixels instead of the protocol's; 0: pictures as they are.
        out: Folder for per_image.csv, summary.json and table.txt.
        skip_corrupt: Leave out triplets that cannot be read and name them; otherwise the first one is an error.
        quiet: No progress bar and no paths, only the table.
    """
    from harmonize_core.data.sources import scored_split
    from harmonize_core.evaluate.predictions import score_predictions

    evaluation = score_predictions(
        predictions,
        data,
        protocol_named(protocol, size),
        split=split or scored_split(data),
        skip_corrupt=skip_corrupt,
        progress=_bar("scoring", "image", quiet),
    )
    return _report(evaluation, out, quiet)


def predict(
    image: Positional[Path],
    /,
    mask: Path,
    out: Path,
    model: Path,
    strength: float = 1.0,
    smooth: float = 0.0,
    domain: Domain | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    quiet: bool = False,
) -> int:
    """Harmonize one composite or a folder of them, at any size; pixels outside the mask stay as they are.

    Example: harmonize predict shot.png --mask shot_mask.png --model charmnet.onnx --out shot_harmonized.png

    Args:
        image: A composite image, or a folder of them; orientation tags are applied, alpha is dropped.
        mask: Its mask (white = foreground), or a folder with <image>.png or <image>_mask.png for each.
        out: File to write (8 bits a channel), or the folder for PNG files when IMAGE is a folder.
        model: A run's folder, a .safetensors or an .onnx file.
        strength: 0 leaves the image as it is, 1 applies the network's opinion.
        smooth: Folder as consecutive frames: smooth the colour change over this many frames (standard deviation).
        domain: What the foregrounds are: branch of a .safetensors checkpoint to use. Default: photographic.
        device: Where a .safetensors checkpoint runs.
        quiet: Print nothing but errors.
    """
    from harmonize_core.evaluate.files import pair_files, predict_files
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.train.state import weights_of

    if not 0 <= strength <= 1:
        raise ConfigError(f"--strength should be from 0 to 1 but is {strength:g}")
    if not smooth >= 0:
        raise ConfigError(f"--smooth should be 0 or more frames but is {smooth:g}")
    jobs = pair_files(image, mask, out)
    predictor = Predictor.load(weights_of(model), device, domain)
    written = predict_files(
        predictor, jobs, strength=strength, sigma_frames=smooth, progress=_bar("harmonizing", "image", quiet)
    )
    if not quiet:
        _say(f"wrote {written[0] if len(written) == 1 else f'{len(written)} images to {out}'}")
    return 0


def make_real(
    photos_dir: Positional[Path],
    masks_dir: Positional[Path],
    out: Positional[Path],
    /,
    per_photo: int = 8,
    max_side: int = 640,
    quality: int = 95,
    seed: int = 0,
    quiet: bool = False,
) -> int:
    """Make photographic triplets from photographs with masks: foregrounds are recoloured, the photograph is the truth.

    Example: harmonize make-real photos masks photos4 --per-photo 8 --seed 7

    Args:
        photos_dir: Folder of photographs; a manifest.csv (file, mask, category, split, series) is used when there.
        masks_dir: Folder of masks named <photo>_mask.png or <photo>.png; may be the same folder.
        out: Folder to write, in iHarmony4 layout; a killed run is continued by the same command.
        per_photo: Composites from each photograph.
        max_side: Longer side in pixels that larger photographs are shrunk to.
        quality: JPEG quality, 1 to 100.
        seed: The same seed, photographs and options give the same bytes.
        quiet: Print nothing but errors.
    """
    from harmonize_core.make_real import MakeRealOptions
    from harmonize_core.make_real import make_real as run_make_real

    options = MakeRealOptions(per_photo=per_photo, max_side=max_side, quality=quality, seed=seed)
    result = run_make_real(photos_dir, masks_dir, out, options, progress=_bar("making", "photo", quiet))
    if not quiet:
        for line in result.skipped:
            print(f"note: {line}", file=sys.stderr)
        _say(f"{result.composites} composites ({result.held_out} for testing) of {result.photos} photographs: {out}")
    return 0


def export(
    checkpoint: Positional[Path],
    out: Positional[Path],
    /,
    domain: Domain = "photographic",
    half: bool = False,
    quiet: bool = False,
) -> int:
    """Write a network as one ONNX file for the Blender extension and `harmonize predict`, checked against it.

    Example: harmonize export runs/first charmnet.onnx

    Args:
        checkpoint: A run's folder or a .safetensors file.
        out: The .onnx file to write.
        domain: What the foregrounds will be: photographic cut-outs, or rendered characters.
        half: Store weights as half floats: half the size, the arithmetic stays float32.
        quiet: Print nothing but errors.
    """
    from harmonize_core.checkpoint import load_model
    from harmonize_core.infer.export import export_onnx
    from harmonize_core.train.state import weights_of

    if out.suffix != ".onnx":
        raise ConfigError(f"the file to export to should end in .onnx but is {out}")
    loaded = load_model(weights_of(checkpoint))
    kept = ("step", "training_data", "git", "licence")
    metadata = {key: value for key, value in loaded.provenance.items() if key in kept}
    report = export_onnx(loaded.model, out, name=loaded.name, domain=domain, half=half, metadata=metadata)
    if not quiet:
        _say(f"wrote {out} ({report.bytes / 1e6:.1f} MB), equal to the original within {report.max_difference:.0e}")
    return 0


def models(quiet: bool = False) -> int:
    """List the networks: parameters in training and in use, input, abilities, licence, weights, source.

    Example: harmonize models

    Args:
        quiet: Only the names.
    """
    from harmonize_core.import_weights import importable
    from harmonize_core.models import parameter_count, registered

    official = importable()
    for name, entry in registered().items():
        if quiet:
            print(name)
            continue
        model = entry.config.build()
        total, used = parameter_count(model), parameter_count(model.inference())
        counts = f"{used / 1e6:.3f} M" + (f" ({total / 1e6:.3f} M to train)" if total != used else "")
        size = f"{entry.input_spec.size} px" + (", any size" if "any_size" in entry.features else "")
        if not total:
            weights = "needs no weights"
        elif name in official:
            weights = "no weights here, import-weights takes the official ones"
        else:
            weights = "no weights here, train it"
        print(f"{name}\n    {counts}; {size}; {weights}; code {entry.licence}\n    {entry.source}")
    return 0


def import_weights(file: Positional[Path], out: Positional[Path], /, model: str, quiet: bool = False) -> int:
    """Turn an official checkpoint of a published network into one that every command here takes.

    Nothing in the file is run: only tensors are read. The licence of the weights stays the original's.

    Example: harmonize import-weights issam256.pth issam_256.safetensors --model issam_256

    Args:
        file: The official .pth, .pt or .safetensors file.
        out: The .safetensors file to write.
        model: Which network it is; `harmonize models` lists those that have official weights.
        quiet: Print nothing but errors.
    """
    from harmonize_core.import_weights import import_weights as run_import

    count = run_import(file, out, model)
    if not quiet:
        _say(f"{out}: {model} with {count} official tensors")
    return 0


def benchmark(
    what: Positional[Literal["seeds-table"]],
    /,
    data: Path,
    out: Path = Path("benchmark"),
    tables: tuple[Literal["hr", "fmm", "cross", "charmnet"], ...] = ("hr", "fmm", "cross", "charmnet"),
    models: tuple[str, ...] = (),
    novel: tuple[str, ...] = (),
    budget: Literal["tiny", "small", "published"] = "small",
    checkpoints: Path | None = None,
    seed: int = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    quiet: bool = False,
) -> int:
    """Make the published comparison tables again on given data, each number with its run, data and protocol.

    DATA holds photographic/ (iHarmony4 layout with train and test lists), rendered/ (made by `rdharmony make`) and,
    for the high-resolution tables, photographic_hr/. Stopped, the same command goes on.

    Example: harmonize benchmark seeds-table --data sets --novel dog cow --budget small --out benchmark

    Args:
        what: seeds-table: the four tables of the papers this project started from.
        data: Root of the data.
        out: Folder for runs, results and the page tables.md.
        tables: hr (1024 and 2048 px), fmm (with its ablation), cross (category and domain), charmnet.
        models: Only rows of these networks.
        novel: Words in file names that make a photograph one of the novel category, or one list file.
        budget: tiny proves that all rows run, small takes hours on a CPU, published is the papers' training.
        checkpoints: Folder with <model>.safetensors to score instead of training.
        seed: Root of all randomness.
        device: Where networks train and run.
        quiet: Print nothing but the tables.
    """
    from harmonize_core.benchmark.report import markdown
    from harmonize_core.benchmark.run import Options, seeds_tables
    from harmonize_core.formats.images import write_text

    options = Options(data, out, tables, models, novel, budget, checkpoints, seed, device)
    page = markdown(seeds_tables(options, _silent if quiet else _say), options)
    write_text(out / "tables.md", page)
    print(page)
    return 0


def doctor(quiet: bool = False) -> int:
    """Say what is installed, what is missing and which command adds it.

    Example: harmonize doctor

    Args:
        quiet: Only what is missing.
    """
    from harmonize_core.doctor import inspect

    report = inspect()
    for line in report.missing if quiet else report.lines:
        print(line)
    return 0 if report.usable else 1


def _report(evaluation: Any, out: Path | None, quiet: bool) -> int:
    from harmonize_core.evaluate.report import table, write_report

    files = write_report(evaluation, out) if out else []
    print(table(evaluation))
    if files and not quiet:
        _say(f"per-image numbers: {files[0]}")
    return 0


def _slug(*parts: str | None) -> str:
    return "-".join(part for part in parts if part)


COMMANDS: dict[str, Callable[..., int]] = {
    "train": train,
    "evaluate": evaluate,
    "score": score,
    "predict": predict,
    "make-real": make_real,
    "export": export,
    "import-weights": import_weights,
    "benchmark": benchmark,
    "models": models,
    "doctor": doctor,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # torch's threads spin while they wait, which makes a step 5x slower beside another busy process (measured on two
    # cores); asleep they cost nothing. Read when torch is first imported, so it must be set before that.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return _dispatch(arguments)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_ARGUMENTS if isinstance(error, ConfigError | UnknownName) else 1
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}; check the path and its rights", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: harmonize COMMAND [options]\n\nHarmonize composites: train, score and use networks.\n\ncommands:")
        for name, command in COMMANDS.items():
            print(f"  {name:<10} {_text(command).splitlines()[0]}")
        print("\nharmonize COMMAND --help shows its options and an example")
        return 0 if arguments else BAD_ARGUMENTS
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("rdharmony"))
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        raise UnknownName.of("command", name, COMMANDS)
    if name == "train":
        return train(rest)
    return tyro.cli(COMMANDS[name], prog=f"harmonize {name}", description=_text(COMMANDS[name]), args=rest)


def _text(command: Callable[..., Any]) -> str:
    """A command's docstring without its Args section."""
    import inspect

    return (inspect.getdoc(command) or "").split("\n\nArgs:")[0]


def _say(line: str) -> None:
    print(line, flush=True)


def _silent(_line: str) -> None: ...


def _bar(what: str, unit: str, quiet: bool) -> Callable[[Sequence[T]], Iterable[T]]:
    """A progress bar around a sequence."""

    def wrap(items: Sequence[T]) -> Iterable[T]:
        from tqdm import tqdm

        return tqdm(items, desc=what, unit=unit, disable=quiet, mininterval=0.5)

    return wrap


if __name__ == "__main__":
    sys.exit(main())
