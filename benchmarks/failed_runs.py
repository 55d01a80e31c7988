"""What failed runs do to the other effects, by simulation: `python -m benchmarks.failed_runs --studies 500`.

15 details in a Plackett-Burman design of 32 variants by two seeds: one detail has an effect of one standard deviation
of a run, one may be terrible (10), and runs fail: some of 64 at random, or one in five of those with one option. Each
way to fill in failed runs is tried on the same studies. Printed per setting and way: coverage of the 95 % intervals of
the details that neither fail nor are terrible, the share of studies in which one of those without an effect is said to
matter (Benjamini-Hochberg), the power to find the effect, and the mean standard error.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from repro.audit.statistics import stand_ins
from repro.audit.statistics.effects import describe_effects
from repro.audit.statistics.error_terms import choose_error_term
from repro.audit.statistics.linear_model import Coding, fit_design
from repro.audit.statistics.multiplicity import adjust_p
from repro.audit.statistics.outcomes import Outcomes
from repro.audit.study.designs import plackett_burman

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DETAILS, SEEDS, SEED_SD = 15, 2, 0.5
TERRIBLE, REAL, FAILING = 0, 1, 2
"""Columns of the detail that may be terrible, of the one with an effect, and of the one that makes runs fail."""
WAYS = ("nothing fails", "worst of the study", "dropped", "0", "2", "3", "5")
"""Numbers: noise standard deviations of the stand-in."""


def fill(way: str, values: Floats, failed: Flags, coding: Coding) -> Floats:
    """Fills in failed runs in one of the ways."""
    known = np.where(failed, np.nan, values)
    match way:
        case "nothing fails":
            return values
        case "worst of the study":
            return np.where(failed, np.nanmin(known), values)
        case "dropped":
            return known
        case _:
            return stand_ins.fill_failed(known, failed, coding.matrix, coding.design, True, float(way))[0]


def rate_study(values: Floats, failed: Flags, coding: Coding, truth: Floats, judged: Flags) -> Floats:
    """Returns of one study: share of intervals that cover, any false finding, the real one found, standard error."""
    ids = np.full(values.shape, "run", dtype=object)
    outcomes = Outcomes("m", 1.0, [str(row) for row in range(len(values))], np.arange(SEEDS), values, failed, ids)
    fit, term = fit_design(coding, outcomes), choose_error_term(coding, outcomes)
    found = describe_effects(fit.estimates, np.diag(fit.unit), term.variance, term.df)
    adjusted = adjust_p(found["p"], "Benjamini-Hochberg")
    covers = (found["low"] <= truth) & (truth <= found["high"])
    nothing = judged & (truth == 0)
    return np.array(
        [covers[judged].mean(), (adjusted[nothing] < 0.05).any(), adjusted[REAL] < 0.05, found["se"][judged].mean()]
    )


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=500)
    studies = parser.parse_args().studies
    matrix = (plackett_burman(DETAILS) + 1) / 2
    every = np.ones(len(matrix), dtype=bool)
    coding = Coding([(f"d{index}", "yes") for index in range(DETAILS)], matrix, every, every)
    print("| failures | terrible | failed runs | coverage | any false | power | SE |")
    print("|---" * 7 + "|")
    for failures in (1, 2, 4, None):
        for terrible in (0.0, 10.0):
            truth = np.zeros(DETAILS)
            truth[[TERRIBLE, REAL]] = -terrible, 1.0
            judged = np.ones(DETAILS, dtype=bool)
            judged[[TERRIBLE, FAILING] if failures is None else [TERRIBLE]] = False
            rates = np.zeros((len(WAYS), 4))
            for study in range(studies):
                generator = np.random.default_rng([study, failures or 0, int(terrible)])
                values = (matrix @ truth)[:, None] + SEED_SD * generator.normal(size=(1, SEEDS))
                values = values + generator.normal(size=(len(matrix), SEEDS))
                failed = (matrix[:, [FAILING]] == 1) & (generator.random(values.shape) < 0.2)
                if failures is not None:
                    failed = np.zeros(values.shape, dtype=bool)
                    failed.ravel()[generator.choice(values.size, failures, replace=False)] = True
                for place, way in enumerate(WAYS):
                    rates[place] += rate_study(fill(way, values, failed, coding), failed, coding, truth, judged)
            said = "1 in 5 of an option" if failures is None else f"{failures} of {values.size}"
            for way, row in zip(WAYS, rates / studies, strict=True):
                shown = " | ".join(f"{rate:.3f}" for rate in row)
                print(f"| {said} | {terrible:g} | {way} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
