#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Set up .venv if need be, then check everything CI checks: format, lint, types, import rules, tests. Arguments go to pytest.
for_the_suite=1 source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/ty check
.venv/bin/lint-imports
.venv/bin/python -m pytest "$@"
