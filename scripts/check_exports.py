# SPDX-License-Identifier: Apache-2.0
"""Export every network that claims it and compare it with PyTorch: the table of docs/exports.md.

    python scripts/check_exports.py --page docs/exports.md

Each network is exported by a process of its own, as `harmonize export` does it, with random weights of the size that
training gives and no gate at zero, so that every part of the graph counts. Named networks alone: give their names; rows
of the others stay as they are on the page. Exit code 1 if a claim of the registry is not kept.
"""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, get_args

import onnx
import onnxruntime
import torch
import tyro
from torch import nn

from harmonize_core.errors import HarmonizeError
from harmonize_core.formats.images import write_text
from harmonize_core.formats.triplet import Domain
from harmonize_core.infer.export import check_pictures, export_onnx, share_inside
from harmonize_core.models import HarmonizationModel, lookup, registered

GAINS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.12, 0.06)
"""Factors of the matrices that are tried, until the network's pictures are neither black and white nor chance."""

SHARE_INSIDE = 0.25
"""Share of the foreground's values that must not be clamped."""

MOST_ROUNDING = 1e-5
"""What float32 may change in them, against float64: deep networks under large weights amplify it to anything."""

SMALL = 64
"""Side in pixels of the pictures they are tried on, or the next multiple of the network's divisor."""

COLUMNS = "| network | side | opset | CPU s | MB | largest difference | accepted |\n|---|---|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Question:
    """Options of the script."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Registered names. Default: all."""
    page: Path | None = None
    """Markdown page to write; rows of networks that are not asked for are kept."""
    here: bool = False
    """Export one network in this process and print its rows as JSON."""


@dataclass(frozen=True)
class Row:
    """One exported network, or one branch of it."""

    name: str
    domain: Domain | None
    """Its branch, for networks with parts of their own per domain."""
    side: int
    """Of the square pictures, pixels."""
    opset: int
    cpu_s: float
    """For tracing, writing and comparing, without the start of Python."""
    bytes: int
    max_difference: float
    """Largest absolute difference of a pixel between PyTorch and ONNX Runtime, sRGB in [0, 1]."""
    limit: float
    """What is accepted of this network."""

    def __str__(self) -> str:
        name = f"`{self.name}`" + (f", {self.domain}" if self.domain else "")
        numbers = f"{self.cpu_s:.0f} | {self.bytes / 1e6:.1f} | {self.max_difference:.1e} | {self.limit:.1e}"
        return f"| {name} | {self.side} | {self.opset} | {numbers} |"


def export_filled(name: str, folder: Path, size: int | None = None) -> list[Row]:
    """Export a network, each branch of it, at its own size or another, with the weights of `fill`.

    Raises:
        HarmonizeError: see `export_onnx`.
    """
    entry = lookup(name)
    model = fill(entry.config.build())
    rows = []
    for domain in get_args(Domain) if "domains" in entry.features else (None,):
        path = folder / f"{name}-{domain}.onnx"
        start = time.process_time()
        report = export_onnx(model, path, name=name, domain=domain or "photographic", size=size)
        seconds = time.process_time() - start
        graph = onnx.load(path)
        side = graph.graph.input[0].type.tensor_type.shape.dim[2].dim_value
        opset = next(entry.version for entry in graph.opset_import if entry.domain == "")
        rows.append(Row(name, domain, side, opset, seconds, report.bytes, report.max_difference, report.limit))
        path.unlink()
    return rows


