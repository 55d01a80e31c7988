"""What to run next, on tables whose answer is known: which runs, in which order, cut where, and written how."""

import json
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy import stats
from typer.testing import CliRunner

from repro.audit.statistics.power import equivalence_power
from repro.cli import app
from repro.errors import UserError
from repro.judge.declaration import Declaration, Measured
from repro.judge.emitting import _quote_hydra, write_batch
from repro.judge.judgement import Judgement
from repro.judge.next_runs import plan_batch
from repro.judge.settling import NextBatch, NextRun, Question, Step
from repro.judge.verdicts import judge_table

HOSTILE = "$(touch pwned); `touch pwned` 'q' \"w\" && touch pwned"


def judge(table: pd.DataFrame, margin: float | None = None, **declared: object) -> Judgement:
    outcomes = {"loss": Measured(direction="lower", margin=margin)}
    return judge_table(table, Declaration.model_validate({"table": "t.csv", "outcomes": outcomes, **declared}))


def arms(shifts: dict[str, float], seeds: dict[str, list[int]]) -> pd.DataFrame:
    """Runs of one detail; the noise of a seed is the same for all, and each arm has a bit of its own."""
    common, own = np.random.default_rng(0).normal(size=50), np.random.default_rng(1)
    return pd.DataFrame(
        {"opt": name, "seed": seed, "loss": shift + common[seed] + own.normal()}
        for name, shift in shifts.items()
        for seed in seeds[name]
    )


def batch_of(*runs: tuple[dict[str, str], str], seed: str = "seed") -> NextBatch:
    question = Question("opt", "b", 1.0, 3, 2, 20, 0.8)
    return NextBatch((Step((question,), tuple(NextRun(*run) for run in runs), True),), (), None, seed)


def test_pairs_first_fill_the_seeds_that_the_arm_lacks() -> None:
    found = judge(arms({"a": 0, "b": 2.5}, {"a": list(range(12)), "b": [0, 1, 2, 3]}), baseline={"opt": "a"})
    batch = plan_batch(found)
    question = batch.steps[0].questions[0]
    assert question.further is not None
    assert 0 < question.further <= 8  # within the baseline's seeds
    assert batch.runs == tuple(NextRun({"opt": "b"}, str(seed)) for seed in range(4, 4 + question.further))
    assert question.chance >= 0.78  # 80 %, simulated with 500 draws


def test_new_seeds_are_run_on_both_sides_and_the_baseline_is_shared() -> None:
    seeds = list(range(4))
    found = judge(arms({"a": 0, "b": 2.5, "c": -2.5}, {"a": seeds, "b": seeds, "c": seeds}))
    batch = plan_batch(found)
    assert len(batch.steps) == 2
    first, second = batch.steps
    further = [step.questions[0].further for step in batch.steps]
    assert None not in further
    assert Counter(run.options["opt"] for run in first.runs)["a"] == further[0]
    assert {int(run.seed) for run in first.runs} == set(range(4, 4 + (further[0] or 0)))
    base = sum(run.options["opt"] == "a" for run in second.runs)
    assert base == max(0, (further[1] or 0) - (further[0] or 0))  # those of the first step serve the second
    assert len(set(map(str, batch.runs))) == len(batch.runs)


def test_the_budget_cuts_and_what_is_cut_is_said() -> None:
    seeds = list(range(4))
    found = judge(arms({"a": 0, "b": 2.5, "c": -2.5}, {"a": seeds, "b": seeds, "c": seeds}))
    whole = plan_batch(found)
    first = len(whole.steps[0].runs)
    cut = plan_batch(found, budget=first)
    assert cut.runs == whole.steps[0].runs
    assert [step.chosen for step in cut.steps] == [True, False]
    assert not plan_batch(found, budget=1).runs
    assert whole.expected > cut.expected > 0.75


def test_unpaired_groups_each_get_runs_and_a_larger_baseline_none() -> None:
    seeds = np.random.default_rng(2).permutation(10_000)
    runs = np.array([-1.2, -0.3, 0.3, 1.2])  # their SD is 1.01
    base, arm = np.tile(runs, 8)[:30], 1.2 + runs
    table = pd.DataFrame({"opt": ["a"] * 30 + ["b"] * 4, "seed": seeds[:34], "loss": [*base, *arm]})
    batch = plan_batch(judge(table))
    question = batch.steps[0].questions[0]
    assert {run.options["opt"] for run in batch.runs} == {"b"}
    assert len(batch.runs) == question.further
    first = int(max(seeds[:34])) + 1
    assert [int(run.seed) for run in batch.runs] == list(range(first, first + len(batch.runs)))
    few = pd.concat([table.iloc[:4], table.iloc[30:]])
    both = plan_batch(judge(few))
    assert Counter(run.options["opt"] for run in both.runs).keys() == {"a", "b"}
    assert len({run.seed for run in both.runs}) == len(both.runs)  # or they would pair


