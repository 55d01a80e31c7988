"""Random streams: one for each (seed, purpose, index), so that no purpose shifts another.

A change of kernel size must not change the order of the images, and the batch size must not change a mask. So
nothing draws from a global generator: everybody derives a seed from what the numbers are for.
"""

import hashlib

import numpy as np


def derive_seed(seed: int, purpose: str, *indices: int) -> int:
    """Returns the 63-bit seed of one stream.

    Args:
        seed: the user's seed; 0 is a seed like any other.
        purpose: what the numbers are for, e.g. "initialisation" or "masks/test".
        indices: which item of that purpose, e.g. the step and the place in the batch.
    """
    key = "/".join([str(seed), purpose, *map(str, indices)])
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Returns numpy's generator for one stream; see `derive_seed`."""
    return np.random.default_rng(derive_seed(seed, purpose, *indices))
