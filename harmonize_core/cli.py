# SPDX-License-Identifier: Apache-2.0
"""`harmonize`: which command, and which exit code; the commands themselves are in `commands`.

Results go to stdout, progress and errors to stderr. Exit code 0 on success, 1 when something could not be done, 2 for
arguments that make no sense, 128 + n when signal n stopped it; training that SIGTERM stopped has saved and exits 0.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import tyro

from harmonize_core.commands import installation, networks, pictures, reports, scores, serve, training
from harmonize_core.commands.terminal import BAD_ARGUMENTS, help_of
from harmonize_core.errors import ConfigError, HarmonizeError, UnknownName

COMMANDS: dict[str, Callable[..., int]] = {
    "train": training.train,
    "report": reports.report,
    "show-data": training.show_data,
    "evaluate": scores.evaluate,
    "score": scores.score,
    "predict": pictures.predict,
    "serve": serve.serve,
    "make-real": pictures.make_real,
    "export": networks.export,
    "import-weights": networks.import_weights,
    "average": networks.average,
    "benchmark": scores.benchmark,
    "models": networks.models,
    "doctor": installation.doctor,
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
            print(f"  {name:<10} {help_of(command).splitlines()[0]}")
        print("\nharmonize COMMAND --help shows its options and an example")
        return 0 if arguments else BAD_ARGUMENTS
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("rdharmony"))
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        raise UnknownName.of("command", name, COMMANDS)
    if name in ("train", "show-data", "benchmark"):  # what follows the name decides which options there are
        return COMMANDS[name](rest)
    return tyro.cli(COMMANDS[name], prog=f"harmonize {name}", description=help_of(COMMANDS[name]), args=rest)


if __name__ == "__main__":
    sys.exit(main())
