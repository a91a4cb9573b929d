#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Set up .venv if need be, then check everything CI checks: format, lint, types, import rules, tests. Arguments go to pytest.
#
#   bash scripts/test.sh                                   the whole suite in two processes, each with whole files
#   bash scripts/test.sh tests/unit/test_shots.py -k cut   some of it
#   bash scripts/test.sh -n 0 --pdb tests/unit             in this process: for a debugger, and for output as it comes (-s)
for_the_suite=1 source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/ty check
.venv/bin/lint-imports

# Two processes with a thread for each core would hold each other up.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# A file is one process's: its fixtures are dear, for they render and train. Files keep their order, which begins with the
# longest (tests/blender) and ends with the shortest (tests/unit), so that both processes end at about the same time.
.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
