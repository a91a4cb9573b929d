# SPDX-License-Identifier: Apache-2.0
"""docs/images/looks/controls.jpg: one composite under each of the controls of `harmonize predict`.

python scripts/make_looks_picture.py MODEL COMPOSITE MASK [--domain rendered] [--box 0 0 512 512]

Composite and mask are of any set or photograph whose licence allows it to be shown; box crops the panels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from harmonize_core.formats.images import atomic_path, read_image, read_mask, to_uint8
from harmonize_core.infer.controls import Controls, apply_controls
from harmonize_core.infer.predictor import Predictor
from harmonize_core.runtime.difference import ciede2000, lab

OUT = Path(__file__).parents[1] / "docs/images/looks/controls.jpg"

PANELS = {
    "composite": None,
    "map (the default)": Controls(),
    "--mode global": Controls(mode="global"),
    "--keep-hue": Controls(keep_hue=True),
    "--max-delta-e 6": Controls(max_delta_e=6),
    "--protect-skin 1": Controls(protect_skin=1),
    "--strength 0.5": Controls(0.5),
    "--strength 1.5": Controls(1.5),
}

WIDTH, COLUMNS, LINE = 300, 4, 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("composite", type=Path)
    parser.add_argument("mask", type=Path)
    parser.add_argument("--domain", choices=["photographic", "rendered"])
    parser.add_argument("--box", type=int, nargs=4, metavar=("TOP", "LEFT", "BOTTOM", "RIGHT"))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    composite, mask = read_image(options.composite), read_mask(options.mask)
    look = Predictor.load(options.model, domain=options.domain).estimate(composite, mask)
    top, left, bottom, right = options.box or (0, 0, *mask.shape)
    inside, before = mask == 1, lab(composite)
    height = round(WIDTH * (bottom - top) / (right - left))
    sheet = Image.new("RGB", (COLUMNS * WIDTH, -(-len(PANELS) // COLUMNS) * (height + LINE)), "white")
    for index, (title, controls) in enumerate(PANELS.items()):
        result = composite if controls is None else apply_controls(look, composite, mask, controls)
        change = ciede2000(before, lab(result))[inside]
        print(f"{title:20} change of the foreground: mean {change.mean():5.2f}, largest {change.max():5.2f} CIEDE2000")
        panel = Image.fromarray(to_uint8(result[top:bottom, left:right])).resize(
            (WIDTH, height), Image.Resampling.LANCZOS
        )
        at = (index % COLUMNS * WIDTH, index // COLUMNS * (height + LINE))
        sheet.paste(panel, (at[0], at[1] + LINE))
        ImageDraw.Draw(sheet).text((at[0] + 6, at[1] + 4), title, "black", ImageFont.load_default(15))
    with atomic_path(options.out) as partial:
        sheet.save(partial, quality=88, optimize=True)


if __name__ == "__main__":
    main()
