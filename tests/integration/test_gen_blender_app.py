# SPDX-License-Identifier: Apache-2.0
"""A Blender program as renderer: what is refused, and the script that runs inside it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harmonize_core.errors import EnvironmentFault
from rdharmony_gen.options import BadArguments, Machines, work_options
from rdharmony_gen.run import in_blender
from rdharmony_gen.run.blender_app import BlenderApp, examine_app, require_app, worker_command


@pytest.mark.parametrize(
    ("program", "answer", "text"),
    [
        (None, "", "should be the path of a Blender program but"),
        ("#!/bin/sh\nexit 3\n", "", "ended with code 3 without an answer"),
        ("#!/bin/sh\ncat $(dirname $0)/answer\n", (3, 6, 1), "should be Blender 4.2 or later but"),
    ],
)
def test_what_is_no_usable_blender_is_refused_in_one_sentence(tmp_path, program, answer, text):
    path = tmp_path / "blender"
    (tmp_path / "answer").write_text("PROBE" + json.dumps({"blender": answer, "python": [3, 11], "missing": []}) + "\n")
    if program:
        path.write_text(program)
        path.chmod(0o755)
    with pytest.raises(EnvironmentFault, match=text):
        examine_app(path)


def test_a_python_that_lacks_something_is_told_what_to_run(tmp_path):
    path = tmp_path / "blender"
    answer = {"blender": [5, 2, 2], "python": [3, 14], "missing": ["msgspec"]}
    path.write_text(f"#!/bin/sh\necho 'PROBE{json.dumps(answer)}'\n")
    path.chmod(0o755)
    with pytest.raises(EnvironmentFault, match=r"lacks msgspec; .*rdharmony doctor --blender .* --install"):
        require_app(path)


def test_ray_and_a_blender_program_exclude_each_other():
    with pytest.raises(BadArguments, match="--blender works with --engine local"):
        work_options(1, 60, "render", False, Machines(engine="ray", blender=Path("blender")))


def test_the_script_inside_blender_finds_our_packages_and_nothing_beside_them(tmp_path):
    """Run by a Python that does not see the folder of the packages, as Blender's does not."""
    app = BlenderApp(Path(sys.executable), (4, 5, 0), (3, 11), ())
    command, variables = worker_command(app, [str(tmp_path / "no_set")])
    script = command[command.index("--python") + 1]
    assert Path(script) == Path(in_blender.__file__)
    assert command[-2:] == ["--", str(tmp_path / "no_set")]
    packages = next(p for p in sys.path if (Path(p) / "msgspec").is_dir())
    copy = "import sys; sys.path[:] = [p for p in sys.path if p.startswith(sys.base_prefix)]; import runpy; "
    copy += f"sys.argv = ['x', '--', {str(tmp_path / 'no_set')!r}]; runpy.run_path({script!r}, run_name='__main__')"
    environment = {**os.environ, **variables, "RDHARMONY_SITE": packages}
    done = subprocess.run([sys.executable, "-S", "-c", copy], env=environment, capture_output=True, text=True, input="")
    event = json.loads(done.stdout.splitlines()[-1])
    assert event["event"] == "failed", done.stderr
    assert "no_set" in event["message"]
