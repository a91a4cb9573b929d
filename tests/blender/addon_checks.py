# SPDX-License-Identifier: Apache-2.0
"""What the installed add-on must do, as functions run one after the other inside Blender by test_addon_installed.py.

    python addon_checks.py EXTENSION.zip FOLDER RESULTS.json [CHECK ...]

Works in any Python that has bpy, and in Blender itself (`blender -b --python addon_checks.py -- ...`).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import addon_checks_captures
import addon_checks_control
import addon_checks_demo
import addon_checks_diagnosis
import addon_checks_export
import addon_checks_failures
import addon_checks_languages
import addon_checks_light_scenes
import addon_checks_lights
import addon_checks_live
import addon_checks_node_masks
import addon_checks_nodes
import addon_checks_own_data
import addon_checks_package
import addon_checks_packed
import addon_checks_pictures
import addon_checks_reading
import addon_checks_refusals
import addon_checks_runs
import addon_checks_setup
import addon_checks_sources
import addon_checks_time
import addon_checks_undo
from addon_session import Skipped

CHECKS = {
    name.removeprefix("check_"): function
    for module in (
        addon_checks_pictures,
        addon_checks_reading,
        addon_checks_setup,
        addon_checks_sources,
        addon_checks_packed,
        addon_checks_diagnosis,
        addon_checks_runs,
        addon_checks_own_data,
        addon_checks_nodes,
        addon_checks_node_masks,
        addon_checks_time,
        addon_checks_live,
        addon_checks_captures,
        addon_checks_lights,
        addon_checks_light_scenes,
        addon_checks_control,
        addon_checks_export,
        addon_checks_demo,
        addon_checks_refusals,
        addon_checks_failures,
        addon_checks_package,
        addon_checks_undo,
        addon_checks_languages,
    )
    for name, function in vars(module).items()
    if name.startswith("check_")
}


def main(zip_file: str, folder: str, results: str, *names: str) -> None:
    """Install the extension, run the checks, write {name: "ok" or what went wrong}."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.extensions.package_install_files(filepath=zip_file, repo="user_default", enable_on_install=True)
    outcome = {}
    for name in names or CHECKS:
        (place := Path(folder) / name).mkdir(parents=True)
        try:
            CHECKS[name](place)
            outcome[name] = "ok"
        except Skipped as reason:
            outcome[name] = f"skip {reason}"
        except BaseException:
            outcome[name] = traceback.format_exc()
        Path(results).write_text(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)  # Blender as a module may crash while Python shuts down


if __name__ == "__main__":
    main(*(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
