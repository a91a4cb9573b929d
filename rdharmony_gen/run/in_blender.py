# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by a Blender application (`blender -b -P in_blender.py -- OUT ...`): a worker inside the user's own Blender.

Blender's Python sees neither this program nor its dependencies. The two packages are found by name only, so that a
site-packages folder of another Python never leaks in; the few compiled dependencies come from `RDHARMONY_SITE`.
"""

import importlib.machinery
import os
import sys
from pathlib import Path

OWN = ("rdharmony_gen", "harmonize_core")
ROOT = str(Path(__file__).resolve().parents[2])


class _OwnPackages:
    """Finds this program's packages, and nothing else, in the folder that holds them."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, [ROOT], target) if name in OWN else None


if __name__ == "__main__":
    sys.meta_path.insert(0, _OwnPackages)
    if site := os.environ.get("RDHARMONY_SITE"):
        sys.path.append(site)
    from rdharmony_gen.run.worker import main

    main(sys.argv[sys.argv.index("--") + 1 :])
