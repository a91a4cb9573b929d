# SPDX-License-Identifier: Apache-2.0
"""What the command refuses before it makes anything: bad arguments, missing system libraries; and its help."""

import signal

import pytest

from harmonize_core.errors import EnvironmentFault
from rdharmony_gen.cli import main
from rdharmony_gen.run.environment import SYSTEM_LIBRARIES, require_blender


@pytest.fixture(autouse=True)
def _restore_signal():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def refused(capsys, *arguments: object) -> tuple[int, str]:
    """Exit code and standard error."""
    with pytest.raises(SystemExit) as leaving:
        main([str(a) for a in arguments])
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return int(leaving.value.code or 0), error


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--views", "0"], 2, "--views should be between 1"),
        (["--size", "9"], 2, "--size should read WIDTHxHEIGHT"),
        (["--category", "elephant"], 2, "no category is named 'elephant'"),
        (["--styles", "nite", "noon_clear"], 2, "did you mean 'night'?"),
        (["--scenes", "moon"], 2, "no scene is named 'moon'"),
        (["--workers", "0"], 2, "--workers should be between 1"),
        (["--timeout-s", "0"], 2, "--timeout-s should be more than 0"),
    ],
)
def test_bad_arguments_leave_nothing_behind(tmp_path, capsys, arguments, code, message):
    got, error = refused(capsys, "make", tmp_path / "out", *arguments)
    assert got == code
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["make"], ["make", "x", "--viws", "3"], ["make", "x", "--views", "many"], ["mak"]]
)
def test_arguments_that_do_not_parse_end_with_code_2(capsys, arguments):
    code, error = refused(capsys, *arguments)
    assert code == 2
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "command", ["make", "plan", "render", "compose", "validate", "report", "status", "styles", "assets", "doctor"]
)
def test_every_command_has_help_with_an_example(capsys, command):
    with pytest.raises(SystemExit) as leaving:
        main([command, "--help"])
    assert leaving.value.code == 0
    assert f"Example: rdharmony {command}" in capsys.readouterr().out


def test_missing_system_libraries_are_named_with_the_line_that_installs_them(monkeypatch):
    monkeypatch.setitem(SYSTEM_LIBRARIES, "libnowhere.so.1", "libnowhere1")
    with pytest.raises(EnvironmentFault) as caught:
        require_blender()
    assert "missing here (libnowhere.so.1)" in str(caught.value)
    assert str(caught.value).endswith("apt-get install -y --no-install-recommends libnowhere1")


def test_doctor_says_what_this_machine_has(capsys):
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok") for line in lines)
    for what in ("Blender", "graphics card", "processors", "free disk space"):
        assert any(what in line for line in lines), what
