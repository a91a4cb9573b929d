# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be made, as frozen dataclasses: the data set, the render job, the capture condition."""
