"""Tables whose answer is known: roles, pairs by the seed's value, designs that were found, and what is said of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from repro.cli import app
from repro.judge.cautions import count_ties, find_step
from repro.judge.columns import Asked
from repro.judge.declaration import Declaration, Flags, Measured, read_declaration
from repro.judge.judgement import Judgement
from repro.judge.lines import list_lines
from repro.judge.roles import infer_roles
from repro.judge.settling import bear_noise, bear_repeated_noise
from repro.judge.slopes import fit_slopes
from repro.judge.table import read_table
from repro.judge.verdicts import judge_table
from repro.tracking.found_runs import _check_store


def judge(table: pd.DataFrame, **declared: object) -> Judgement:
    outcomes = {"loss": Measured(direction="lower", margin=0.5)}
    return judge_table(table, Declaration.model_validate({"table": "t.csv", "outcomes": outcomes, **declared}))


def factorial(seeds: int = 4, noise: float = 0.1, **more: object) -> pd.DataFrame:
    """Two details, complete: b of `opt` is 1 more, y of `aug` nothing."""
    generator = np.random.default_rng(3)
    rows = [
        {"opt": o, "aug": a, "seed": s, "loss": 2 + (o == "b") + noise * generator.normal()}
        for o in "ab"
        for a in "xy"
        for s in range(seeds)
    ]
    return pd.DataFrame(rows).assign(**more)


def test_roles_of_a_common_export() -> None:
    n = 24
    table = pd.DataFrame(
        {
            "Name": [f"run-{place}" for place in range(n)],
            "State": "finished",
            "Created": "2026-01-01T00:00:00",
            "optimizer": ["adam", "sgd"] * (n // 2),
            "optimizer_code": [1, 2] * (n // 2),
            "config.lr": np.geomspace(1e-4, 1e-1, n),
            "seed": np.arange(n) // 2,
            "epochs": 10,
            "dataset": ["x", "x", "y"] * (n // 3),
            "val_loss": np.linspace(1, 2, n),
            "val/accuracy": np.linspace(0.5, 0.9, n),
        }
    )
    roles = {column.name: column.role for column in infer_roles(table, Asked({"val_loss": "lower"}))}
    assert roles == {
        "Name": "left out",
        "State": "constant",
        "Created": "constant",
        "optimizer": "detail",
        "optimizer_code": "copy",
        "config.lr": "numeric detail",
        "seed": "seed",
        "epochs": "constant",
        "dataset": "task",
        "val_loss": "outcome",
        "val/accuracy": "metric",
    }


def test_pairs_are_made_by_the_seed_and_not_by_the_row() -> None:
    table = pd.DataFrame(
        {
            "opt": ["a"] * 6 + ["b"] * 6,
            "seed": [*range(6), *reversed(range(6))],
            "loss": [10.0, 20, 30, 40, 50, 60, 61, 51, 41, 31, 21, 11.5],
        }
    )
    found = judge(table)
    assert found.analysis is not None
    row = found.analysis.effects.iloc[0]
    assert row["estimate"] == pytest.approx(6.5 / 6)  # by rows it would be the same, with an sd of 19
    assert row["sd"] == pytest.approx(np.std([1, 1, 1, 1, 1, 1.5], ddof=1))


def test_seeds_that_are_not_shared_pair_nothing() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=12)
    table = pd.DataFrame({"opt": ["a"] * 7 + ["b"] * 5, "seed": generator.permutation(10_000)[:12], "loss": values})
    found = judge(table)
    assert found.analysis is not None
    row = found.analysis.effects.iloc[0]
    assert row["kind"] == "unpaired"
    assert row["p"] == pytest.approx(stats.ttest_ind(values[7:], values[:7], equal_var=False).pvalue, rel=1e-9)
    assert any("variants share 0 seeds" in sentence for sentence in found.said)


def test_a_complete_table_is_a_full_factorial() -> None:
    found = judge(factorial(seeds=6))
    assert found.plan is not None
    assert found.plan.declared.design == "full_factorial"
    assert found.plan.declared.found is not None
    assert found.analysis is not None
    verdicts = found.analysis.verdicts.set_index("detail")["verdict"]
    assert verdicts.to_dict() == {"opt": "matters", "aug": "equivalent"}


def test_without_a_margin_nothing_is_equivalent() -> None:
    found = judge(factorial(seeds=6), outcomes={"loss": Measured(direction="lower")})
    assert found.analysis is not None
    verdicts = found.analysis.verdicts.set_index("detail")["verdict"]
    assert verdicts.to_dict() == {"opt": "matters", "aug": "undecided"}
    assert any("no margin for loss" in sentence for sentence in found.said)


def test_details_that_vary_together_are_compared_together_and_what_would_tell_is_said() -> None:
    table = factorial(seeds=6)
    table = table[(table["opt"] == "a") == (table["aug"] == "x")]
    table.loc[(table["opt"] == "b") & (table["seed"] == 5), "aug"] = "z"  # no copies of each other
    found = judge(table)
    assert found.plan is not None
    assert list(found.plan.levels) == ["opt + aug"]
    assert any(
        "cannot be told apart" in sentence and "would tell, the first: opt=b" in sentence for sentence in found.said
    )


def test_a_copy_is_one_detail_with_its_original() -> None:
    table = factorial()
    found = judge(table.assign(code=table["opt"].map({"a": 1, "b": 2})))
    assert found.plan is not None
    assert sorted(found.plan.levels) == ["aug", "opt"]
    assert {column.name: column.why for column in found.columns}["code"] == "always varies with opt"


def test_the_last_step_of_each_run_is_taken_and_early_stops_are_said() -> None:
    table = factorial(seeds=3)
    curve = pd.concat([table.assign(step=step, loss=table["loss"] + 10 / step) for step in (1, 10, 100)])
    curve = curve[~((curve["opt"] == "b") & (curve["seed"] == 2) & (curve["step"] == 100))]
    found = judge(curve)
    assert any("36" not in s and "rows are steps of 12 runs" in s for s in found.said)
    assert any("2 runs ended at less than 90% of the step" in sentence for sentence in found.said)


def test_copied_rows_count_once() -> None:
    table = factorial()
    found = judge(pd.concat([table, table.iloc[:3]], ignore_index=True))
    assert any("3 rows are copies of others in every column (row 17" in sentence for sentence in found.said)
    assert found.noise.df == 12


def test_one_run_under_several_seeds_is_said() -> None:
    table = factorial(seeds=8)
    table.loc[1:5, "loss"] = table.loc[0, "loss"]
    assert any("one run under several seeds" in sentence for sentence in judge(table).said)
    assert not any("one run under several seeds" in sentence for sentence in judge(factorial(seeds=8)).said)


def test_rounding_explains_ties() -> None:
    values = np.random.default_rng(0).normal(size=400)
    ties, chance = count_ties(values.round(1), 0.1)
    assert 0.5 < ties / chance < 2
    assert count_ties(values, find_step(values))[0] == 0


def test_the_best_step_is_said() -> None:
    table = factorial().rename(columns={"loss": "best_loss"})
    found = judge(table, outcomes={"best_loss": Measured(direction="lower", margin=1)})
    assert any("looks like the best step" in sentence for sentence in found.said)


def test_tasks_are_the_replicate_and_unlike_units_are_refused_until_a_scale_is_declared() -> None:
    generator = np.random.default_rng(1)
    rows = [
        {"dataset": d, "opt": o, "seed": s, "loss": level * (1 + 0.01 * (o == "b") + 0.002 * generator.normal())}
        for d, level in (("w", 1.0), ("x", 2.0), ("y", 3.0), ("z", 1.5), ("house", 30_000.0))
        for o in "ab"
        for s in range(5)
    ]
    table = pd.DataFrame(rows)
    assert "no mean of loss over dataset" in judge(table).refused
    hidden = judge(table.rename(columns={"dataset": "problem"}), details=["opt"], seed="seed")
    assert hidden.refused.startswith("no mean of loss over problem, which is no detail: 100 % of it lies in 1 of 5")
    for scale, expected, near in (("per_task_sd", 5.0, 3.0), ("baseline_ratio", 0.01, 0.003)):
        found = judge(table, scale=scale)
        assert found.word == "task"
        assert found.analysis is not None
        row = found.analysis.effects.iloc[0]
        assert row["seeds"] == 5
        assert row["estimate"] == pytest.approx(expected, abs=near)


def test_units_are_no_replicates() -> None:
    table = pd.concat([factorial(seeds=5).assign(image=place) for place in range(20)])
    found = judge(table, unit="image")
    assert found.analysis is not None
    assert found.analysis.effects["df"].max() < 20
    assert found.plan is not None
    assert len(found.plan.runs) == 20


def test_without_replicates_the_noise_that_could_be_borne_is_said() -> None:
    found = judge(factorial(seeds=1, noise=0.0))
    assert found.refused.startswith("no variant was run twice")
    assert any("smallest batch" in sentence for sentence in found.said)


def test_the_smallest_batch_finds_what_it_promises() -> None:
    noise_sd = bear_repeated_noise(1.0, 3)
    generator = np.random.default_rng(0)
    draws = noise_sd * generator.normal(size=(2, 4000, 3))
    power = np.mean(stats.ttest_ind(draws[0] + 1, draws[1], axis=1).pvalue < 0.05)
    assert power == pytest.approx(0.8, abs=0.03)  # 4,000 draws: sd .006
    assert bear_noise(1.0, 1) == pytest.approx(1 / (1.959964 * 2**0.5), rel=1e-6)


def test_a_slope_is_that_of_least_squares_with_its_curvature() -> None:
    generator = np.random.default_rng(0)
    x = np.linspace(0, 1, 30)
    table = pd.DataFrame({"x": x, "opt": np.tile(["a", "b"], 15), "y": 2 * x + generator.normal(size=30) * 0.1})
    line = stats.linregress(x, table["y"])
    rows = fit_slopes(table, "y", ["x"], [], None)
    assert rows["estimate"][0] == pytest.approx(line.slope, rel=1e-9)
    assert rows["p"][0] == pytest.approx(line.pvalue, rel=1e-6)
    assert rows["curvature_p"][0] > 0.01
    bent = fit_slopes(table.assign(y=table["y"] + 3 * (x - 0.5) ** 2), "y", ["x"], ["opt"], None).set_index("detail")
    assert bent.loc["x", "curvature_p"] < 1e-6
    assert bent.loc["opt", "verdict"] == "undecided"


def test_absent_values_stand_for_what_is_declared() -> None:
    table = factorial(seeds=6)
    table["dropout"] = table["aug"].map({"x": np.nan, "y": 0.1})
    plain = judge(table.drop(columns="aug"))
    assert plain.plan is not None
    assert "(blank)" in plain.plan.levels["dropout"]
    absent = {"dropout": {"value": 0.0, "source": "the code's default"}}
    found = judge(table.drop(columns="aug"), absent=absent)
    assert found.plan is not None
    assert set(found.plan.levels["dropout"]) == {"0", "0.1"}
    assert any("24 blanks" not in s and "stand for 0.0 (the code's default)" in s for s in found.said)


def test_the_declaration_that_is_written_gives_the_same_verdicts(tmp_path: Path) -> None:
    file, out = tmp_path / "runs.csv", tmp_path / "out"
    factorial(seeds=6).to_csv(file, index=False)
    runner = CliRunner()
    first = runner.invoke(
        app, ["judge", str(file), "--outcome", "loss:lower", "--margin", "0.5", "--out", str(out), "--format", "json"]
    )
    assert first.exit_code == 0
    again = runner.invoke(app, ["judge", str(out / "judge.yaml"), "--out", str(out), "--format", "json"])
    import json

    assert json.loads(first.output)["options"] == json.loads(again.output)["options"]
    shown = runner.invoke(app, ["judge", str(out / "judge.yaml"), "--out", str(out), "--format", "html"])
    assert shown.exit_code == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Exploratory" in page
    assert "as it was frozen" not in page


def test_flags_change_what_a_file_declares(tmp_path: Path) -> None:
    file = tmp_path / "judge.yaml"
    file.write_text("table: t.csv\noutcomes: {loss: {direction: lower, margin: 1.0, why: because}}\nseed: seed\n")
    found = read_declaration(str(file), Flags(margin=0.1, details="a, b", baseline=("a=1",)))
    assert found.outcomes["loss"].margin == 0.1
    assert found.details == ["a", "b"]
    assert found.baseline == {"a": "1"}
    assert found.seed == "seed"


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # of MLflow's own tables
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")  # MLflow keeps its connection
def test_runs_in_mlflow_are_a_table_like_any_other(tmp_path: Path) -> None:
    import mlflow

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=store)
    experiment = client.create_experiment("ablation", artifact_location=str(tmp_path / "artifacts"))
    for opt in "ab":
        for seed in range(3):
            run = client.create_run(experiment)
            client.log_param(run.info.run_id, "opt", opt)
            client.log_param(run.info.run_id, "seed", seed)
            client.log_metric(run.info.run_id, "loss", seed + 2 * (opt == "b") + 0.1 * (opt == "b") * seed)
            client.set_terminated(run.info.run_id)
    table = read_table("mlflow:ablation", store)
    found = judge(table)
    assert found.analysis is not None
    assert found.analysis.effects["estimate"].iloc[0] == pytest.approx(2.1)
    from repro.errors import UserError

    with pytest.raises(UserError, match="has no experiment 'other'\n  it has: ablation"):
        read_table("mlflow:other", store)
    for absent in (f"sqlite:///{tmp_path / 'none.db'}", str(tmp_path / "mlruns"), (tmp_path / "mlruns").as_uri()):
        with pytest.raises(UserError, match=r"no such (database|folder) of MLflow\n  name another store"):
            read_table("mlflow:ablation", absent)
    with pytest.raises(UserError, match=r"^--tracking-uri=http://127.0.0.1:9: no answer of a server"):
        read_table("mlflow:ablation", "http://127.0.0.1:9")
    assert [item.name for item in tmp_path.iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize(
    "store", ["postgresql+psycopg2://user@host/runs", "mysql+pymysql://host/runs", "plugin://host"]
)
def test_a_store_that_mlflow_or_a_plugin_of_it_knows_is_left_to_it(store: str) -> None:
    assert _check_store(store) == store


def test_the_example_says_what_its_readme_says() -> None:
    folder = Path(__file__).parents[2] / "examples" / "judge-optimizers"
    declared = read_declaration(str(folder / "runs.csv"), Flags(outcome=("val_loss:lower",), margin=0.001))
    found = judge_table(read_table(declared.table), declared)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    lines = list_lines(found)
    differ = [line for line in lines if line.verdict == "matters"]
    said = [
        f"an SD of {found.noise.sd:.5f} ({found.noise.df} degrees of freedom, {found.noise.groups} groups)",
        f"{len(differ)} of {len(lines)} matter",
        f"by {differ[0].estimate:.4f} (95 % {differ[0].low:.4f} to {differ[0].high:.4f}; {differ[0].n} runs)",
        f"The other {len(lines) - len(differ)} are undecided",
    ]
    runs = read_table(declared.table)
    whole = runs[runs["step"] == runs["total_steps"]]
    full = judge_table(whole, declared).noise
    said += [
        f"Of the {len(whole)} runs that reached",
        f"it is {full.sd:.5f} ({full.df} degrees of freedom, {full.groups} groups): the other {len(runs) - len(whole)}",
    ]
    assert [sentence for sentence in said if sentence not in readme] == []
    assert differ[0].option == "20260609_soap_f1_auxb2_clean, 2900"
