"""Folds share their training data: what is said of them covers, and seeds are left as they are."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from repro.judge.declaration import Flags, read_declaration
from repro.judge.folds import stretch, stretch_factor
from repro.judge.table import read_table
from repro.judge.verdicts import judge_table

K = 10


def coverage(rng, studies: int, *, stretched: bool) -> float:
    """Shares of studies whose 95 % interval covers a mean difference of 0 over folds that correlate by 1 / K."""
    values = rng.normal(size=(studies, 1)) * np.sqrt(1 / K) + rng.normal(size=(studies, K)) * np.sqrt(1 - 1 / K)
    study, fold = np.indices(values.shape).reshape(2, -1)
    frame = pd.DataFrame({"variant": study, "replicate": fold, "loss": values.ravel()})
    if stretched:
        frame, _ = stretch(frame, ["loss"], "fold")
    found = frame["loss"].to_numpy().reshape(values.shape)
    low, high = stats.t.interval(0.95, K - 1, found.mean(axis=1), stats.sem(found, axis=1))
    return float(((low < 0) & (high > 0)).mean())


def test_intervals_over_folds_cover() -> None:
    rng, studies = np.random.default_rng(0), 2000
    error = np.sqrt(0.05 * 0.95 / studies)
    assert coverage(rng, studies, stretched=True) > 0.95 - 2 * error
    assert coverage(rng, studies, stretched=False) < 0.95 - 6 * error, "as they are"


def test_means_stay_and_the_variance_is_the_corrected_one() -> None:
    values = np.random.default_rng(1).normal(size=(2, K))
    frame = pd.DataFrame({"variant": np.repeat([0, 1], K), "replicate": [*range(K)] * 2, "loss": values.ravel()})
    found, said = stretch(frame, ["loss"], "cv_fold")
    new = found["loss"].to_numpy().reshape(2, K)
    assert new.mean(1) == pytest.approx(values.mean(1))
    difference, before = new[1] - new[0], values[1] - values[0]
    assert difference.var(ddof=1) / K == pytest.approx((1 / K + 1 / (K - 1)) * before.var(ddof=1))
    assert f"factor of {stretch_factor(K):.2f}" in said[0]
    pd.testing.assert_frame_equal(stretch(frame, ["loss"], "seed")[0], frame)


def test_units_of_a_fold_move_together() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"variant": 0, "replicate": np.repeat(range(4), 3), "unit": [*"abc"] * 4})
    frame["loss"] = rng.normal(size=12)
    found, _ = stretch(frame, ["loss"], "fold")
    shift = (found["loss"] - frame["loss"]).to_numpy().reshape(4, 3)
    assert shift == pytest.approx(np.repeat(shift[:, :1], 3, axis=1))
    assert abs(shift).max() > 0


@pytest.mark.parametrize(("name", "wider"), [("fold", np.sqrt(1 + 8 / 7)), ("seed", 1.0)])
def test_judge_widens_folds_and_not_seeds(tmp_path, name, wider) -> None:
    rng = np.random.default_rng(3)
    runs = pd.DataFrame({"lr": np.repeat(["a", "b"], 8), name: [*range(8)] * 2, "loss": rng.normal(size=16)})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    declared = read_declaration(str(tmp_path / "runs.csv"), Flags(outcome=("loss:lower",), margin=0.5))
    found = judge_table(read_table(declared.table), declared)
    plain = runs[runs["lr"] == "b"]["loss"].to_numpy() - runs[runs["lr"] == "a"]["loss"].to_numpy()
    row = found.analysis.effects.iloc[0]
    half = stats.t.ppf(0.975, 7) * stats.sem(plain) * wider
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half)
    assert any("folds share" in line for line in found.said) == (name == "fold")