def test_a_design_gets_new_seeds_in_all_its_variants() -> None:
    generator = np.random.default_rng(3)
    table = pd.DataFrame(
        {"opt": o, "aug": a, "seed": s, "loss": 0.8 * (o == "b") + generator.normal()}
        for o in "ab"
        for a in "xy"
        for s in range(3)
    )
    batch = plan_batch(judge(table))
    step = batch.steps[0]
    assert step.questions[0].further
    assert len(step.runs) == 4 * step.questions[0].further
    assert {int(run.seed) for run in step.runs} == set(range(3, 3 + step.questions[0].further))


def test_what_is_near_nothing_is_hopeless_without_a_margin_and_equivalent_with_one() -> None:
    seeds = list(range(5))
    table = arms({"a": 0, "b": 0}, {"a": seeds, "b": seeds})
    b = table["opt"] == "b"
    table.loc[b, "loss"] += table.loc[~b, "loss"].mean() - table.loc[b, "loss"].mean()
    assert [question.option for question in plan_batch(judge(table)).hopeless] == ["b"]
    differences = table.loc[b, "loss"].to_numpy() - table.loc[~b, "loss"].to_numpy()
    margin = 0.9 * float(differences.std(ddof=1))  # 2.01 standard errors, where t(.05; 4) = 2.13 would be inside
    question = plan_batch(judge(table, margin=margin)).steps[0].questions[0]
    assert question.equivalent >= 0.8 > question.differs


def test_settled_comparisons_need_no_runs() -> None:
    seeds = list(range(12))
    batch = plan_batch(judge(arms({"a": 0, "b": 9}, {"a": seeds, "b": seeds})))
    assert not batch.steps
    assert not batch.hopeless


def test_power_of_equivalence_of_an_effect_is_that_of_a_simulation() -> None:
    generator, df, draws = np.random.default_rng(0), 9, 200_000
    estimate = 0.7 + generator.normal(size=draws)
    error = np.sqrt(generator.chisquare(df, draws) / df)
    share = (np.abs(estimate) + stats.t.isf(0.05, df) * error < 3).mean()
    assert equivalence_power(3, df, 0.05, effect=0.7) == pytest.approx(share, abs=4 * 0.5 / draws**0.5)


