# SPDX-License-Identifier: Apache-2.0
"""Using trained networks: prediction on images of any size, and export to ONNX."""
