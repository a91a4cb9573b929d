# SPDX-License-Identifier: GPL-3.0-or-later
"""A set as WebDataset shards: tar files to stream from, an index with checksums, a dataset card."""
