# SPDX-License-Identifier: Apache-2.0
"""Harmonizer's filters keep their digits where they are exported: on pictures larger than the network's own."""

import onnxruntime
import torch
from torch import nn

from harmonize_core.models import filters

SIDE = 1024
"""Pixels: a million values a channel, whose mean one float32 sum gives to four digits."""


class Whole(nn.Module):
    """Both filters that look at a picture's mean."""

    def forward(self, image, argument):
        return filters.contrast(image, argument), filters.temperature(image, argument)


@torch.no_grad()
def test_means_of_a_large_picture_keep_their_digits_in_onnx_runtime():
    """A full contrast multiplies the mean's rounding by 254; nearly all pixels are that close to it."""
    image = 0.7 + 0.004 * torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    argument = torch.ones(1, 1, 1, 1)
    network = Whole().eval()
    program = torch.onnx.export(network, (image, argument), input_names=["image", "argument"], dynamo=True)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image.numpy(), "argument": argument.numpy()})
    wanted = network(image.double(), argument.double())
    for picture, exact, limit in zip(found, wanted, (5e-4, 5e-6), strict=True):
        assert float(((exact > 0) & (exact < 1)).double().mean()) > 0.5
        assert float((torch.from_numpy(picture) - exact).abs().max()) < limit
