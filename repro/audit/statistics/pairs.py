"""Pairs of details whose interaction a design can see, and how it mixes them with each other."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from repro.audit.statistics.linear_model import Coding, Floats

LARGEST_INFLATION = 10.0
"""Variance inflation up to which all pairs are fitted together; the usual bound of regression diagnostics."""
VISIBLE_SHARE = 0.05
"""Smallest share of another interaction that is named as an alias."""
NAMED_PARTIAL = 4
"""How many partial aliases are named; the others are counted."""


class Pairs(NamedTuple):
    """The products of two columns of different details that a design can see.

    Attributes:
        columns: (first, second) column of each product.
        products: (V, M) 0 or 1.
        together: whether the design can tell all of them apart; they are fitted in one model then.
        shares: (M, M) how much of interaction j enters the contrast of i, main effects aside; identity if together.
    """

    columns: list[tuple[int, int]]
    products: Floats
    together: bool
    shares: Floats


def list_pairs(coding: Coding) -> list[tuple[int, int]]:
    """Returns every two columns of different details."""
    options = coding.options
    return [(i, j) for i, j in combinations(range(len(options)), 2) if options[i][0] != options[j][0]]


def multiply_pairs(coding: Coding) -> Floats:
    """Returns the products (V, M) of every two columns of different details."""
    pairs = list_pairs(coding)
    products = [coding.matrix[:, i] * coding.matrix[:, j] for i, j in pairs]
    return np.array(products).reshape(len(pairs), len(coding.matrix)).T


def find_pairs(coding: Coding) -> Pairs:
    """Finds the products that are no mere main effects of the design, and how they are mixed with each other.

    With Z the products less their least-squares fit on the main effects, the contrast of product i has the expectation
    sum over j of (z_i'z_j / z_i'z_i) * interaction j: these are the shares, the rows of the alias matrix.

    Source: Box, Hunter & Hunter, Statistics for Experimenters (2005), chapter 6, on aliases; Wu & Hamada, Experiments
    (2009), on the alias matrix of designs that are not regular.
    """
    matrix, everywhere = coding.matrix[coding.points], multiply_pairs(coding)
    columns, products = list_pairs(coding), everywhere[coding.points]
    base = np.hstack([np.ones((len(matrix), 1)), matrix])
    rest = take_off(base, products)
    gram = rest.T @ rest
    seen = np.diag(gram) > 1e-8 * len(matrix)
    columns = [pair for pair, visible in zip(columns, seen, strict=True) if visible]
    gram, norm = gram[np.ix_(seen, seen)], np.sqrt(np.diag(gram)[seen])
    correlation = gram / np.outer(norm, norm)
    # All in one model, if that costs no contrast more than a tenfold variance: the diagonal of the inverse correlation.
    together = bool(len(columns)) and float(np.linalg.eigvalsh(correlation)[0]) > 1e-8
    together = together and float(np.diag(np.linalg.inv(correlation)).max()) < LARGEST_INFLATION
    shares = np.eye(len(columns)) if together else gram / norm[:, None] ** 2
    return Pairs(columns, everywhere[:, seen], together, shares)


def group_pairs(pairs: Pairs) -> list[list[int]]:
    """Groups the pairs that are one and the same contrast."""
    same = (np.abs(pairs.shares) > 1 - 1e-6) & (np.abs(pairs.shares.T) > 1 - 1e-6)
    firsts = [int(np.flatnonzero(row)[0]) for row in same]
    return [[pair for pair, first in enumerate(firsts) if first == lead] for lead in sorted(set(firsts))]


def name_aliases(coding: Coding, pairs: Pairs, lead: int) -> str:
    """Names what else the contrast of a pair may be, with its share, the largest first; empty if nothing."""
    shares = pairs.shares[lead].copy()
    shares[lead] = 0
    order = [int(pair) for pair in np.argsort(-np.abs(shares), kind="stable") if abs(shares[pair]) > VISIBLE_SHARE]
    full = [pair for pair in order if abs(shares[pair]) > 1 - 1e-6]
    partial = [pair for pair in order if pair not in full]
    named = [f"{name_pair(coding, pairs, pair)} ({shares[pair]:+.2f})" for pair in full + partial[:NAMED_PARTIAL]]
    if len(partial) > NAMED_PARTIAL:
        named.append(f"{len(partial) - NAMED_PARTIAL} more of up to {abs(shares[partial[NAMED_PARTIAL]]):.2f}")
    return ", ".join(named)


def name_pair(coding: Coding, pairs: Pairs, pair: int) -> str:
    """Names the two details of a pair, with the option where a detail has several."""
    details = [detail for detail, _ in coding.options]
    named = []
    for column in pairs.columns[pair]:
        detail, option = coding.options[column]
        named.append(detail if details.count(detail) == 1 else f"{detail}={option}")
    return " x ".join(named)


def take_off(base: Floats, targets: Floats) -> Floats:
    """Returns what least squares on the base (N, K) leaves of the targets (N, M)."""
    left, scale, _ = np.linalg.svd(base, full_matrices=False)
    left = left[:, scale > 1e-10 * scale.max(initial=0.0)]
    return targets - left @ (left.T @ targets)
