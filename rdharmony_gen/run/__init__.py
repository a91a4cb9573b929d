# SPDX-License-Identifier: GPL-3.0-or-later
"""From jobs to files: the process pool, its workers, and the order of the steps."""
