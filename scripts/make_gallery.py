# SPDX-License-Identifier: Apache-2.0
"""docs/gallery.md: some views of a finished data set, each under its ten capture conditions.

python scripts/make_gallery.py SET SHuman/park_00_v000 SDog/beach_00_v003 ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image

from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.spec.scenes import SCENES
from rdharmony_gen.spec.styles import STYLES

DOCS = Path(__file__).parents[1] / "docs"
SIDE, COLUMNS = 256, 5
HEAD = """# Gallery

Views of one generated set, {size}, as its pictures are: nothing was retouched or left out of a sheet. The upper row:
sunrise or sunset (clear, partly cloudy, cloudy), noon clear and noon partly cloudy; the lower: noon cloudy, other times
(clear, partly cloudy, cloudy), and night.

```bash
{command}
```
"""


def main() -> None:
    root, names = Path(sys.argv[1]), sys.argv[2:]
    spec = json.loads((root / "dataset.json").read_text(encoding="utf-8"))["spec"]
    command = (
        f"rdharmony make out --views {spec['views']} --category {' '.join(spec['categories'])} "
        f"--size {spec['width']}x{spec['height']} --seed {spec['seed']}"
    )
    parts = [HEAD.format(size=f"{spec['width']}x{spec['height']} pixels", command=command)]
    categories = {folder: name for name, folder in CATEGORY_FOLDERS.items()}
    for name in names:
        folder, view = name.split("/")
        sheet = Image.new("RGB", (COLUMNS * SIDE, -(-len(STYLES) // COLUMNS) * SIDE))
        for place, style in enumerate(STYLES):
            with Image.open(root / folder / "real_images" / f"{view}-{style.style_id}.jpg") as picture:
                small = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(small, (place % COLUMNS * SIDE, place // COLUMNS * SIDE))
        target = DOCS / "images" / "gallery" / f"{folder}_{view}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(target, quality=82, optimize=True)
        scene = SCENES[view.rsplit("_", 2)[0]]
        parts.append(
            f"## {scene.title.capitalize()}: {categories[folder]}\n\n![{name}](images/gallery/{target.name})\n"
        )
    (DOCS / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
