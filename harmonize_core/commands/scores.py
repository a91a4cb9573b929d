# SPDX-License-Identifier: Apache-2.0
"""Commands that end in a table of numbers: evaluate, score, benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tyro
from tyro.conf import Positional

from harmonize_core.benchmark.tables import TableName
from harmonize_core.commands.quality import shipped
from harmonize_core.commands.study import cross_domain
from harmonize_core.commands.terminal import BAD_ARGUMENTS, bar, help_of, say, silent
from harmonize_core.errors import UnknownName
from harmonize_core.formats.triplet import Domain
from harmonize_core.metrics.protocol import ProtocolName, protocol_named


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
        split: Split to score, or a list file below the root or absolute. Default: test where there is one, else all.
        protocol: Which definitions of the numbers; the table says what each means.
        size: Side in pixels instead of the protocol's; 0: pictures as they are.
        at: Size at which a network of fixed size runs: its own, then its colour transform is applied to the picture.
        domain: Branch of a checkpoint to score. Default: the one of the data, rendered for the RdHarmony layout.
        out: Folder for per_image.csv, summary.json and table.txt. Default: eval/... beside the weights, named after
            the choices; a report of other numbers is never replaced.
        limit: Score at most that many triplets, spread evenly; 0: all.
        skip_corrupt: Leave out triplets that cannot be read and name them; otherwise the first one is an error.
        device: Where a .safetensors checkpoint runs.
        quiet: No progress bar and no paths, only the table.
    """
    from harmonize_core.data.sources import domain_of, scored_split
    from harmonize_core.evaluate.place import conditions, folder_beside, refuse_occupied
    from harmonize_core.evaluate.run import evaluate as run_evaluation
    from harmonize_core.infer.predictor import Predictor
    from harmonize_core.train.state import weights_of

    weights = weights_of(checkpoint)
    if domain is None and weights.suffix != ".onnx":
        domain = domain_of(data, split)
    predictor = Predictor.load(weights, device, domain)
    split, rules = split or scored_split(data), protocol_named(protocol, size)
    facts = {"protocol": rules.describe(), "at": at, "domain": domain, "limit": limit}
    wanted = conditions(weights, data, split, **facts, skip_corrupt=skip_corrupt, device=device)
    if out:
        refuse_occupied(out, wanted)
    elif weights.is_file():
        named = protocol if size is None else f"{protocol}-{size}px"
        out = folder_beside(weights, named, data, wanted)
    evaluation = run_evaluation(
        predictor,
        data,
        rules,
        split=split,
        label=predictor.label,
        at=at,
        limit=limit,
        skip_corrupt=skip_corrupt,
        progress=bar("evaluating", "image", quiet),
    )
    return _report(evaluation, out, wanted, quiet)


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
        split: Split to score, or a list file below the root or absolute. Default: test where there is one, else all.
        protocol: Which definitions of the numbers; the table says what each means.
        size: Side in pixels instead of the protocol's; 0: pictures as they are.
        out: Folder for per_image.csv, summary.json and table.txt.
        skip_corrupt: Leave out triplets that cannot be read and name them; otherwise the first one is an error.
        quiet: No progress bar and no paths, only the table.
    """
    from harmonize_core.data.sources import scored_split
    from harmonize_core.evaluate.place import conditions, refuse_occupied
    from harmonize_core.evaluate.predictions import score_predictions

    split, rules = split or scored_split(data), protocol_named(protocol, size)
    wanted = conditions(predictions, data, split, protocol=rules.describe(), skip_corrupt=skip_corrupt)
    if out:
        refuse_occupied(out, wanted)
    evaluation = score_predictions(
        predictions,
        data,
        rules,
        split=split,
        skip_corrupt=skip_corrupt,
        progress=bar("scoring", "image", quiet),
    )
    return _report(evaluation, out, wanted, quiet)


def benchmark(arguments: Sequence[str]) -> int:
    """Compare networks with one another: the published tables made again, or all networks for the same compute.

    Example: harmonize benchmark networks --data sets --minutes 2 --out networks
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: harmonize benchmark WHAT [options]\n\n{help_of(benchmark)}\n\nwhat:")
        for name, command in BENCHMARKS.items():
            print(f"  {name:<12} {help_of(command).splitlines()[0]}")
        print("\nharmonize benchmark WHAT --help shows its options and an example")
        return 0 if arguments else BAD_ARGUMENTS
    name, *rest = arguments
    if name not in BENCHMARKS:
        raise UnknownName.of("benchmark", name, BENCHMARKS)
    command = BENCHMARKS[name]
    return tyro.cli(command, prog=f"harmonize benchmark {name}", description=help_of(command), args=rest)


