# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender application of the user's as renderer, instead of the bpy package: `--blender /path/to/blender`.

Its Python is its own, so the compiled dependencies of a worker are installed once per Python version into a folder of
ours, with the wheels of that version; nothing is written into Blender.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harmonize_core.errors import EnvironmentFault
from rdharmony_gen.run.environment import Finding

OLDEST = (4, 2)
DEPENDENCIES = {
    "msgspec": "msgspec",
    "OpenEXR": "OpenEXR",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "tqdm": "tqdm",
    "pyoidn": "pyoidn",
}
"""What a worker imports to the package that holds it; Blender brings NumPy. The last is needed where a Blender was
built without Open Image Denoise, as Debian's is: only its shared library is used."""
_PROBE = """
import importlib.util, json, sys
import bpy
sys.path.append({site!r})
found = {{name: importlib.util.find_spec(name) is not None for name in {names!r}}}
try:
    bpy.context.scene.cycles.denoiser = "OPENIMAGEDENOISE"
    found["pyoidn"] = True
except TypeError:
    pass
print("PROBE" + json.dumps({{"blender": list(bpy.app.version), "python": list(sys.version_info[:2]),
    "missing": [n for n, ok in found.items() if not ok]}}), flush=True)
"""


@dataclass(frozen=True)
class BlenderApp:
    """A Blender that was started once and answered."""

    path: Path
    blender: tuple[int, int, int]
    python: tuple[int, int]
    missing: tuple[str, ...]
    """Modules that a worker needs and this Blender's Python does not find."""

    @property
    def version(self) -> str:
        """For instance `5.2.2`."""
        return ".".join(map(str, self.blender))

    @property
    def site(self) -> Path:
        """Where the dependencies for its Python are kept."""
        return site_folder(self.python)


def site_folder(python: tuple[int, int]) -> Path:
    """Folder of the dependencies for one Python version, in the user's cache (`XDG_CACHE_HOME`, else `~/.cache`)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "rdharmony" / f"python-{python[0]}.{python[1]}"


def examine_app(path: Path) -> BlenderApp:
    """Start a Blender and ask for its version, its Python's, and what is missing there.

    Raises:
        EnvironmentFault: there is no program at `path`, it is no Blender, or it is too old.
    """
    found = shutil.which(path)
    if found is None:
        raise EnvironmentFault(f"--blender should be the path of a Blender program but {path} cannot be run")
    probe = _probe(Path(found), "")
    python = (probe["python"][0], probe["python"][1])
    if probe["missing"]:
        probe = _probe(Path(found), str(site_folder(python)))
    version = tuple(probe["blender"])
    if version[:2] < OLDEST:
        raise EnvironmentFault(
            f"--blender should be Blender {'.'.join(map(str, OLDEST))} or later "
            f"but {found} is {'.'.join(map(str, version))}"
        )
    return BlenderApp(Path(found), version, python, tuple(probe["missing"]))


def require_app(path: Path) -> BlenderApp:
    """A Blender that can work now.

    Raises:
        EnvironmentFault: as `examine_app`, or its Python lacks what a worker needs.
    """
    app = examine_app(path)
    if app.missing:
        raise EnvironmentFault(
            f"the Python {app.python[0]}.{app.python[1]} of {app.path} lacks {', '.join(app.missing)}; "
            f"install them once: rdharmony doctor --blender {app.path} --install"
        )
    return app


def install_dependencies(app: BlenderApp) -> None:
    """Download the wheels for this Blender's Python into `app.site`; Blender itself stays as it is.

    Raises:
        EnvironmentFault: pip could not get them.
    """
    if not app.missing:
        return
    app.site.mkdir(parents=True, exist_ok=True)
    packages = [DEPENDENCIES[name] for name in app.missing]
    version = f"{app.python[0]}.{app.python[1]}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, "--python-version", version, "--target", str(app.site), *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EnvironmentFault(f"pip could not install {', '.join(packages)} for Python {version}: {last}")


def finding_of(path: Path) -> Finding:
    """The line of `rdharmony doctor` about a Blender program."""
    try:
        app = require_app(path)
    except EnvironmentFault as error:
        return Finding(False, "Blender program", str(error))
    return Finding(True, "Blender program", f"{app.path} is {app.version} with Python {app.python[0]}.{app.python[1]}")


def worker_command(app: BlenderApp, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Command line of a worker inside this Blender, and what to add to its environment."""
    script = Path(__file__).with_name("in_blender.py")
    # exit codes: an exception in the script must end Blender with one
    options = ["--background", "--factory-startup", "--python-exit-code", "1", "--python", str(script)]
    return [str(app.path), *options, "--", *arguments], {"RDHARMONY_SITE": str(app.site)}


def _probe(program: Path, site: str) -> dict:
    code = _PROBE.format(site=site, names=tuple(DEPENDENCIES))
    options = ["--background", "--factory-startup", "--python-expr", code]
    try:
        done = subprocess.run([str(program), *options], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(f"{program} should be a Blender program but could not be started ({error})") from None
    answer = next((line for line in done.stdout.splitlines() if line.startswith("PROBE")), None)
    if answer is None:
        raise EnvironmentFault(
            f"{program} should be a Blender program but ended with code {done.returncode} without an answer"
        )
    return msgspec.json.decode(answer.removeprefix("PROBE"))
