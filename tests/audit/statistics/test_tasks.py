"""Options over tasks: units, scales, the task as a random factor, and agreement with rliable and statsmodels."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

from repro.audit.statistics.aggregate_scores import aggregate_scores, improvement_by_task, interquartile_mean
from repro.audit.statistics.task_scores import TaskScores, find_factors, read_scores
from repro.audit.statistics.tasks import (
    ALL_TASKS,
    average_tasks,
    compare_over_tasks,
    describe_difference,
    find_heterogeneity,
)
from repro.errors import UserError

DATA = Path(__file__).parents[2] / "data" / "tasks"
TABULAR, ATARI = (pd.read_csv(DATA / name) for name in ("tabular.csv", "atari.csv"))
ACCURACY = ["adult", "churn", "covtype", "gesture", "higgs-small", "otto", "santander"]


@pytest.fixture(scope="module")
def rliable() -> Any:
    """The package, whose dependency arch calls a decorator of pandas by its signature of pandas 2."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pandas.util._decorators.deprecate_kwarg", lambda *_: lambda function: function)
        from rliable import library, metrics
    return SimpleNamespace(library=library, metrics=metrics)


def overall(scores: TaskScores, **given: Any) -> Any:
    return compare_over_tasks(scores, higher_is_better=True, **given).iloc[-1]


def _fill(better: np.ndarray, than: np.ndarray) -> list[np.ndarray]:
    """Returns both with as many rows, NaN where one has fewer."""
    rows = max(len(better), len(than))
    return [np.vstack([side, np.full((rows - len(side), side.shape[1]), np.nan)]) for side in (better, than)]


def draw(seed: int, tasks: int = 8, seeds: int = 5, shift: float = 0.5) -> TaskScores:
    """Scores of two options with a spread of tasks, of their difference, and of runs."""
    generator = np.random.default_rng(seed)
    level, change = generator.normal(20, 3, tasks), generator.normal(shift, 0.5, tasks)
    better, than = generator.standard_normal((2, seeds, tasks))
    return TaskScores([f"t{task}" for task in range(tasks)], level + change + better, level + than, shared=False)


class TestUnits:
    @pytest.mark.parametrize(("better", "than"), [("mlp-plr", "mlp"), ("mlp-lr", "mlp"), ("mlp-plr", "catboost")])
    def test_a_mean_over_errors_and_accuracies_is_refused(self, better, than):
        found = overall(read_scores(TABULAR, better, than))
        assert "100 % of it lies in 1 of 11 tasks (house)" in found["refused"]
        assert found[["estimate", "low", "p", "iqm"]].isna().all()

    def test_accuracies_alone_have_a_mean(self):
        found = overall(read_scores(TABULAR[TABULAR["task"].isin(ACCURACY)], "mlp-plr", "mlp"))
        assert found["refused"] == ""
        assert 0 < found["estimate"] < 0.02

    def test_raw_scores_of_games_have_none(self):
        found = compare_over_tasks(read_scores(ATARI, "Rainbow", "DQN"), higher_is_better=True)
        assert "of 60 tasks" in found["refused"].iloc[-1]
        assert found["estimate"].notna().sum() == 60  # each task has its own difference all the same

    @pytest.mark.parametrize(
        ("levels", "refused"),
        [
            ([0.9, 0.3, 0.3], False),
            ([0.9, 0.5], False),
            ([11.0, 1.0], True),
            ([8.0, 1.0], False),
            ([40, 30, 1, 1], True),
        ],
    )
    def test_half_of_the_tasks_with_nine_tenths_of_the_sum(self, levels, refused):
        scores = np.array(levels) + np.array([[0.0], [0.1]])
        found = overall(TaskScores([str(level) for level in levels], scores + 0.01, scores, shared=False))
        assert bool(found["refused"]) == refused

    def test_the_declaration_decides(self):
        scores = read_scores(TABULAR, "mlp-plr", "mlp")
        alike = overall(scores, units=dict.fromkeys(scores.tasks, "score"))
        assert alike["refused"] == ""
        few = read_scores(TABULAR[TABULAR["task"].isin(["adult", "california"])], "mlp-plr", "mlp")
        assert overall(few)["refused"] == ""
        unlike = overall(few, units={"adult": "accuracy", "california": "RMSE"})
        assert "units are unlike (accuracy, RMSE)" in unlike["refused"]

    def test_a_scale_makes_units_indifferent(self):
        """A task measured in another unit changes nothing on either scale."""
        scores = draw(1)
        other = scores._replace(better=scores.better * [1000, *[1] * 7], than=scores.than * [1000, *[1] * 7])
        for scale in ("per_task_sd", "baseline_ratio"):
            first, second = overall(scores, scale=scale), overall(other, scale=scale)
            assert first["estimate"] == pytest.approx(second["estimate"])
            assert first["low"] == pytest.approx(second["low"])
            assert first["iqm"] == pytest.approx(second["iqm"])

    def test_per_task_sd_is_hedges_g(self):
        scores = draw(2, tasks=1, seeds=6)
        first, second = scores.better[:, 0], scores.than[:, 0]
        pooled = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
        expected = (first.mean() - second.mean()) / pooled * (1 - 3 / (4 * 10 - 1))  # the usual approximation of J
        difference = (first.mean() - second.mean()) * find_factors(scores, "per_task_sd")[0]
        assert difference == pytest.approx(expected, rel=1e-3)

    def test_a_scale_that_cannot_be_had(self):
        assert "takes 3 of each" in overall(draw(3, seeds=2), scale="per_task_sd")["refused"]
        zero = draw(3)._replace(than=np.zeros((5, 8)))
        assert "other option's mean is zero" in overall(zero, scale="baseline_ratio")["refused"]
        assert overall(draw(3, tasks=1))["refused"] == "1 task has both options: it says nothing of others"

    def test_two_values_of_one_run(self):
        with pytest.raises(UserError, match="adult: mlp has two values for seed 0"):
            read_scores(pd.concat([TABULAR, TABULAR]), "mlp-plr", "mlp")