def seeds_table(
    data: Path,
    out: Path = Path("benchmark"),
    tables: tuple[TableName, ...] = ("hr", "fmm", "cross", "charmnet"),
    models: tuple[str, ...] = (),
    novel: tuple[str, ...] = (),
    budget: Literal["tiny", "small", "published"] = "small",
    checkpoints: Path | None = None,
    at: Literal["network", "protocol"] | None = None,
    seed: int = 0,
    device: Literal["cpu", "cuda"] = "cpu",
    quiet: bool = False,
) -> int:
    """Make the four published tables that this project started from again, each number with its run, data and protocol.

    DATA holds photographic/ (iHarmony4 layout with train and test lists), rendered/ (made by `rdharmony make`) and,
    for the high-resolution tables, photographic_hr/ or rendered_hr/ with test pictures of at least the table's size.
    Stopped, the same command goes on.

    Example: harmonize benchmark seeds-table --data sets --novel dog cow --budget small --out benchmark

    Args:
        data: Root of the data.
        out: Folder for runs, results and the page tables.md.
        tables: hr (1024 and 2048 px, or one of them), fmm (with its ablation), cross (category and domain), charmnet.
        models: Only rows of these networks and methods.
        novel: Words in file names that make a photograph one of the novel category, and list files of its composites.
        budget: tiny proves that all rows run, small takes hours on a CPU, published is the papers' training.
        checkpoints: Folder with weights to score instead of training: <model>-<plan>.safetensors, the plans are all,
            base, novel, base-part, rendered-part, fusion, two-stage, oracle; <model>.safetensors is for plan all.
        at: Size at which networks of a fixed size run: their own, their colour transform applied at the table's; or
            the table's, where they can. Default: the table's for those whose layers fit any size, except in tiny.
        seed: Root of all randomness.
        device: Where networks train and run.
        quiet: Print nothing but the tables.
    """
    from harmonize_core.benchmark.report import markdown
    from harmonize_core.benchmark.run import Options, seeds_tables
    from harmonize_core.formats.images import write_text

    options = Options(data, out, tables, models, novel, budget, checkpoints, seed, device, at)
    page = markdown(seeds_tables(options, silent if quiet else say), options)
    write_text(out / "tables.md", page)
    print(page)
    return 0


def networks(
    data: Path,
    minutes: float,
    out: Path = Path("networks"),
    models: tuple[str, ...] = (),
    protocol: ProtocolName = "idih",
    limit: int = 60,
    seed: int = 0,
    threads: int = 1,
    device: Literal["cpu", "cuda"] = "cpu",
    quiet: bool = False,
) -> int:
    """Train all networks for the same computing time on the same triplets and score them on the same photographs.

    DATA holds photographic/ (iHarmony4 layout with train and test lists) and, for networks that learn from both
    domains, rendered/ (made by `rdharmony make`). Stopped, the same command goes on.

    Example: harmonize benchmark networks --data sets --minutes 2 --models composite idih_256 issam_256 --out networks

    Args:
        data: Root of the data.
        minutes: Processor time of each network's training (wall-clock time on CUDA).
        out: Folder for runs, results and the page networks.md; it belongs to one budget, data, protocol and seed.
        models: Networks and methods to compare, in the order of the rows. Default: all, small ones first.
        protocol: Which definitions of the numbers; the page says what they mean.
        limit: Score at most that many held-out composites, spread evenly; 0: all.
        seed: Root of all randomness.
        threads: CPU threads; the processor time of all of them counts.
        device: Where networks train and run.
        quiet: Print nothing but the page.
    """
    from harmonize_core.benchmark.networks import Options, compare_networks
    from harmonize_core.benchmark.networks_page import markdown
    from harmonize_core.formats.images import write_text

    options = Options(data, out, minutes, models, protocol, limit, seed, threads, device)
    page = markdown(compare_networks(options, silent if quiet else say), options)
    write_text(out / "networks.md", page)
    print(page)
    return 0


BENCHMARKS: dict[str, Callable[..., int]] = {
    "seeds-table": seeds_table,
    "networks": networks,
    "cross-domain": cross_domain,
    "shipped": shipped,
}


def _report(evaluation: Any, out: Path | None, conditions: Mapping[str, Any], quiet: bool) -> int:
    from harmonize_core.evaluate.report import table, write_report

    files = write_report(evaluation, out, conditions) if out else []
    print(table(evaluation))
    if files and not quiet:
        say(f"per-image numbers: {files[0]}")
    return 0
