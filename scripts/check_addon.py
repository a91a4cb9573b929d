# SPDX-License-Identifier: Apache-2.0
"""Install the extension into a Blender and run all checks of its operators there, headless.

    python scripts/check_addon.py                                            in the bpy of this Python
    python scripts/check_addon.py --python envs/bpy42/bin/python             in the bpy of another one
    python scripts/check_addon.py --blender /opt/blender-4.5/blender         in Blender itself
    python scripts/check_addon.py --blender "chroot /srv/sid blender" --root /srv/sid    in a system of its own

The checks are tests/blender/addon_checks*.py. They run one after the other in one Blender with an empty user folder;
when it crashes, another one goes on after the check that it died in. Prints one line for each check and what went
wrong; exit code 0 only when none failed. Packages that the checks read pictures with (Pillow, OpenEXR, OpenCV) are
fetched where that Blender lacks them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import build_extension
from extension_wheels import fetch, this_platform

from harmonize_core.errors import EnvironmentFault, HarmonizeError

ROOT = Path(__file__).resolve().parents[1]
CHECKS = ROOT / "tests/blender"

PACKAGES = {
    "PIL": ("pillow", "13.0.0"),
    "OpenEXR": ("openexr", "3.5.3"),
    "cv2": ("opencv_python_headless", "4.11.0.86"),
}
"""What the checks import besides the extension and NumPy: name of the wheel and version."""

MARK = "check_addon: "
PROBE = f"""
import importlib.util, json, sys, bpy
lacks = [name for name in {list(PACKAGES)} if importlib.util.find_spec(name) is None]
facts = {{"tag": "cp%d%d" % sys.version_info[:2], "blender": bpy.app.version_string, "lacks": lacks}}
print("\\n{MARK}" + json.dumps(facts), flush=True)
"""
SECONDS_BETWEEN_LOOKS = 2


@dataclass(frozen=True)
class Target:
    """A Blender to run scripts in."""

    command: tuple[str, ...]
    application: bool
    """Blender itself, and not a Python with bpy."""
    root: Path = Path("/")
    """The folder that is / for it."""
    extra_path: tuple[Path, ...] = field(default=())
    """Folders of packages that it lacks."""

    def seen(self, path: Path) -> str:
        """A path as the target calls it."""
        return "/" + path.resolve().relative_to(self.root.resolve()).as_posix()

    def start(
        self, script: str, *, user: Path | None = None, watch: Callable[[], None] | None = None, **environment: str
    ) -> tuple[int, str]:
        """Run Python code in it, calling `watch` now and then; returns the exit code and all it said."""
        paths = [self.seen(path) for path in self.extra_path]
        code = f"import sys; sys.path += {paths}\n{script}"
        if self.application:
            command = [*self.command, "--background", "--factory-startup", "--python-expr", code]
        else:
            command = [*self.command, "-c", code]
        if user is not None:
            environment["BLENDER_USER_RESOURCES"] = self.seen(user)
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=said, stderr=subprocess.STDOUT, text=True
            )
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(SECONDS_BETWEEN_LOOKS)
                if watch:
                    watch()
            said.seek(0)
            return process.returncode, said.read()

    def facts(self) -> dict[str, Any]:
        """Python tag, version of Blender, and which of `PACKAGES` it lacks.

        Raises:
            EnvironmentFault: it is no Blender, or does not start.
        """
        try:
            _, said = self.start(PROBE)
        except OSError as error:
            raise EnvironmentFault(f"{shlex.join(self.command)} does not start ({error.strerror})") from error
        line = next((line for line in said.splitlines() if line.startswith(MARK)), None)
        if line is None:
            last = (said.strip().splitlines() or ["it said nothing"])[-1]
            raise EnvironmentFault(f"{shlex.join(self.command)} is no Blender and no Python with bpy: {last}")
        return json.loads(line.removeprefix(MARK))


def run_checks(
    target: Target, folder: Path, extension: Path, names: Sequence[str] = (), *, tell: Callable[[str, str], None]
) -> dict[str, str]:
    """Run checks in a target, and again after a crash without the one that crashed.

    Args:
        target: where.
        folder: an empty folder that the target can see; shots and the user's folder are made there.
        extension: the zip, with a network inside.
        names: which checks, without "check_"; all if empty.
        tell: called with name and outcome of each as soon as it is known.

    Returns:
        "ok", "skip ..." or what went wrong, by name.
    """
    scripts, user = folder / "checks", folder / "user"
    shutil.copytree(CHECKS, scripts, ignore=shutil.ignore_patterns("__pycache__", "test_*", "conftest.py"))
    zip_file = folder / extension.name
    if zip_file != extension:
        shutil.copyfile(extension, zip_file)
    network = helper("addon_helpers").write_exposure_network(folder / "exposure.onnx")
    outcome: dict[str, str] = {}
    left = list(names) or check_names()
    worked = True
    start = f"sys.path.insert(0, {target.seen(scripts)!r}); import addon_checks; addon_checks.main"
    while left:
        results = folder / f"results_{len(outcome)}.json"
        arguments = [target.seen(zip_file), target.seen(folder / f"shots_{len(outcome)}"), target.seen(results), *left]
        known = len(outcome)
        watch = functools.partial(_take, results, outcome, tell)
        code, said = target.start(
            f"{start}(*{arguments!r})", user=user, watch=watch, ADDON_LOOK_NETWORK=target.seen(network)
        )
        left = [name for name in left if name not in outcome]
        if left:
            working, crashed = len(outcome) > known, left.pop(0)
            outcome[crashed] = f"Blender ended with code {code} in this check\n{said[-3000:]}"
            tell(crashed, outcome[crashed])
            if not (working or worked):  # it does not come to any check
                break
            worked = working
    return outcome


def _take(results: Path, outcome: dict[str, str], tell: Callable[[str, str], None]) -> None:
    """Read what the checks have written so far."""
    with contextlib.suppress(OSError, ValueError):  # not there yet, or half written
        for name, verdict in json.loads(results.read_text()).items():
            if name not in outcome:
                outcome[name] = verdict
                tell(name, verdict)


def check_names() -> list[str]:
    """All checks, in the order in which they run."""
    return list(helper("addon_checks").CHECKS)


def helper(name: str) -> Any:
    """A module of tests/blender."""
    if str(CHECKS) not in sys.path:
        sys.path.insert(0, str(CHECKS))
    return importlib.import_module(name)


def unpack_packages(lacks: Sequence[str], tag: str, folder: Path, cache: Path) -> Path:
    """A folder with the packages of these names for a Python."""
    for name in lacks:
        package, version = PACKAGES[name]
        with zipfile.ZipFile(fetch(this_platform(), package, version, tag, cache)) as wheel:
            wheel.extractall(folder)
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--python", default=sys.executable, help="a Python that has bpy (default: this one)")
    where.add_argument("--blender", help="Blender, or a command that starts it")
    parser.add_argument("--root", type=Path, default=Path("/"), help="the folder that is / for it")
    parser.add_argument("--only", nargs="+", metavar="CHECK", choices=check_names(), default=[], help="some checks")
    parser.add_argument("--cache", type=Path, default=ROOT / "build/wheels", help="keeps downloaded wheels")
    args = parser.parse_args(argv)
    failed = 0

    def tell(name: str, verdict: str) -> None:
        nonlocal failed
        good = verdict == "ok" or verdict.startswith("skip ")
        failed += not good
        print(f"{verdict if good else 'FAILED':6} {name}", flush=True)
        if not good:
            print("       " + verdict.strip().replace("\n", "\n       "), flush=True)

    try:
        target = Target(tuple(shlex.split(args.blender or args.python)), bool(args.blender), args.root)
        facts = target.facts()
        temporary = args.root / "tmp"
        with tempfile.TemporaryDirectory(prefix="check_addon_", dir=temporary) as name:
            folder = Path(name)
            packages = unpack_packages(facts["lacks"], facts["tag"], folder / "packages", args.cache)
            target = Target(target.command, target.application, target.root, (packages,))
            extension = build_checked_extension(folder, facts["tag"], args.cache)
            print(f"Blender {facts['blender']}, {facts['tag']}", flush=True)
            outcome = run_checks(target, folder, extension, args.only, tell=tell)
    except HarmonizeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(outcome) - failed} of {len(outcome)} checks passed in Blender {facts['blender']}")
    return 1 if failed else 0


def build_checked_extension(folder: Path, tag: str, cache: Path) -> Path:
    """The extension for one Python with a small network whose effect is known."""
    model = helper("addon_helpers").write_mean_match_network(folder / "mean.onnx")
    return build_extension.build(folder, model=model, platform=this_platform(), tags=(tag,), cache=cache)


if __name__ == "__main__":
    sys.exit(main())
