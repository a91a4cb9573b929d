# SPDX-License-Identifier: Apache-2.0
"""docs/gallery.md: every view of some finished data sets, each under its ten capture conditions.

python scripts/make_gallery.py SET [SET ...]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from PIL import Image

from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.spec.scenes import SCENES
from rdharmony_gen.spec.styles import STYLES

DOCS = Path(__file__).parents[1] / "docs"
SHEETS = DOCS / "images" / "gallery"
SIDE, COLUMNS = 256, 5
HEAD = """# Gallery

Every view of the sets these commands make, {size}, as its pictures are: nothing was chosen, retouched or left out. The
upper row: sunrise or sunset (clear, partly cloudy, cloudy), noon clear and noon partly cloudy; the lower: noon cloudy,
other times (clear, partly cloudy, cloudy), and night.

```bash
{commands}
```
"""


def main() -> None:
    roots = [Path(argument) for argument in sys.argv[1:]]
    specs = [json.loads((root / "dataset.json").read_text(encoding="utf-8"))["spec"] for root in roots]
    parts = [
        HEAD.format(
            size=f"{specs[0]['width']}x{specs[0]['height']} pixels", commands="\n".join(map(_command, roots, specs))
        )
    ]
    shutil.rmtree(SHEETS, ignore_errors=True)
    SHEETS.mkdir(parents=True)
    titles = {folder: name for name, folder in CATEGORY_FOLDERS.items()}
    for root in roots:
        for line in (root / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["kind"] == "view":
                folder, view = entry["mask"].split("/")[0], entry["scene_id"]
                _sheet(root / folder / "real_images", view).save(
                    SHEETS / f"{folder}_{view}.jpg", quality=82, optimize=True
                )
                scene = SCENES[view.rsplit("_", 2)[0]]
                title = f"{scene.title.capitalize()}: {titles[folder]}"
                parts.append(f"## {title}\n\n![{title}](images/gallery/{folder}_{view}.jpg)\n")
    (DOCS / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


def _command(root: Path, spec: dict) -> str:
    return (
        f"rdharmony make {root.name} --views {spec['views']} --category {' '.join(spec['categories'])} "
        f"--size {spec['width']}x{spec['height']} --seed {spec['seed']}"
    )


def _sheet(folder: Path, view: str) -> Image.Image:
    sheet = Image.new("RGB", (COLUMNS * SIDE, -(-len(STYLES) // COLUMNS) * SIDE))
    for place, style in enumerate(STYLES):
        with Image.open(folder / f"{view}-{style.style_id}.jpg") as picture:
            small = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(small, (place % COLUMNS * SIDE, place // COLUMNS * SIDE))
    return sheet


if __name__ == "__main__":
    main()
