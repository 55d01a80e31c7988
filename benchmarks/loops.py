"""Rules for loops of changes, side by side at equal runs: `python -m benchmarks loops --loops 2000`.

A loop tries 200 ideas, one after another, on the best state so far. Most do nothing; in some loops ten of them, at
places drawn at random, gain 1, 2 or 4 standard deviations of a run over what is the champion then. Printed for each
rule: the share of whole loops with a false keep (and the false keeps a loop), each with its Monte Carlo error, the
share of planted gains kept, and the runs per idea, with those of the champion.

- ours: `repro.judge.loop_rule` as it stands, in every world.
- keep if better: the mean of n runs of an idea against the mean of the n that the champion was kept by; as it is, and
  with the least gain that leaves .05 of loops where nothing is with a false keep.
- ratio to a noise floor: the rule of `autojudge` 1.0.1 as facts (auto_judge.py, read 2026-11): an idea is kept where it
  gains 1.5 noise floors over the best kept so far, with the standard deviation of the differences between successive of
  the last five kept, the idea itself not among them, for a noise floor; with less than three kept, where it gains .3 %
  of a metric near 1 with a standard deviation of .002, that is 1.5 of them. Calibrated: both bounds times one factor.
- n runs, Bonferroni: n runs of each idea and 3 n fresh ones of each champion, a t test with the pooled standard
  deviation of all runs at .05 / 200; with the level, too, that leaves .05 of loops with a false keep.

A peer has the number of runs an idea that ours used in the same kind of loops, rounded up: it has more runs in all.
Calibration is by simulation in loops of the same world where nothing is, of seeds that the table does not use: a peer
is told what ours has to find out.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from benchmarks.loop_rules import (
    NORMAL,
    Draw,
    Floats,
    Loops,
    World,
    draw_gains,
    run_fixed,
    run_keep_if_better,
    run_noise_floor,
    run_ours,
)

IDEAS: Final = 200
PLANTED: Final = 10
GAINS: Final = (0.0, 1.0, 2.0, 4.0)
ALPHA: Final = 0.05
CALIBRATION_LOOPS: Final = 2000
_BONFERRONI: Final = float(np.log(IDEAS / ALPHA))


def _lognormal(sigma: float, better: int) -> Draw:
    """Returns noise with a long tail of better (1) or worse (-1) runs."""
    mean, sd = np.exp(sigma**2 / 2), np.sqrt(np.expm1(sigma**2) * np.exp(sigma**2))
    return lambda generator, shape: better * (np.exp(sigma * generator.standard_normal(shape)) - mean) / sd


_T4: Final[Draw] = lambda generator, shape: generator.standard_t(4, shape) / np.sqrt(2)  # noqa: E731
WORLDS: Final[dict[str, World]] = {
    "normal": NORMAL,
    "ideas scatter 0.5 times as much": World(ratio=0.5),
    "ideas scatter 1.5 times as much": World(ratio=1.5),
    "ideas scatter 2 times as much": World(ratio=2.0),
    "t with 4 df": World(_T4),
    "t with 4 df, ideas 2 times": World(_T4, 2.0),
    "lognormal (1), worse tail": World(_lognormal(1.0, -1)),
    "lognormal (1), better tail": World(_lognormal(1.0, 1)),
    "lognormal (.5), worse tail, ideas 1.5 times": World(_lognormal(0.5, -1), 1.5),
    "lognormal (1), worse tail, ideas 2 times": World(_lognormal(1.0, -1), 2.0),
}
Rule = Callable[[Floats, np.random.Generator, int, float, World], Loops]
PEERS: Final[dict[str, tuple[Rule, float, float]]] = {
    "keep if better": (run_keep_if_better, 0.0, 16.0),
    "noise floor": (run_noise_floor, 0.0, 16.0),
    "n runs, Bonferroni": (run_fixed, 3.0, 40.0),
}
"""Rules to calibrate, each with a bound that is too lax and one that is strict."""
AS_THEY_ARE: Final[dict[str, Callable[[Floats, np.random.Generator], Loops]]] = {
    "keep if better, 1 run": lambda gains, generator: run_keep_if_better(gains, generator, 1, 0.0),
    "noise floor, 1 run": lambda gains, generator: run_noise_floor(gains, generator, 1, 1.0),
    "ours": run_ours,
}
HEAD: Final = (
    "| rule | loops with a false keep | false keeps a loop | gains kept | runs an idea |\n|---|---|---|---|---|"
)


def calibrate(
    rule: Rule, runs: int, low: float, high: float, world: World = NORMAL, loops: int = CALIBRATION_LOOPS
) -> float:
    """Returns the bound between `low` and `high`, by halving, at which .05 of loops without a gain have a false keep.

    Args:
        rule: whose false keeps are the rarer the nearer its last bound is to `high`.
        runs: per idea.
        low: too lax.
        high: strict enough.
        world: of the noise.
        loops: simulated at each trial, always the same.
    """
    nothing = np.zeros((loops, IDEAS))
    for _ in range(10):
        middle = (low + high) / 2
        wrong = (rule(nothing, np.random.default_rng([7, runs]), runs, middle, world).false > 0).mean()
        low, high = (middle, high) if wrong > ALPHA else (low, middle)
    return high


def describe(name: str, done: Loops, planted: int) -> str:
    """Returns a line of the table."""
    wrong = done.false > 0
    loops = len(wrong)
    error = max(float(wrong.std()), 1 / np.sqrt(loops)) / np.sqrt(loops)
    cells = [f"{wrong.mean():.4f} ({error:.4f})", f"{done.false.mean():.3f} ({done.false.std() / np.sqrt(loops):.3f})"]
    if planted:
        power = done.found / planted
        cells.append(f"{power.mean():.3f} ({power.std() / np.sqrt(loops):.3f})")
    else:
        cells.append("")
    return f"| {name} | " + " | ".join([*cells, f"{done.runs.mean() / done.ideas:.2f}"]) + " |"


def compare(gain: float, loops: int, world: World, bounds: dict[tuple[str, int, float], float]) -> None:
    """Prints a table of ours and its peers, calibrated and, Bonferroni, as it is."""
    planted = PLANTED if gain else 0
    gains = draw_gains(np.random.default_rng(4), loops, IDEAS, planted, gain)
    print(HEAD)
    if world.ratio == 1:
        for name, rule in list(AS_THEY_ARE.items())[:-1]:
            print(describe(name, rule(gains, np.random.default_rng(5)), planted), flush=True)
    ours = run_ours(gains, np.random.default_rng(5), world)
    print(describe("ours", ours, planted), flush=True)
    runs = int(np.ceil(ours.runs.mean() / IDEAS))
    for name, (peer, low, high) in PEERS.items():
        key = (name, runs, world.ratio)
        if key not in bounds:
            bounds[key] = calibrate(peer, runs, low, high, world)
        done = peer(gains, np.random.default_rng(6), runs, bounds[key], world)
        print(describe(f"{name}, calibrated, {runs} runs, bound {bounds[key]:.2f}", done, planted), flush=True)
    done = run_fixed(gains, np.random.default_rng(6), runs, _BONFERRONI, world)
    print(describe(f"n runs, Bonferroni, {runs} runs", done, planted), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; returns the exit status."""
    parser = argparse.ArgumentParser(description="Compare rules that keep and discard changes.")
    parser.add_argument("--loops", type=int, default=2000)
    loops = parser.parse_args(arguments).loops
    bounds: dict[tuple[str, int, float], float] = {}
    print(f"Loops of 14 ideas that do nothing, {loops} loops:\n\n{HEAD}")
    for name, rule in AS_THEY_ARE.items():
        print(describe(name, rule(np.zeros((loops, 14)), np.random.default_rng(1)), 0), flush=True)
    for gain in GAINS:
        planted = PLANTED if gain else 0
        print(f"\nLoops of {IDEAS} ideas, {planted} of which gain {gain:g} SD, {loops} loops:\n")
        compare(gain, loops, WORLDS["normal"], bounds)
    for gain in (2.0, 4.0):
        print(f"\nThe same, {PLANTED} gain {gain:g} SD of the champion, and ideas scatter twice as much:\n")
        compare(gain, loops, World(ratio=2.0), bounds)
    print(f"\nNothing gains, {loops} loops of {IDEAS} ideas:\n\n{HEAD}")
    for name, world in WORLDS.items():
        print(describe(f"ours, {name}", run_ours(np.zeros((loops, IDEAS)), np.random.default_rng(8), world), 0))
        fixed = run_fixed(np.zeros((loops, IDEAS)), np.random.default_rng(8), 4, _BONFERRONI, world)
        print(describe(f"4 runs, Bonferroni, {name}", fixed, 0), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