class TestOverTasks:
    def test_runs_of_their_own_are_a_t_test_of_the_means_of_tasks(self):
        scores = draw(4)
        means = scores.better.mean(axis=0) - scores.than.mean(axis=0)
        expected = stats.ttest_1samp(means, 0)
        found = overall(scores)
        assert (found["estimate"], found["p"], found["df"]) == pytest.approx((means.mean(), expected.pvalue, 7))
        assert (found["low"], found["high"]) == pytest.approx(expected.confidence_interval(0.95))

    def test_each_task_is_compared_by_welch(self):
        scores = draw(5)
        found = compare_over_tasks(scores, higher_is_better=True).iloc[0]
        expected = stats.ttest_ind(scores.better[:, 0], scores.than[:, 0], equal_var=False)
        assert (found["p"], found["df"]) == pytest.approx((expected.pvalue, expected.df))
        assert found["low"] == pytest.approx(expected.confidence_interval(0.95).low)

    def test_missing_runs_change_no_other_task(self):
        scores = draw(6)
        fewer = scores._replace(better=np.where(np.eye(5, 8, dtype=bool), np.nan, scores.better))
        first, second = (compare_over_tasks(some, higher_is_better=True) for some in (scores, fewer))
        assert first["estimate"].to_numpy()[5:8] == pytest.approx(second["estimate"].to_numpy()[5:8])
        assert second["seeds"].tolist()[:8] == [4] * 5 + [5] * 3
        assert np.isfinite(second["p"]).all()

    def test_components(self):
        """The variance of the difference between tasks, 1/4, beyond its noise within them, 2/5: 15 tables of 20."""
        found = [overall(draw(seed, tasks=20)) for seed in range(15)]
        within, between = (np.mean([row[name] ** 2 for row in found]) for name in ("within_sd", "between_sd"))
        assert within == pytest.approx(0.4, abs=3 * 0.4 * np.sqrt(2 / (8 * 20 * 15)))
        # The variance of the means of tasks, .65, has 19 degrees of freedom in each table.
        assert between == pytest.approx(0.25, abs=3 * 0.65 * np.sqrt(2 / (19 * 15)))

    def test_heterogeneity_is_welchs_test(self):
        scores = draw(7)._replace(than=np.zeros((5, 8)))
        expected = anova_oneway(list(scores.better.T), use_var="unequal", welch_correction=True)
        f, p = find_heterogeneity(scores, np.ones(8))
        # without noise in the other option the difference is that of one sample, with its own df
        assert (f, p) == pytest.approx((expected.statistic, expected.pvalue))

    def test_no_noise_is_certain(self):
        assert describe_difference(0.0, 0.0, 3)["p"] == 1
        assert describe_difference(1.0, 0.0, 3)["p"] == 0


class TestFalseAlarms:
    """Where nothing is there on average over tasks, 5 % are found; 1,500 tables, Monte Carlo error .6 %."""

    TABLES, TASKS, SEEDS = 1_500, 6, 4
    WITHIN = 3 * np.sqrt(0.05 * 0.95 / TABLES)

    def rate(self, *, run: float, shared: bool, task: float = 0.5) -> float:
        """Share of tables with p below .05: sd of a run (all tasks alike), of task x option; 1 of what is left."""
        generator = np.random.default_rng(0)
        found = []
        for _ in range(self.TABLES):
            noise = generator.standard_normal((2, self.SEEDS, self.TASKS))
            noise += run * generator.standard_normal((2, self.SEEDS, 1))
            noise[0] += task * generator.standard_normal(self.TASKS)
            scores = TaskScores([str(place) for place in range(self.TASKS)], noise[0], noise[1], shared)
            found.append(describe_difference(*average_tasks(scores, np.ones(self.TASKS)))["p"])
        return float(np.mean(np.array(found) < 0.05))

    def test_runs_of_their_own(self):
        assert self.rate(run=0.0, shared=False) == pytest.approx(0.05, abs=self.WITHIN)

    def test_runs_that_tasks_share(self):
        """What a run does to all its tasks is no difference of options: tasks alone would find one in a third."""
        assert self.rate(run=1.0, shared=False) > 0.25
        assert self.rate(run=1.0, shared=True) < 0.05 + self.WITHIN

    def test_taking_runs_for_shared_that_are_not_errs_on_the_wide_side(self):
        assert 0.01 < self.rate(run=0.0, shared=True) < 0.05 + self.WITHIN


