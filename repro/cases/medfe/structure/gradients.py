"""Structure by L0 gradient minimisation: as few pixels with a gradient as possible.

Half-quadratic splitting with periodic borders, solved in the Fourier domain. Takes and gives images in [0, 1].

Source: Xu, Lu, Xu & Jia 2011, "Image smoothing via L0 gradient minimization", algorithm 1.
"""

import torch
from torch import Tensor

SMOOTHING = 0.05
"""Price of a pixel that has a gradient (their lambda). Source: Jaylyn25/Image-Inpainting-Refinement."""
GROWTH = 1.5
"""Growth of the coupling per iteration (their kappa). Source: Jaylyn25/Image-Inpainting-Refinement."""
FINAL_COUPLING = 1e5
"""Where the coupling (their beta) stops growing. Source: Xu et al. 2011."""


def l0_gradient_minimisation(images: Tensor) -> Tensor:
    """Returns the structure of images.

    Args:
        images: (B, C, H, W) float32 in [0, 1].

    Returns:
        (B, C, H, W) float32, in [0, 1] up to some ringing.
    """
    spectrum, laplacian = torch.fft.rfft2(images), _laplacian(images)
    structure, coupling = images, 2 * SMOOTHING
    while coupling < FINAL_COUPLING:
        across, along = torch.roll(structure, -1, -1) - structure, torch.roll(structure, -1, -2) - structure
        kept = (across**2 + along**2).sum(1, keepdim=True) >= SMOOTHING / coupling
        across, along = across * kept, along * kept
        divergence = across - torch.roll(across, 1, -1) + along - torch.roll(along, 1, -2)
        solved = (spectrum - coupling * torch.fft.rfft2(divergence)) / (1 + coupling * laplacian)
        structure = torch.fft.irfft2(solved, s=images.shape[-2:])
        coupling *= GROWTH
    return structure


def _laplacian(images: Tensor) -> Tensor:
    """Returns the eigenvalues of minus the periodic Laplacian, (H, W // 2 + 1)."""
    height, width = images.shape[-2:]
    down = 2 - 2 * torch.cos(2 * torch.pi * torch.fft.fftfreq(height, dtype=images.dtype, device=images.device))
    right = 2 - 2 * torch.cos(2 * torch.pi * torch.fft.rfftfreq(width, dtype=images.dtype, device=images.device))
    return down[:, None] + right
