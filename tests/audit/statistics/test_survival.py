"""Survival of claims: shares held against enumerated surfaces, coverage of their intervals, and what refuses them."""

from collections.abc import Callable, Mapping
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.outcomes import tabulate_outcomes
from repro.audit.statistics.survival import Survival, find_survival
from repro.audit.study.declaration import Claim
from repro.audit.study.plan import LeftOut, Plan

LITTLE = Noise(run=0.05)
Truth = Callable[[Mapping[str, Any]], float]


def survive(
    plan: Plan, truth: Truth, noise: Noise = LITTLE, *, better: str = "yes", than: str = "no", **more: Any
) -> Survival:
    claim = Claim(text="-", metric="m0", detail="a", better=better, than=than, source="-")
    return find_survival(plan, claim, tabulate_outcomes(plan, simulate(plan, truth, noise, **more))[0])


def enumerate_gains(plan: Plan, truth: Truth) -> np.ndarray:
    """Returns what the option yes of a gains over no under every combination of the others, by the truth itself."""
    others = [detail for detail in plan.levels if detail != "a"]
    rows = [
        {detail: option for detail, option in zip(others, row, strict=True) if option != "no"}
        for row in product(*(plan.levels[detail] for detail in others))
    ]
    return np.array([truth(row | {"a": "yes"}) - truth(row) for row in rows])


def draw_surface(generator: np.random.Generator, details: int, pairs: float, higher: float, few: int = 0) -> Truth:
    """Returns a surface with standard normal main effects, pairs and triples of given sd; few: so many pairs only."""
    names = list(two_levels(details))
    terms: dict[tuple[str, ...], float] = {(name,): generator.standard_normal() for name in names}
    every = list(combinations(names, 2))
    chosen = generator.choice(len(every), few, replace=False) if few else range(len(every))
    terms |= {every[place]: pairs * generator.standard_normal() for place in chosen}
    terms |= {triple: higher * generator.standard_normal() for triple in combinations(names, 3)}
    return lambda settings: (
        20
        + sum(
            effect * np.prod([(1 if name in settings else -1) for name in term]) / 2 for term, effect in terms.items()
        )
    )


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_full_factorial_gives_the_share_itself(direction: str) -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=3, direction=direction)
    truth = linear(a=-1, a_b=4, a_c=2)  # better under b, and by 1 under c alone: 6 of 8
    found = survive(plan, truth)
    share = 0.75 if direction == "higher" else 0.25
    assert (found.share, found.low, found.high) == pytest.approx((share,) * 3, abs=0.01)
    assert found.note == "of 8 combinations of the 3 other details"


def test_interactions_of_three_are_seen_where_they_were_run() -> None:
    plan = make_plan(two_levels(3), "full_factorial", seeds=6)
    truth = linear(a=1, a_b_c=-3)
    assert survive(plan, truth).share == pytest.approx(0.75, abs=0.02)


def test_by_more_than_the_margin() -> None:
    """The margin is .1: a gain of .05 is better, but not by more than that."""
    plan = make_plan(two_levels(3), "full_factorial", seeds=4)
    found = survive(plan, linear(a=0.05, a_b=1), Noise(run=0.003))
    assert (found.share, found.margin_share) == pytest.approx((1, 0.5), abs=0.02)


def test_turned_round_the_rest_survives() -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=3)
    truth = linear(a=-1, a_b=4)
    one, other = survive(plan, truth), survive(plan, truth, better="no", than="yes")
    assert one.share + other.share == pytest.approx(1, abs=0.02)