class TestRliable:
    """Agreement with the package on its own functions."""

    def scores(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        if kind == "drawn":
            found = draw(8, tasks=6, seeds=7)
            return found.better, found.than[:5]
        read = read_scores(*{"atari": (ATARI, "Rainbow", "DQN"), "tabular": (TABULAR, "mlp-lr", "mlp")}[kind])
        factors = find_factors(read, "per_task_sd")
        return read.better * factors, read.than * factors

    @pytest.mark.parametrize("kind", ["drawn", "atari", "tabular"])
    def test_point_estimates(self, rliable, kind):
        better, than = self.scores(kind)
        for side in (better, than):
            assert interquartile_mean(side) == pytest.approx(rliable.metrics.aggregate_iqm(side))
        expected = rliable.metrics.probability_of_improvement(better, than)
        assert improvement_by_task(better, than, higher_is_better=True).mean() == pytest.approx(expected)
        turned = improvement_by_task(better, than, higher_is_better=False).mean()
        assert turned == pytest.approx(1 - expected)

    @pytest.mark.parametrize(
        ("kind", "name"),
        [("drawn", "mean"), ("drawn", "interquartile"), ("drawn", "probability"), ("tabular", "interquartile")],
    )
    def test_intervals(self, rliable, kind, name, monkeypatch):
        """An end of theirs, of 300 draws, has an error of sqrt(.025 * .975 / 300) / phi(1.96), .08 half widths."""
        monkeypatch.setattr(np.random, "choice", np.random.RandomState(0).choice)  # it draws from the global state
        measure = {
            "mean": lambda x, y: x.mean() - y.mean(),
            "interquartile": lambda x, y: rliable.metrics.aggregate_iqm(x) - rliable.metrics.aggregate_iqm(y),
            "probability": rliable.metrics.probability_of_improvement,
        }[name]
        pair = self.scores(kind)
        value, interval = rliable.library.get_interval_estimates(
            {"": list(pair)}, lambda x, y: np.array([measure(x, y)]), reps=300
        )
        ours = getattr(aggregate_scores(*_fill(*pair), higher_is_better=True), name)
        assert ours.value == pytest.approx(value[""][0])
        assert (ours.low, ours.high) == pytest.approx(interval[""].ravel(), abs=0.35 * (ours.high - ours.low) / 2)

    def test_fewer_runs_on_one_task(self, rliable):
        """Runs that are missing are left out; rliable takes whole tables only, so that each task is asked by itself."""
        better, than = (side.copy() for side in self.scores("drawn"))
        better[4:, 0] = np.nan
        each = [
            rliable.metrics.probability_of_improvement(
                better[np.isfinite(better[:, [task]]).ravel()][:, [task]], than[:, [task]]
            )
            for task in range(6)
        ]
        assert improvement_by_task(better, than, higher_is_better=True) == pytest.approx(each)
        found = aggregate_scores(better, than, higher_is_better=True)
        assert found.probability.low < found.probability.value < found.probability.high
        assert interquartile_mean(better) == pytest.approx(stats.trim_mean(better[np.isfinite(better)], 0.25))


class TestPublicResults:
    def test_the_bootstrap_is_sure_where_tasks_are_not(self):
        """mlp-lr against mlp on 11 data sets: sure on these, not known for others; one of them has most of it."""
        found = overall(read_scores(TABULAR, "mlp-lr", "mlp"), scale="per_task_sd")
        assert found["bootstrap_low"] > 0
        assert found["low"] < 0 < found["high"]
        assert found["heterogeneity_p"] < 1e-6
        assert found["between_sd"] > 10 * found["within_sd"]

    def test_an_effect_that_tasks_share(self):
        found = overall(read_scores(TABULAR, "mlp-plr", "mlp"), scale="per_task_sd")
        assert found["low"] > 0
        assert found["probability_of_improvement"] == pytest.approx(0.930, abs=5e-4)

    def test_all_tasks_come_last_and_are_told_by_name(self):
        found = compare_over_tasks(read_scores(TABULAR, "mlp-plr", "mlp"), higher_is_better=True)
        assert found["task"].tolist()[-1] == ALL_TASKS
        assert found["level_share"].sum() == pytest.approx(1)
