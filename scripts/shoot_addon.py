# SPDX-License-Identifier: Apache-2.0
"""Try the extension in a Blender with a window, as an artist would, and take the pictures of docs/addon.md.

    python scripts/shoot_addon.py dist/harmonize-0.1.0-linux_x64.zip docs/screenshots
    xvfb-run python scripts/shoot_addon.py EXTENSION.zip OUT --blender /opt/blender-5.2/blender --prefix blender_5.2
    IN="chroot /srv/sid env DISPLAY=:1"
    python scripts/shoot_addon.py X.zip OUT --root /srv/sid --blender "$IN blender" --grab "$IN import -window root"

Blender starts with an empty user folder and simulated mouse and keys (`--enable-event-simulate`), installs the
extension from disk, opens the demo shot and goes through the tools (`tour_addon.py`). Prints what Blender says at each
stop; exit code 0 only when the whole tour was taken. Needs a display (xvfb-run gives one where there is none); look at
the pictures, that is what they are for. With --user FOLDER the user's folder is kept, so that the next tour finds what
this one rendered.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from check_addon import Target

TOUR, *HELPERS = (Path(__file__).with_name(f"tour_{name}.py") for name in ("addon", "panels", "window"))
QUALITY = 86
GAP = 8
"""Pixels between the picture before and the one after."""


def take_tour(
    target: Target,
    folder: Path,
    extension: Path,
    user: Path,
    *,
    grab: Sequence[str],
    size: tuple[int, int],
    frames: int,
    timeout: float,
) -> bool:
    """Start Blender on the tour and tell what it says; whether the tour came to its end.

    Args:
        target: the Blender.
        folder: pictures go here as PNG, and stops.jsonl; the target can see it.
        extension: the zip.
        user: Blender's user folder.
        grab: a command that writes a picture of the screen to a file, whose name comes after it.
        size: width and height of the window.
        frames: of the demo shot, from its first.
        timeout: seconds after which Blender is ended.
    """
    for file in (TOUR, *HELPERS, extension):
        shutil.copyfile(file, folder / file.name)
    told = folder / "stops.jsonl"
    told.touch()
    asked = {
        "extension": target.seen(folder / extension.name),
        "folder": target.seen(folder),
        "frames": frames,
    }
    window = ["--window-geometry", "0", "0", *map(str, size), "--enable-event-simulate", "--factory-startup"]
    command = [*target.command, *window, "--python", target.seen(folder / TOUR.name), "--", json.dumps(asked)]
    environment = {**os.environ, "BLENDER_USER_RESOURCES": target.seen(user)}
    with (folder / "blender.log").open("w") as log:
        blender = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        shown, deadline = 0, time.monotonic() + timeout
        while True:
            ended = blender.poll() is not None
            for line in told.read_text().splitlines()[shown:]:
                shown += 1
                print(line, flush=True)
                if name := json.loads(line).get("picture"):
                    subprocess.run([*grab, target.seen(folder / "grabbed.png")], check=True)
                    (folder / "grabbed.png").rename(folder / f"{name}.png")
            if ended:
                break
            if time.monotonic() > deadline:
                blender.kill()
                print(f"error: the tour was not over after {timeout:.0f} s", file=sys.stderr)
            time.sleep(1)
    done = '"end"' in told.read_text() and '"error"' not in told.read_text()
    if not done:
        print((folder / "blender.log").read_text()[-3000:], file=sys.stderr)
    return done


def keep_pictures(folder: Path, out: Path, prefix: str, only: Sequence[str]) -> int:
    """The screenshots, cut to what matters, as JPEG; returns how many bytes they have."""
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    size = 0
    for line in (folder / "stops.jsonl").read_text().splitlines():
        stop = json.loads(line)
        name = stop.get("picture")
        if name is None or (only and name not in only):
            continue
        with Image.open(folder / f"{name}.png") as screenshot:
            picture = screenshot.convert("RGB")
        left, bottom, width, height = stop["box"]
        picture = picture.crop((left, picture.height - bottom - height, left + width, picture.height - bottom))
        path = out / f"{prefix}_{name}.jpg"
        picture.save(path, quality=QUALITY, subsampling=0, optimize=True)
        size += path.stat().st_size
    pair = [folder / f"demo_{name}_.png" for name in ("before", "after")]
    if all(path.is_file() for path in pair) and (not only or "demo" in only):
        left, right = (Image.open(path).convert("RGB") for path in pair)
        both = Image.new("RGB", (2 * left.width + GAP, left.height), "white")
        both.paste(left, (0, 0))
        both.paste(right, (left.width + GAP, 0))
        path = out / f"{prefix}_demo.jpg"
        both.save(path, quality=QUALITY, subsampling=0, optimize=True)
        size += path.stat().st_size
    return size


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extension", type=Path, help="zip written by build_extension.py, with a network inside")
    parser.add_argument("out", type=Path, help="folder of the pictures, PREFIX_NAME.jpg")
    parser.add_argument("--blender", default="blender", help="Blender, or a command that starts it (default: blender)")
    parser.add_argument("--root", type=Path, default=Path("/"), help="the folder that is / for it")
    parser.add_argument(
        "--grab", default="import -window root", help="takes a screenshot (default: ImageMagick's import)"
    )
    parser.add_argument("--prefix", default="blender", help="of the pictures' names (default: blender)")
    parser.add_argument("--size", default="1280x800", help="of the window (default: 1280x800)")
    parser.add_argument("--frames", type=int, default=48, help="of the demo shot (default: all 48)")
    parser.add_argument("--only", nargs="+", metavar="PICTURE", default=[], help="keep these pictures only")
    parser.add_argument("--user", type=Path, help="Blender's user folder, inside --root; kept (default: a new one)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that the tour may take (default: 1800)")
    args = parser.parse_args(argv)
    target = Target(tuple(shlex.split(args.blender)), True, args.root)
    width, height = (int(n) for n in args.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="shoot_addon_", dir=args.root / "tmp") as name:
        folder = Path(name)
        user = args.user or folder / "user"
        user.mkdir(parents=True, exist_ok=True)
        done = take_tour(
            target,
            folder,
            args.extension,
            user,
            grab=shlex.split(args.grab),
            size=(width, height),
            frames=args.frames,
            timeout=args.timeout,
        )
        size = keep_pictures(folder, args.out, args.prefix, args.only)
    print(f"{args.out}: {size / 1e6:.2f} MB of pictures")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
