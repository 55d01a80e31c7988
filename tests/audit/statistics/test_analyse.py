"""The whole analysis: complete, quick, and possible on what a sweep leaves behind."""

import time

import numpy as np
import pandas as pd
import pytest
from simulated_arms import arms_plan
from simulated_factorial import Noise, linear, make_plan, simulate, two_levels

from repro.audit.statistics.analysis import Analysis, analyse
from repro.audit.statistics.effects import EFFECT_COLUMNS
from repro.audit.study.plan import Plan


@pytest.mark.parametrize(
    "plan",
    [
        arms_plan(2, seeds=3, controls=True, metrics=2),
        make_plan(two_levels(4), seeds=2, baseline_seeds=5, controls=True),
        make_plan(two_levels(3), "full_factorial", seeds=2),
    ],
    ids=["one at a time", "screening", "full factorial"],
)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_any_state_of_a_sweep_is_analysed(plan: Plan, share: float) -> None:
    """With nothing, half and all of the runs run; some failed."""
    runs = [run.id for run in plan.runs]
    missing = np.random.default_rng(0).permutation(runs)[: round(len(runs) * (1 - share))].tolist()
    failed = [run for run in runs if run.endswith("s1") and run not in missing][:2]
    results = simulate(plan, linear(a=2), failed=failed)
    rows = results.rows[~results.rows["run"].isin(missing)]
    analysis = analyse(plan, results._replace(runs=results.runs.drop(missing), rows=rows))
    assert len(analysis.failures) == len(missing) + len(failed)
    assert set(EFFECT_COLUMNS) <= set(analysis.effects)
    assert set(analysis.verdicts["detail"]) == set(plan.levels)
    assert analysis.cost["runs"].item() == len(runs) - len(missing)
    if missing:
        assert analysis.verdicts["reason"].str.contains("of its runs missing").all()
    if not share:
        assert (analysis.verdicts["refused"] != "").all()
    for name in Analysis._fields:
        assert isinstance(getattr(analysis, name), pd.DataFrame), name


def test_a_study_of_controls_only() -> None:
    plan = make_plan({}, "one_at_a_time", seeds=6, baseline_seeds=6, rows=[], controls=True)
    controls = {"negative": {"stream": 1}, "positive": {"settings": {"rate": 0}, "expected": "worse"}}
    plan = plan.model_copy(update={"declaration": plan.declaration | {"controls": controls}})
    analysis = analyse(plan, simulate(plan, linear(), seed=1))
    assert analysis.controls.set_index("control")["passed"].to_dict() == {
        "negative control": True,
        "positive control": False,  # .031 by Holm over two: six seeds are too few
        "A/A re-splits": True,
    }
    assert analysis.verdicts.empty


def test_a_thousand_runs_take_less_than_ten_seconds() -> None:
    """33 arms by 30 seeds by 100 images, five metrics at two shares of the training: a million rows."""
    plan = arms_plan(25, seeds=38, baseline_seeds=50, metrics=5)
    full = simulate(plan, linear(a=1), Noise(seed=1, run=1, image=1), images=100)
    rows = pd.concat([full.rows, full.rows.assign(train_fraction=0.5)], ignore_index=True)
    assert len(full.runs) >= 1000
    assert len(rows) >= 1_000_000
    began = time.process_time()
    analysis = analyse(plan, full._replace(rows=rows))
    assert time.process_time() - began < 10
    assert len(analysis.effects) == 25 * 5 * 2
