# SPDX-License-Identifier: Apache-2.0
"""A run, or several, as one page that needs nothing but itself: curves, pictures, tables, config, provenance."""
