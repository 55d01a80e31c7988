"""Which photographs serve for training, validation and test; never by crop.

A split that the publisher made is kept; the others are cut from its training photographs, in the order of a seeded
permutation. Whether a file can be read is known only once it has been decoded, so each photograph gets its split as it
arrives, by how many came before it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from repro.cases.medfe.data.arrays import SplitName
from repro.cases.medfe.params.data import DataParams
from repro.randomness import derive_seed


class Pool(NamedTuple):
    """Photographs that are given out to one split or to several.

    Attributes:
        names: the photographs, in the order in which they are given out.
        shares: the share of each split but `train`, which takes the rest; empty: all go to `rest`.
        rest: the split that takes what no share claims.
        limit: give out at most so many; None: all.
    """

    names: list[str]
    shares: Mapping[SplitName, float]
    rest: SplitName
    limit: int | None


def make_pools(published: Mapping[SplitName, Sequence[str]], params: DataParams) -> list[Pool]:
    """Returns the pools of a data set: test first, then validation, then train.

    A split that its publisher has made is taken as it is; one that is missing is cut from `train`. Where
    `max_photos` is set, each split gets its share of that number.

    Args:
        published: the publisher's splits; all photographs under `train` where there are none.
        params: shares, seed and `max_photos`.
    """
    shares: dict[SplitName, float] = {"test": params.test_share, "validation": params.validation_share}
    limits = {split: _share_of(share, params.max_photos) for split, share in shares.items()}
    pools = [
        Pool(_permute(published[split], params.split_seed), {}, split, limits[split])
        for split in shares
        if split in published
    ]
    taken = sum(pool.limit for pool in pools if pool.limit is not None)
    left = None if params.max_photos is None else params.max_photos - taken
    missing = {split: share for split, share in shares.items() if split not in published}
    pools.append(Pool(_permute(published["train"], params.split_seed), missing, "train", left))
    return pools


def assign_split(pool: Pool, given: Mapping[SplitName, int]) -> SplitName:
    """Returns the split of the next photograph of a pool.

    After every photograph each split holds its share of those given out so far, within one, and at least one; so
    three photographs that can be read fill all splits.

    Args:
        pool: where the photograph comes from.
        given: how many photographs of the pool each split holds already.
    """
    arrived = sum(given.get(split, 0) for split in (*pool.shares, pool.rest)) + 1
    for split, share in pool.shares.items():
        # test leads by half a photograph, so that equal shares do not fall due at once
        due = _rounded_down(share * arrived + (0.5 if split == "test" else 0))
        if given.get(split, 0) < max(1, due):
            return split
    return pool.rest


def _permute(names: Sequence[str], seed: int) -> list[str]:
    # a key for each name, so that adding a photograph leaves the order of the others as it was
    return sorted(names, key=lambda name: (derive_seed(seed, f"split/{name}"), name))


def _share_of(share: float, total: int | None) -> int | None:
    return None if total is None else max(1, _rounded_down(share * total))


def _rounded_down(value: float) -> int:
    return int(value + 1e-9)  # 0.29 * 100 is a little less than 29