def test_a_script_runs_one_line_a_run_and_nothing_of_the_table(tmp_path: Path) -> None:
    batch = batch_of(({"opt": HOSTILE, "x y;touch pwned": "1\ntouch pwned"}, "4"), ({"opt": "adam", "lr": "-1"}, "5"))
    with pytest.raises(UserError, match="cannot be a setting"):
        write_batch(batch_of(({"--config": "x"}, "1")), "shell", tmp_path, "python train.py")
    record = "import sys, json; print(json.dumps(sys.argv[1:]))"
    [file] = write_batch(batch, "shell", tmp_path, f"{shlex.quote(sys.executable)} -c {shlex.quote(record)}")
    ran = subprocess.run(["bash", file], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        [f"opt={HOSTILE}", "x y;touch pwned=1\ntouch pwned", "seed=4"],
        ["opt=adam", "lr=-1", "seed=5"],
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["next_runs.sh"]
    assert file.read_text().splitlines()[1] == "set -euo pipefail"


def test_hydra_sweeps_over_the_seeds_of_each_variant_alone(tmp_path: Path) -> None:
    batch = batch_of(
        ({"opt": "a", "lr": "0.1"}, "4"), ({"opt": "a", "lr": "0.1"}, "5"), ({"opt": "b,c", "lr": ""}, "6")
    )
    [file] = write_batch(batch, "hydra", tmp_path, "python train.py")
    lines = [shlex.split(line) for line in file.read_text().splitlines()[3:]]
    assert lines == [
        ["python", "train.py", "--multirun", "opt=a", "lr=0.1", "seed=4,5"],
        ["python", "train.py", "--multirun", "opt='b,c'", "lr=''", "seed=6"],
    ]


@pytest.mark.fault("input", "names for a launcher")
@pytest.mark.parametrize("name", ["hydra/launcher", "hydra.run.dir", "+opt", "~opt", "model._target_", "a b", "-m"])
def test_names_that_hydra_would_take_for_its_own_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be a setting"):
        write_batch(batch_of(({name: "x"}, "1")), "hydra", tmp_path, "python train.py")
    assert not list(tmp_path.iterdir())


@pytest.mark.fault("input", "names for a launcher")
@pytest.mark.parametrize("value", ["${oc.env:HOME}", "a\\", "a\nb"])
def test_values_that_hydra_would_resolve_are_refused(value: str) -> None:
    with pytest.raises(UserError, match="cannot be a value"):
        _quote_hydra(value)


def test_sweeps_make_exactly_the_runs_that_are_wanted(tmp_path: Path) -> None:
    whole = [({"opt": o, "lr": "0.1"}, s) for o in "ab" for s in "45"]
    for runs, files in ((whole, 1), (whole[:3], 2)):
        written = write_batch(batch_of(*runs), "wandb", tmp_path, "python -u train.py")
        assert len(written) == len(list((tmp_path / "next_runs_wandb").iterdir())) == files
        made = []
        for file in written:
            sweep = YAML(typ="safe", pure=True).load(file.read_text())
            assert sweep["method"] == "grid"
            assert sweep["command"] == ["${env}", "python", "-u", "${program}", "${args}"]
            values = {name: parameter["values"] for name, parameter in sweep["parameters"].items()}
            assert values["lr"] == [0.1]
            made += [(o, s) for o in values["opt"] for s in values["seed"]]
        assert sorted(made) == sorted((options["opt"], int(seed)) for options, seed in runs)


def test_columns_that_vary_with_a_detail_go_with_it_into_the_runs() -> None:
    seeds = list(range(4))
    table = arms({"a": 0, "b": 2.5}, {"a": seeds, "b": seeds}).assign(schedule=lambda t: t["opt"].map({"a": 1, "b": 2}))
    assert {(run.options["opt"], run.options["schedule"]) for run in plan_batch(judge(table)).runs} == {
        ("a", "1"),
        ("b", "2"),
    }


@pytest.mark.parametrize(("budget", "runs"), [(None, 8), (5, 4), (3, 0)])
def test_where_nothing_was_repeated_the_best_and_the_baseline_are(budget: int | None, runs: int) -> None:
    found = judge(pd.DataFrame({"opt": ["a", "b", "c"], "loss": [1.0, 3.0, 0.5]}), baseline={"opt": "a"})
    assert found.refused
    batch = plan_batch(found, budget)
    assert len(batch.runs) == runs
    assert {run.options["opt"] for run in batch.runs} == ({"a", "c"} if runs else set())
    assert len({run.seed for run in batch.runs}) == runs


def test_slopes_plan_no_runs_and_say_which_would_serve() -> None:
    rates = np.linspace(0.1, 2, 14).round(2)
    table = pd.DataFrame({"lr": np.tile(rates, 2), "seed": np.repeat([0, 1], 14), "loss": np.arange(28.0)})
    batch = plan_batch(judge(table), 10)
    assert not batch.runs
    assert "both ends narrow them most: lr = 0.1 and 2" in batch.said[-1]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    seeds = list(range(4))
    file = tmp_path / "runs.csv"
    arms({"a": 0, "b": 2.5}, {"a": seeds, "b": seeds}).to_csv(file, index=False)
    return file


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["judge", *map(str, arguments)])
    return result.exit_code, str(result.exception or "") + result.output


def test_the_command_shows_and_writes_the_batch(csv: Path, tmp_path: Path) -> None:
    status, said = run(csv, "--outcome", "loss:lower", "--budget", 40, "--emit", "shell", "--out", tmp_path / "o")
    assert status == 0
    assert "what to run next:" in said
    assert "of a budget of 40, expected to settle" in said
    lines = (tmp_path / "o" / "next_runs.sh").read_text().splitlines()[3:]
    status, shown = run(csv, "--outcome", "loss:lower", "--budget", 40, "--format", "json", "--out", tmp_path / "o")
    batch = json.loads(shown)["next_batch"]
    assert batch["runs"] == len(lines) > 0
    assert lines[0] == "python train.py opt=a seed=4"


@pytest.mark.fault("input", "command line")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--emit", "slurm"), "--emit slurm: no such launcher\n  expected hydra, wandb or shell"),
        (("--budget", "0"), "--budget 0: expected a number of runs"),
        (("--emit", "shell", "--command", "'"), '--command "\'": No closing quotation'),
        (("--emit", "shell", "--command", "a\nb"), "is no command"),
        (("--emit", "shell", "--loop"), "--loop has no batch"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(csv: Path, tmp_path: Path, arguments: tuple[str], told: str) -> None:
    status, said = run(csv, "--outcome", "loss:lower", "--out", tmp_path / "o", *arguments)
    assert status
    assert told in said
    assert not (tmp_path / "o").exists()
