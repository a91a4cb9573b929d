# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that looks at the user's files with Blender: one JSON request a line in, one JSON answer a line out.

A file that crashes Blender takes only this process with it; see `run.user_files`.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec

from harmonize_core.errors import HarmonizeError
from rdharmony_gen.blender.assets import AssetLibrary
from rdharmony_gen.blender.session import reset
from rdharmony_gen.blender.stage import Stage
from rdharmony_gen.blender.user_characters import examine_character
from rdharmony_gen.blender.user_files import Findings
from rdharmony_gen.blender.user_scene import examine_scene


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What is in one file: `problems`, `remarks`, `files`, and what a recipe needs to know of it."""
    path, findings, seen = Path(request["path"]), Findings(), {}
    try:
        reset(64, 64, 1)
        if request["kind"] == "character":
            looks = examine_character(path, findings)
            if looks:
                seen = {"height": looks.height, "triangles": looks.triangles, "clips": looks.clips}
        else:
            stage = Stage(0, "user", 0, AssetLibrary())
            opened = examine_scene(stage, path, request["collection"], request["wanted"], findings)
            if opened:
                place, collection = opened
                seen = {
                    "indoor": place.indoor,
                    "cameras": len(place.cameras),
                    "people": len(place.characters),
                    "tables": len(place.tops),
                    "collection": collection,
                }
    except HarmonizeError as error:
        findings.problems.append(str(error).removeprefix(f"{path} "))
    except MemoryError:
        findings.problems.append("needs more memory than there is; make it lighter")
    except Exception as error:  # whatever a strange file brings about, the other files are looked at
        traceback.print_exc()
        findings.problems.append(f"cannot be used ({type(error).__name__}: {str(error)[:200]}); export it again")
    return {
        "problems": list(dict.fromkeys(findings.problems)),
        "remarks": list(dict.fromkeys(findings.remarks)),
        "files": findings.files,
        **seen,
    }


def main() -> None:
    """Answer until standard input ends; what Blender prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(msgspec.json.encode(answer(msgspec.json.decode(line))).decode() + "\n")
    answers.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
