"""Splits are disjoint by photograph, seeded, filled, and the publisher's where there is one."""

from collections import Counter
from itertools import chain

import pytest

from repro.cases.medfe.data.split import assign_split, make_pools

NAMES = [f"photo {number}" for number in range(200)]


def give_out(pools, unreadable=()):
    splits = {"train": [], "validation": [], "test": []}
    for pool in pools:
        given = Counter()
        for name in pool.names:
            if name in unreadable or given.total() == pool.limit:
                continue
            split = assign_split(pool, given)
            given[split] += 1
            splits[split].append(name)
    return splits


def test_all_photographs_fall_into_exactly_one_split(data_params):
    splits = give_out(make_pools({"train": NAMES}, data_params()))
    assert sorted(chain(*splits.values())) == sorted(NAMES)
    assert {split: len(names) for split, names in splits.items()} == {"train": 120, "validation": 40, "test": 40}


@pytest.mark.parametrize("count", range(3, 30))
@pytest.mark.parametrize("share", [0.01, 0.1, 0.29, 0.49])
def test_every_split_is_filled_and_holds_its_share(data_params, count, share):
    params = data_params(test_share=share, validation_share=share)
    splits = give_out(make_pools({"train": NAMES[:count]}, params))
    for split in ("test", "validation"):
        assert len(splits[split]) == pytest.approx(max(1, share * count), abs=1)
    assert splits["train"]


def test_three_readable_photographs_fill_all_splits(data_params):
    splits = give_out(make_pools({"train": NAMES[:10]}, data_params()), unreadable=NAMES[:7])
    assert [len(names) for names in splits.values()] == [1, 1, 1]


def test_the_seed_decides(data_params):
    first, again, other = (
        give_out(make_pools({"train": NAMES}, data_params(split_seed=seed)))["test"] for seed in (0, 0, 1)
    )
    assert first == again
    assert set(first) != set(other)


def test_the_order_in_which_a_source_lists_does_not_matter(data_params):
    pools = [make_pools({"train": names}, data_params()) for names in (NAMES, NAMES[::-1])]
    assert pools[0] == pools[1]


def test_fewer_photographs_are_a_part_of_more(data_params):
    few, many = (give_out(make_pools({"train": NAMES}, data_params(max_photos=count))) for count in (10, 50))
    assert [len(names) for names in few.values()] == [6, 2, 2]
    assert set(chain(*few.values())) < set(chain(*many.values()))


def test_published_splits_are_kept(data_params):
    published = {"train": NAMES[:100], "validation": NAMES[100:150], "test": NAMES[150:]}
    splits = give_out(make_pools(published, data_params()))
    assert {split: sorted(names) for split, names in splits.items()} == {
        split: sorted(names) for split, names in published.items()
    }


def test_a_missing_validation_split_is_cut_from_train(data_params):
    splits = give_out(make_pools({"train": NAMES[:100], "test": NAMES[100:]}, data_params()))
    assert sorted(splits["test"]) == sorted(NAMES[100:])
    assert sorted(splits["train"] + splits["validation"]) == sorted(NAMES[:100])
    assert len(splits["validation"]) == 20


@pytest.mark.parametrize("parts", [("train",), ("train", "test"), ("train", "validation", "test")])
def test_a_limit_is_shared_out(data_params, parts):
    published = {part: [f"{part} {number}" for number in range(100)] for part in parts}
    splits = give_out(make_pools(published, data_params(max_photos=20)))
    assert sum(len(names) for names in splits.values()) == 20
    assert len(splits["test"]) == 4
    assert len(splits["validation"]) in (3, 4)
