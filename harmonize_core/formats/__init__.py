# SPDX-License-Identifier: Apache-2.0
"""What is on disk: images, the RdHarmony and iHarmony4 layouts, triplets. Shared by the generator and the loaders."""
