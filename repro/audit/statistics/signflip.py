"""The exact test of paired arms: under no difference, each seed's difference is as likely with the other sign.

Differences of paired seeds flow in, p-values out. It assumes nothing of their distribution but that symmetry, and the
seeds are its only units. Knows nothing of arms, metrics or multiplicity.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 16
"""Seeds up to which all sign patterns are enumerated."""
DRAWS = 19_999
"""Random sign patterns beyond that."""
_AT_ONCE = 32
"""Contrasts in one product, which bounds the memory."""


def sign_flip_p(differences: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """Computes the two-sided p-value of the mean difference under all flips of the signs.

    Args:
        differences: (K, n) float64, K contrasts of n paired seeds, n at least 1.
        seed: of the random patterns that are drawn beyond `EXACT_UP_TO` seeds.

    Returns:
        (K,) float64 in (0, 1]: the share of sign patterns whose sum is at least as far from zero. Where patterns are
        drawn, the observed one counts as one of them, so that no p is zero (Phipson and Smyth 2010).

    Source: Fisher (1935), The design of experiments, section 21.
    """
    seeds = differences.shape[1]
    exact = seeds <= EXACT_UP_TO
    patterns = sign_patterns(seeds) if exact else _drawn_patterns(seeds, seed)
    p = np.empty(len(differences))
    for start in range(0, len(differences), _AT_ONCE):
        some = differences[start : start + _AT_ONCE]
        # Sums that are equal but for rounding count as equal.
        bound = np.abs(some.sum(axis=1)) - 1e-12 * np.abs(some).sum(axis=1)
        as_far = (np.abs(patterns @ some.T) >= bound).sum(axis=0)
        p[start : start + _AT_ONCE] = as_far / len(patterns) if exact else (as_far + 1) / (DRAWS + 1)
    return p


def smallest_p(seeds: int) -> float:
    """Returns the smallest p that the test can give with so many seeds: 3 seeds .25, 5 .0625, 6 .031."""
    return min(1.0, 2.0 / 2**seeds) if seeds <= EXACT_UP_TO else 1.0 / (DRAWS + 1)


@lru_cache(maxsize=EXACT_UP_TO)
def sign_patterns(seeds: int) -> NDArray[np.float64]:
    """Returns (2^(seeds - 1), seeds) float64 of -1 and 1; the first sign stays, as flipping all changes no |sum|."""
    bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds - 1)
    return np.column_stack([np.ones(len(bits)), 2.0 * (bits & 1) - 1.0])


@lru_cache(maxsize=8)
def _drawn_patterns(seeds: int, seed: int) -> NDArray[np.float64]:
    generator = np.random.default_rng([seed, seeds])
    return generator.integers(0, 2, size=(DRAWS, seeds)).astype(np.float64) * 2.0 - 1.0