def test_two_options_that_are_not_the_baselines() -> None:
    plan = make_plan({"a": ["no", "yes", "other"], "b": ["no", "yes"], "c": ["no", "yes"]}, "full_factorial", seeds=4)
    gains = {"yes": 3.0, "other": 1.0, "no": 0.0}
    found = survive(
        plan, lambda s: gains[s.get("a", "no")] - 4 * (s.get("a") == "yes" and "b" in s), better="yes", than="other"
    )
    assert found.share == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("design", "details", "generators"),
    [
        ("full_factorial", 4, None),
        ("plackett_burman", 7, None),
        ("fractional_factorial", 5, "a b c d abcd"),
    ],
)
@pytest.mark.parametrize(
    ("pairs", "higher", "few"),
    [(1.0, 0.0, 0), (0.5, 0.15, 0), (2.0, 0.0, 2), (0.0, 0.0, 0)],
    ids=["many pairs", "triples as well", "two pairs", "none"],
)
def test_intervals_cover_the_enumerated_share(
    design: str, details: int, generators: str | None, pairs: float, higher: float, few: int
) -> None:
    """95 % are meant; 10 surfaces each in 12 settings: below 7 in one has a chance of .001."""
    plan = make_plan(two_levels(details), design, seeds=3, generators=generators)
    generator = np.random.default_rng([details, int(10 * pairs), int(100 * higher), few])
    covered = 0
    for seed in range(10):
        truth = draw_surface(generator, details, pairs, higher, few)
        share = float((enumerate_gains(plan, truth) > 0).mean())
        found = survive(plan, truth, Noise(seed=1.0, run=0.5), seed=seed)
        covered += found.low - 1e-9 <= share <= found.high + 1e-9
    assert covered >= 7


def test_what_a_design_mixes_widens_the_interval() -> None:
    """One pair of three: where all combinations were run it is known to be a x b, in the fraction it may be c x d."""
    truth = linear(a=1, a_b=-6, c=2, d=1)
    whole = survive(make_plan(two_levels(4), "full_factorial", seeds=4), truth)
    fraction = survive(make_plan(two_levels(4), "fractional_factorial", seeds=4, generators="a b c abc"), truth)
    assert whole.high - whole.low < 0.02
    assert fraction.high - fraction.low > 0.3
    assert "3 of 3 interactions of a are mixed with others" in fraction.note
    assert "interactions of three details and more cannot be seen" in fraction.note


def test_noise_widens_the_interval() -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=3)
    widths = [(found := survive(plan, linear(a=1), Noise(run=run))).high - found.low for run in (0.05, 3.0)]
    assert widths[0] < 0.05 < 0.3 < widths[1]


def test_without_noise_nothing_is_left_open() -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=2)
    found = survive(plan, linear(a=1, a_b=-3), Noise(run=0.0))
    assert found[:3] == pytest.approx((0.5, 0.5, 0.5))


def test_missing_runs_leave_a_share() -> None:
    plan = make_plan(two_levels(4), "full_factorial", seeds=4)
    found = survive(plan, linear(a=-1, a_b=4), Noise(seed=3.0, run=0.05), missing=["v3-s0", "v5-s1", "v5-s2", "v9-s3"])
    assert found.share == pytest.approx(0.5, abs=0.02)


def test_combinations_that_cannot_be_had_do_not_count() -> None:
    plan = make_plan(two_levels(3), "full_factorial", seeds=3)
    truth = linear(a=1, a_b=-3)
    assert survive(plan, truth).share == pytest.approx(0.5, abs=0.02)
    without = plan.model_copy(update={"left_out": [LeftOut(settings={"a": "yes", "b": "yes"}, reason="-")]})
    found = survive(without, truth)
    assert found.share == pytest.approx(1, abs=0.02)
    assert found.note.endswith("less 2 that cannot be had")


def test_many_combinations_are_drawn() -> None:
    plan = make_plan(two_levels(14), "plackett_burman", seeds=2)
    found = survive(plan, linear(a=5))
    assert found.note.startswith("of 8,192 combinations of the 13 other details, 4,096 of them drawn")
    assert found.share == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("plan", "note"),
    [
        (
            make_plan(two_levels(2), "one_at_a_time", seeds=4, rows=[{"a": "yes"}, {"b": "yes"}]),
            "no interaction is seen",
        ),
        (make_plan(two_levels(1), "full_factorial", seeds=4), "no other detail is varied"),
        (make_plan(two_levels(3), "full_factorial", seeds=1), "it takes two seeds"),
        (make_plan(two_levels(3), "fractional_factorial", seeds=3, generators="a b ab"), "more design points"),
    ],
    ids=["one at a time", "alone", "one seed", "saturated"],
)
def test_refused(plan: Plan, note: str) -> None:
    found = survive(plan, linear(a=3))
    assert np.isnan(found[:6]).all()
    assert note in found.note
