"""Convolutions as one matrix product: windows are laid out as columns first (im2col).

For few positions and many channels, where the work is to read the weights. torch's direct convolution rearranges them
at each call, which then costs more than the convolution; a matrix product reads them as they are. convolution.py
decides when this pays.
"""

import torch.nn.functional as F
from torch import Tensor


def convolve_by_matrix(features: Tensor, weight: Tensor, *, stride: int, padding: int, dilation: int) -> Tensor:
    """Returns the convolution (B, D, H', W') of (B, C, H, W) with (D, C, k, k)."""
    kernel, count = weight.shape[-1], len(features)
    height, width = ((side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for side in features.shape[-2:])
    if kernel == stride == 1 and padding == 0:
        windows = features.flatten(2)
    else:
        windows = F.unfold(features, kernel, dilation=dilation, padding=padding, stride=stride)
    columns = windows.transpose(0, 1).flatten(1)
    return (weight.flatten(1) @ columns).view(len(weight), count, height, width).transpose(0, 1)


def transpose_by_matrix(features: Tensor, weight: Tensor, *, stride: int, padding: int) -> Tensor:
    """Returns the transposed convolution (B, D, H', W') of (B, C, H, W) with (C, D, k, k)."""
    count, channels, *sides = features.shape
    kernel = weight.shape[-1]
    # positions stand first, so that the gradient of the weight comes out as the weight lies
    positions = features.permute(0, 2, 3, 1).reshape(-1, channels)
    windows = (positions @ weight.flatten(1)).view(count, -1, weight[0].numel()).transpose(1, 2)
    size = tuple((side - 1) * stride - 2 * padding + kernel for side in sides)
    return F.fold(windows, size, kernel, padding=padding, stride=stride)
