"""Verdicts on stacks of known truth: `python -m benchmarks stacks --stacks 200`.

A stack of six parts is screened with the seeds that are planned where the noise is not known, answered, and what is
asked for next is run: mixtures that tell pairs apart, then the smallest stack beside the whole; three rounds at most,
as `repro judge --stack` plans them. The noise of a run has an SD of one, a seed shifts all its runs by as much again,
and the margin is one to three of them. Printed for each kind of stack:

- false confirmed: stacks whose smallest is called equivalent to the whole, and is off it by the margin or more;
- false unneeded: stacks with a part called not needed whose loss in the whole is the margin or more;
- false needed: stacks with a part called needed that does nothing in the whole;
- confirmed: stacks with a smallest stack that is confirmed, and the parts it drops of those that can go together;
- needed found: of the parts that are worth twice the margin in the whole, those called needed;
- runs: of a stack, in all rounds.

Monte Carlo error of a rate r: sqrt(r (1 - r) / stacks). Kinds marked * stand on the margin, where errors are largest.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from repro.audit.statistics.analysis import estimate_effects
from repro.audit.statistics.interactions import interactions
from repro.audit.statistics.looks import judge_effects
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.statistics.smallest_stack import StackTest, price_test
from repro.audit.statistics.stack import StackAnswer, answer_stack
from repro.audit.statistics.stack_parts import NEEDED, NOT_NEEDED
from repro.audit.statistics.verdicts import judge_details
from repro.audit.study.designs import stack_mixtures
from repro.audit.study.plan import Plan, Run, Variant
from repro.judge.stack_seeds import USUAL_SEEDS, count_comparison_seeds

KEYS = tuple("abcdef")
MARGINS = (1.0, 2.0, 3.0)
ROUNDS = 3
Dropped = frozenset[str]
Truth = Callable[[Dropped], float]
"""Gives the outcome of the whole without some parts less that of the whole, in margins; lower is better."""


def _add(**worth: float) -> Truth:
    return lambda out: sum(worth.get(key, 0.0) for key in out)


def _work_together(out: Dropped) -> float:
    """Says that a and b are worth two margins if both are there, and nothing alone."""
    return 2.0 * bool({"a", "b"} & out)


def _stand_in(out: Dropped) -> float:
    """Says that a or b suffices: without both two margins are lost."""
    return 2.0 * ({"a", "b"} <= out)


def _cross(out: Dropped) -> float:
    """Says that c gains one and a half margins where a is, and loses as much where it is not."""
    return 2.0 * ("a" in out) + 1.5 * ("c" in out) * (-1 if "a" in out else 1)


def _all_small(out: Dropped) -> float:
    """Says that every pair of parts adds a fifteenth of the margin, so that all of them together are worth it."""
    return sum(1 / 15 for _ in combinations(out, 2))


KINDS: dict[str, Truth] = {
    "nothing is needed": _add(),
    "two parts, two margins each": _add(a=2.0, b=2.0),
    "one part *": _add(a=1.0),
    "three parts *": _add(a=1.0, b=1.0, c=1.0),
    "two halves *": _add(a=0.5, b=0.5),
    "six sixths *": _add(**dict.fromkeys(KEYS, 1 / 6)),
    "two that work together": _work_together,
    "two that stand in": _stand_in,
    "one whose sign another turns": _cross,
    "many small pairs *": _all_small,
}


class Told(NamedTuple):
    """What became of one stack."""

    answer: StackAnswer
    runs: int


class Table:
    """Runs of a stack so far: values by mixture and seed, drawn as they are asked for."""

    def __init__(self, truth: Truth, margin: float, generator: np.random.Generator) -> None:
        """Starts without runs."""
        self.truth, self.margin, self.generator = truth, margin, generator
        self.values: dict[tuple[Dropped, int], float] = {}
        self.shift = generator.normal(size=60)

    def run(self, rows: Sequence[Dropped], seeds: int) -> None:
        """Makes the runs that are not there yet."""
        for row in rows:
            for seed in range(seeds):
                if (row, seed) not in self.values:
                    noise = self.shift[seed] + self.generator.normal()
                    self.values[row, seed] = self.margin * self.truth(row) + noise

    def pool_sd(self) -> float:
        """Pools the SD of runs within mixtures, as `repro judge` does."""
        rows = {row: [v for (other, _), v in self.values.items() if other == row] for row, _ in self.values}
        squares = sum(np.var(values, ddof=1) * (len(values) - 1) for values in rows.values() if len(values) > 1)
        return float(np.sqrt(squares / sum(len(values) - 1 for values in rows.values())))

    def answer(self, declared: Sequence[str], earlier: Sequence[StackTest]) -> StackAnswer:
        """Answers from the runs that there are."""
        plan, outcomes = self._tabulate()
        effects = judge_effects(plan, [outcomes], partial(estimate_effects, plan))
        pairs = interactions(plan, [outcomes])
        verdicts = judge_details(plan, [outcomes], effects, pairs)
        return answer_stack(plan, outcomes, effects, pairs, verdicts, declared=declared, earlier=earlier)

    def _tabulate(self) -> tuple[Plan, Outcomes]:
        rows = list(dict.fromkeys(row for row, _ in self.values))
        most = 1 + max(seed for _, seed in self.values)
        names = ["".join(sorted(row)) or "whole" for row in rows]
        values = np.array([[self.values.get((row, seed), np.nan) for seed in range(most)] for row in rows])
        known = np.isfinite(values)
        ids = np.array([[f"{name}-s{seed}" if there else "" for seed, there in enumerate(line)]
                        for name, line in zip(names, known, strict=True)], dtype=object)  # fmt: skip
        plan = Plan(
            **{"study": "stack", "fingerprint": "", "frozen": "", "left_out": [], "deviations": []},
            declaration=_declare(self.margin, most),
            levels={key: ["final", "base"] for key in KEYS},
            variants=[
                Variant(id=name, role="arm" if row else "baseline", settings=dict.fromkeys(sorted(row), "base"))
                for name, row in zip(names, rows, strict=True)
            ],
            runs=[Run(id=i, variant=i.rpartition("-s")[0], seed=int(i.rpartition("-s")[2])) for i in ids[known]],
        )
        failed = np.zeros(values.shape, dtype=bool)
        return plan, Outcomes("loss", 1.0, names, np.arange(most), values, failed, ids)


def _declare(margin: float, seeds: int) -> dict[str, Any]:
    found = {"table": "simulated", "paired": True}
    metrics = {"loss": {"direction": "lower", "margin": margin, "why": ""}}
    declared = {"title": "", "reading": "", "scale": "", "details": {key: ["base"] for key in KEYS}}
    return {**declared, "design": "random", "correction": "Holm", "found": found, "seeds": seeds, "metrics": metrics}


def judge(truth: Truth, margin: float, generator: np.random.Generator) -> Told:
    """Takes one stack through all rounds."""
    table = Table(truth, margin, generator)
    levels = {key: ["final", "base"] for key in KEYS}
    rows = stack_mixtures(levels, int(generator.integers(2**31)))[1]
    table.run([frozenset(row) for row in rows], USUAL_SEEDS)
    answer = table.answer([], [])
    for _ in range(ROUNDS):
        if not answer.wanted:
            break
        declared = answer.smallest.dropped
        seeds = count_comparison_seeds(table.pool_sd(), margin, price_test(len(answer.tests) + 1))[0]
        before = len(table.values)
        table.run([frozenset(), *map(frozenset, answer.wanted)], seeds)
        if len(table.values) == before:
            break
        answer = table.answer(declared, answer.tests)
    return Told(answer, len(table.values))


def rate(truth: Truth, margin: float, stacks: int) -> NDArray[np.float64]:
    """Returns the rates of a kind, in the order of the table; NaN where there is nothing to count."""
    rows = []
    alone = {key: truth(frozenset(key)) for key in KEYS}
    together = max(
        len(row) for n in range(len(KEYS) + 1) for row in combinations(KEYS, n) if truth(frozenset(row)) < 1 - 1e-9
    )
    for number in range(stacks):
        answer, runs = judge(truth, margin, np.random.default_rng([number, int(margin)]))
        best = answer.smallest
        off = abs(truth(frozenset(best.dropped))) >= 1 - 1e-9
        unneeded = [alone[key] for key in answer.named(NOT_NEEDED)]
        needed = answer.named(NEEDED)
        large = [key in needed for key, worth in alone.items() if worth >= 2 - 1e-9]
        rows.append(
            (
                best.confirmed and off,
                any(abs(worth) >= 1 - 1e-9 for worth in unneeded),
                any(abs(alone[key]) < 1e-9 for key in needed),
                best.confirmed,
                len(best.dropped) / together if best.confirmed and together else np.nan,
                np.mean(large) if large else np.nan,
                runs,
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing is NaN
        return np.nanmean(np.array(rows, dtype=np.float64), axis=0)


HEAD = (
    "| stack | margin, SD | false confirmed | false unneeded | false needed | confirmed | of what can go | needed "
    "found | runs |\n|---|---|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Verdicts on stacks of known truth.")
    parser.add_argument("--stacks", type=int, default=200)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--margins", nargs="*", type=float, default=list(MARGINS))
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    print(f"{asked.stacks} stacks of {len(KEYS)} parts each\n\n{HEAD}", flush=True)
    for name in asked.kinds:
        for margin in asked.margins:
            found = rate(KINDS[name], margin, asked.stacks)
            cells = ["" if np.isnan(value) else f"{value:.3f}" for value in found[:-1]]
            print(f"| {name} | {margin:g} | {' | '.join(cells)} | {found[-1]:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
