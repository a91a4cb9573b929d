# SPDX-License-Identifier: Apache-2.0
"""Run docs/tutorials/harmonize_your_shot.md in a folder, in order, and make its pictures of what came out.

python scripts/make_tutorial_shot_pictures.py WORK

The clip is rendered if WORK does not hold it yet.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from harmonize_core.formats.images import atomic_path, write_bytes

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/tutorials/harmonize_your_shot.md"
OUT = ROOT / "docs/images/tutorial_shot"

FIRST = {"composite": "comp/00000.jpg", "matte": "matte/00000.png", "harmonized": "first.png"}
CONTROLS = {
    "first.png": "first.png",
    "--strength 0.6": "softer.png",
    "--mode global": "global.png",
    "--keep-hue": "hue.png",
    "--max-delta-e 6": "limited.png",
    "--protect-skin 0.7": "skin.png",
}
FRAMES = (0, 15, 35, 55)
TEMPORAL = {"composite": "comp", "--temporal off": "free", "smooth (the default)": "harmonized", "lock": "locked"}

WIDTH, LINE = 340, 22


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    for command in re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        makes_the_clip = command.startswith(("rdharmony", "cp"))
        if command.startswith("harmonize serve") or (makes_the_clip and (work / "comp").exists()):
            continue
        print(command, end="", flush=True)
        subprocess.run(["bash", "-euc", command], cwd=work, check=True)
    sheet("first.jpg", [[(title, work / file) for title, file in FIRST.items()]])
    sheet("controls.jpg", [[(t, work / f) for t, f in list(CONTROLS.items())[row : row + 3]] for row in (0, 3)])
    rows = [[(f"{t}, {n:05}", frame(work / folder, n)) for n in FRAMES] for t, folder in TEMPORAL.items()]
    sheet("temporal.jpg", rows, width=210)
    write_bytes(OUT / "curves.svg", (work / "curves.svg").read_bytes())


def frame(folder: Path, number: int) -> Path:
    """File of a frame, whatever its format."""
    return next(folder.glob(f"{number:05}.*"))


def sheet(name: str, rows: list[list[tuple[str, Path]]], width: int = WIDTH) -> None:
    """Write pictures under their titles, row by row."""
    with Image.open(rows[0][0][1]) as first:
        height = round(width * first.height / first.width)
    panels = Image.new("RGB", (len(rows[0]) * width, len(rows) * (height + LINE)), "white")
    for y, row in enumerate(rows):
        for x, (title, file) in enumerate(row):
            with Image.open(file) as image:
                gray = image.mode.startswith("I")  # 16 bits
                shown = image.point(lambda v: v / 257).convert("L") if gray else image
                panel = shown.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            panels.paste(panel, (x * width, y * (height + LINE) + LINE))
            ImageDraw.Draw(panels).text(
                (x * width + 4, y * (height + LINE) + 3), title, "black", ImageFont.load_default(14)
            )
    with atomic_path(OUT / name) as partial:
        panels.save(partial, quality=88, optimize=True)


if __name__ == "__main__":
    main()