def fill(model: HarmonizationModel) -> HarmonizationModel:
    """Give a network random weights under which every part of it changes the picture; it comes back in eval mode.

    Matrices are normal with variance 2 / fan-in (He et al., "Delving Deep into Rectifiers", ICCV 2015), times the first
    of `GAINS` that leaves a share of `SHARE_INSIDE` of the foreground of small pictures unclamped and makes float32
    lose no more than `MOST_ROUNDING` there; norms scale by about 1 with random statistics; parameters that start at
    zero (gates, offsets) are normal with deviation 0.1.
    """
    side = model.divisor * -(-SMALL // model.divisor)
    for gain in GAINS:
        _fill(model, gain)
        if _is_tame(model.inference().eval(), side):
            break
    return model.eval()


@torch.no_grad()
def _is_tame(network: nn.Module, side: int) -> bool:
    pairs = check_pictures(side)
    pictures = [network(*pair) for pair in pairs]
    if min(share_inside(picture, mask) for picture, (_, mask) in zip(pictures, pairs, strict=True)) < SHARE_INSIDE:
        return False
    precise = copy.deepcopy(network).double()
    exact = [precise(composite.double(), mask.double()) for composite, mask in pairs]
    return all((p - e).abs().max() <= MOST_ROUNDING for p, e in zip(pictures, exact, strict=True))


@torch.no_grad()
def _fill(model: HarmonizationModel, gain: float) -> None:
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.normal_(0.0, gain * math.sqrt(2 / module.weight[0].numel()), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    model.reset_special()
    for parameter in model.parameters():
        if not parameter.any():
            parameter.normal_(0.0, 0.1, generator=generator)


def _in_a_process(name: str) -> list[Row] | str:
    """The rows of a network, or what went wrong."""
    command = [sys.executable, __file__, name, "--here"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return [Row(**row) for row in json.loads(done.stdout)]
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with exit code {done.returncode}"


def _export_here(name: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(json.dumps([asdict(row) for row in export_filled(name, Path(folder))]))
        except HarmonizeError as error:
            print(str(error).replace(f"{folder}/", ""), file=sys.stderr)
            return 1
    return 0


def main(question: Question) -> int:
    """Print a row for each network as it is done, write the page; 1 if a claim is not kept, else 0."""
    if question.here:
        return _export_here(question.names[0])
    lines: dict[str, str] = {}
    broken = 0
    print(COLUMNS, end="", flush=True)
    for name in question.names or registered():
        entry = lookup(name)
        if "onnx" in entry.features:
            found = _in_a_process(name)
            broken += isinstance(found, str)
            lines[name] = found if isinstance(found, str) else "\n".join(str(row) for row in found)
        else:
            lines[name] = f"not exported: {entry.not_exported or 'its entry does not claim it'}"
        if not lines[name].startswith("|"):
            lines[name] = _remark(name, lines[name])
        print(lines[name], flush=True)
        if question.page:
            write_text(question.page, _page(question.page, lines))
    return 1 if broken else 0


def _remark(name: str, text: str) -> str:
    return f"| `{name}` | | | | | {text} | |"


def _page(page: Path, lines: dict[str, str]) -> str:
    """The page with these lines by name in place of what it says about them."""
    kept: dict[str, list[str]] = {}
    for line in page.read_text(encoding="utf-8").splitlines() if page.exists() else ():
        if line.startswith("| `"):
            kept.setdefault(line.split("`")[1], []).append(line)
    rows = {name: "\n".join(old) for name, old in kept.items()} | lines
    versions = f"torch {torch.__version__}, onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}"
    table = "".join(f"{rows.get(name) or _remark(name, 'not run yet')}\n" for name in registered())
    return TEXT.format(versions=versions) + COLUMNS + table + MORE


TEXT = """# Exported networks

Every network that says it can be exported (`harmonize models`), exported and compared with PyTorch. Made with
{versions} on a CPU by

```bash
python scripts/check_exports.py --page docs/exports.md
```

Weights are random, of the size that training gives, and no gate is closed (`fill` in the script). *Largest difference*:
of a pixel between PyTorch and ONNX Runtime, both float32, sRGB in [0, 1], over noise under a soft mask and a smooth
picture under a hard one; an empty mask gives the composite back bit for bit. *Accepted*: 1e-04 for every network, 1/39
of a step of 8 bits. Where the difference is larger, the yardstick is what float32 rounding does in PyTorch itself,
against float64: ONNX Runtime may be 32 times as far from the float64 picture (it sums large maps less exactly; one
instance norm of 256x256 values is off 5 to 10 times as far), and never further than half a step of 8 bits, 2e-03.
`harmonize export` makes the same comparison with your weights and keeps no file that fails it. *CPU s* covers tracing,
writing and comparing.

"""

MORE = """
## Without ONNX Runtime

Where onnxruntime cannot be imported, or its libraries do not load, an exported network runs in NumPy alone, by itself:
in Blender's Python, for one. `harmonize doctor` says which it is here, `info.engine` of an opened model says it in
Python, and `harmonize predict` prints a note. To choose: `--runtime onnxruntime` or `--runtime numpy`, and
`load("model.onnx", runtime="numpy")`. All networks of the table that were tried run (`charmnet_hr`, `charmnet_256`,
`cdtnet_256`, `dht_256`, `fmm_256_a`, `harmonizer`, `hidt`, `intrinsic_base_256`, `issam_256`, `pctnet_cnn`,
`pctnet_vit`, `s2am_256`); an operator that is missing is named, and onnxruntime asked for.

Processor time of the network alone on one thread, and the largest difference of an output, by

```bash
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python scripts/bench_engines.py model.onnx ...
```

| network | MB | ONNX Runtime, CPU ms | NumPy, CPU ms | times as long | largest difference |
|---|---|---|---|---|---|
| charmnet_hr, fp32 | 4.6 | 11 | 58 | 5.3 | 5.5e-07 |
| charmnet_hr, fp16 | 2.4 | 11 | 57 | 5.2 | 5.7e-07 |
| charmnet_hr, int8 | 1.5 | 11 | 55 | 5.1 | 5.4e-07 |
| charmnet_256, fp32 | 33.2 | 42 | 101 | 2.4 | 8.6e-06 |
| charmnet_256, fp16 | 16.6 | 41 | 102 | 2.5 | 1.2e-05 |
| charmnet_256, int8 | 8.3 | 41 | 102 | 2.5 | 6.6e-06 |

charmnet_hr as a look (`--look`), early in a training; charmnet_256 under random weights. Once for each picture or
frame, whatever its size, either is little beside reading and writing it.

## In fewer bits

`harmonize export --precision fp16` or `int8` stores weights as half floats, or as integers of 8 bits with a scale for
each output channel. All that a network computes with stays float32: runtimes turn the weights back once, when they load
the file, so it is smaller and not faster. What it changes is measured when a file is written, on photographs that come
with the package, as fPSNR to the pictures of float32 weights; a file below 30 dB is not kept. For the files above,
`harmonize export` says 101 dB (fp16) and 72 dB (int8) of charmnet_hr, whose own pictures are 23 dB from its composites,
and `export_onnx` 75 and 45 dB of charmnet_256 under random weights, the harder case. Integers for what a network
computes in between (static quantization, calibrated on photographs) were tried and left out: on the processors at hand
no faster, the file larger, the pictures much further off.

## What a file says of itself

Metadata: `format` (harmonize-onnx/1 or harmonize-look/1), `name`, `licence`, `source`, `input_size`, `input_rule` (what
composites and masks are, and how pictures of other sizes get there), `domain`, `opset`, `precision`, and of the
checkpoint its `sha256`, `step`, `training_data` and `git`, as far as it says them.

## On a graphics card

`--device cuda`, `directml` or `coreml` asks ONNX Runtime for that provider; what is missing is said, with the package
that has it. `--device auto` takes the first that there is, else the CPU, which is the default. Providers other than the
CPU's were not at hand when this page was written.
"""


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Question, description=__doc__)))
