# SPDX-License-Identifier: Apache-2.0
"""The page of messages is the table that is tried in Blender (`addon_checks_failures.py`).

python tests/blender/test_addon_messages.py      writes docs/addon_messages.md anew
"""

from pathlib import Path

from addon_failures import page
from addon_failures_export import EXPORT
from addon_failures_files import FILES
from addon_failures_runs import RUNS
from addon_failures_shot import SHOT
from addon_failures_tools import TOOLS

PAGE = Path(__file__).resolve().parents[2] / "docs/addon_messages.md"
TABLES = {
    "Setting up a shot": SHOT,
    "Pictures, renders and networks": FILES,
    "Tools": TOOLS,
    "Export of training data": EXPORT,
    "In the middle of a run": RUNS,
}


def test_the_page_of_messages_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(TABLES)


def test_there_are_at_least_forty_cases_and_each_is_one_sentence():
    cases = [case for table in TABLES.values() for case in table]
    assert len({case.what for case in cases}) == len(cases) >= 40
    for case in cases:
        assert "\n" not in case.says, case.what
        assert case.says[-1] not in ".!", case.what


if __name__ == "__main__":
    PAGE.write_text(page(TABLES), encoding="utf-8")
