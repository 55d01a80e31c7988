"""Simulated stacks of known truth: of six differences two are needed, one only in interaction, three do nothing."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from repro.audit.statistics.stack_parts import BETTER_WITHOUT, NEEDED, NOT_NEEDED, NOT_TOLD
from repro.audit.study.designs import stack_mixtures
from repro.cli import app
from repro.errors import UserError
from repro.judge.configurations import Stack, read_stack
from repro.judge.declaration import Declaration, Measured
from repro.judge.mixtures import find_mixtures
from repro.judge.stack import StackJudgement, judge_stack
from repro.judge.stack_plan import StackPlan
from repro.judge.stack_seeds import bear_sd

KEYS = ["model.a", "model.b", "c", "d", "e", "f"]
NOISE, MARGIN = 0.05, 0.2
DECLARED = Declaration(table="t.csv", outcomes={"loss": Measured(direction="lower", margin=MARGIN)}, seed="seed")


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return read_stack(*write_configurations(tmp_path))


def write_configurations(folder: Path) -> tuple[Path, Path]:
    for name, option in (("base", "false"), ("final", "true")):
        rest = "\n".join(f"{key}: {option}" for key in "cdef")
        text = f"model:\n  a: {option}\n  b: {option}\n{rest}\nepochs: 3\n"
        (folder / f"{name}.yaml").write_text(text)
    return folder / "base.yaml", folder / "final.yaml"


def simulate(runs: pd.DataFrame, interaction: float = 0.5, seed: int = 0) -> pd.DataFrame:
    """Fills in losses: a is worth 1, b 0.8, c `interaction` where a is there and as much less where it is not."""
    generator = np.random.default_rng(seed)
    out = {key: runs[key].astype(str).str.lower() == "false" for key in KEYS}
    pair = interaction * out["c"] * np.where(out["model.a"], -1, 1)
    loss = 3 + out["model.a"] + 0.8 * out["model.b"] + pair + NOISE * generator.normal(size=len(runs))
    return runs.drop(columns=["run", "status"], errors="ignore").assign(loss=loss)


def plan(stack: Stack, table: pd.DataFrame | None = None) -> StackPlan:
    found = judge_stack(table, stack, DECLARED)
    assert isinstance(found, StackPlan)
    return found


def judge(stack: Stack, table: pd.DataFrame, frozen: dict[str, object] | None = None) -> StackJudgement:
    found = judge_stack(table, stack, DECLARED, frozen)
    assert isinstance(found, StackJudgement)
    return found


def add_planned(table: pd.DataFrame, found: StackJudgement, **more: float) -> pd.DataFrame:
    assert found.further is not None
    runs = found.further.runs
    return pd.concat([table, simulate(runs[runs["status"] == "to run"], seed=7, **more)])


def answers(found: StackJudgement) -> dict[str, str]:
    return {part.key: part.answer for part in found.answer.parts}


def test_without_runs_the_plan_is_a_folded_design_that_starts_at_the_whole(stack: Stack) -> None:
    found = plan(stack)
    assert found.cost == 16 * 3
    signs = np.where(found.runs.drop_duplicates(KEYS)[KEYS] == "false", 1, -1)
    assert (signs[0] == -1).all()
    assert (signs.T @ signs == 16 * np.eye(6)).all()
    assert {tuple(-row) for row in signs} == {tuple(row) for row in signs}  # each has its mirror image
    assert any("fully aliased with up to 2" in sentence for sentence in found.aliases)
    assert any(" = " in sentence for sentence in found.aliases)


def test_up_to_four_differences_all_mixtures_are_run() -> None:
    levels = {key: ["final", "base"] for key in "abcd"}
    few = [dict([*levels.items()][:n]) for n in (1, 2, 3, 4)]
    assert [len(stack_mixtures(keys, seed=0)[1]) for keys in few] == [2, 4, 8, 16]


def test_runs_that_exist_are_not_planned_again(stack: Stack) -> None:
    first = plan(stack).runs
    table = simulate(first[first["run"].str.startswith("m00")])
    again = plan(stack, table)
    have = again.runs[again.runs["status"] == "in the table"]
    assert len(have) == again.seeds
    assert (have[KEYS] == "true").all(axis=None)
    assert "tell 0 of 6 differences" in again.reason


def test_additive_parts_are_told_and_the_smallest_stack_waits_for_its_runs(stack: Stack) -> None:
    table = simulate(plan(stack).runs, interaction=0.0)
    found = judge(stack, table)
    needed = dict.fromkeys(KEYS[:2], NEEDED) | dict.fromkeys("cdef", NOT_NEEDED)
    assert answers(found) == needed
    assert found.answer.smallest.dropped == [*"cdef"]
    assert not found.answer.smallest.confirmed
    assert "no two runs of exactly this combination" in found.answer.smallest.test
    later = judge(stack, add_planned(table, found, interaction=0.0), found.freeze())
    assert later.answer.smallest.confirmed
    assert "declared before its runs were made; test 1" in later.answer.smallest.test
    assert later.further is None


def test_a_part_that_works_by_another_alone_is_found_needed_in_steps(stack: Stack) -> None:
    table = simulate(plan(stack).runs)
    first = judge(stack, table)
    assert answers(first)["model.a"] != NOT_NEEDED
    assert answers(first)["c"] == NOT_TOLD  # c with a is one contrast with other pairs
    assert first.answer.telling
    table = add_planned(table, first)
    second = judge(stack, table, first.freeze())
    assert answers(second) == dict.fromkeys(KEYS[:3], NEEDED) | dict.fromkeys("def", NOT_NEEDED)
    assert "model.a x c" in second.answer.tested[1]
    part = second.answer.parts[2]
    assert part.low < 0.5 < part.high  # the truth in the whole; its mean over the others is 0
    assert second.answer.smallest.dropped == [*"def"]
    third = judge(stack, add_planned(table, second), second.freeze())
    assert third.answer.smallest.dropped == [*"def"]
    assert third.answer.smallest.confirmed


def test_a_smaller_stack_that_is_worse_is_not_confirmed(stack: Stack) -> None:
    table = simulate(plan(stack).runs, interaction=0.0)
    found = judge(stack, table)
    worse = add_planned(table, found, interaction=0.0)
    exact = (worse[[*"cdef"]] == "false").all(axis=1) & (worse[KEYS[:2]] == "true").all(axis=1)
    worse.loc[exact, "loss"] += 0.3  # what only all four together do
    assert exact.sum() > 2
    later = judge(stack, worse, found.freeze())
    assert not later.answer.smallest.confirmed
    assert later.answer.smallest.dropped != [*"cdef"]
    assert later.answer.tested[-1].startswith("declared earlier, without c, d, e, f: NOT CONFIRMED: +0.")


def test_undeclared_tests_pay_for_all_combinations(stack: Stack) -> None:
    table = simulate(plan(stack).runs, interaction=0.0)
    found = judge(stack, table)
    later = judge(stack, add_planned(table, found, interaction=0.0))
    assert "Bonferroni over 16 combinations" in later.answer.smallest.test


def test_what_gains_when_it_is_left_out_is_said(stack: Stack) -> None:
    table = simulate(plan(stack).runs, interaction=0.0)
    table["loss"] -= 0.6 * (table["f"] == "false")
    found = judge(stack, table)
    assert answers(found)["f"] == BETTER_WITHOUT
    assert "f" in found.answer.smallest.kept


def test_parts_left_out_one_at_a_time_are_held_against_the_whole(stack: Stack) -> None:
    runs = plan(stack).runs
    whole = runs[runs["run"].str.startswith("m00")][KEYS].iloc[[0] * 12].reset_index(drop=True).assign(seed=range(12))
    table = simulate(pd.concat([whole, *(whole.assign(**{key: "false"}) for key in KEYS)]), interaction=0.0)
    found = judge(stack, table)
    assert answers(found) == dict.fromkeys(KEYS[:2], NEEDED) | dict.fromkeys("cdef", NOT_NEEDED)
    assert {part.where for part in found.answer.parts} == {"in the whole"}
    assert "15 pairs of differences that these mixtures cannot see" in found.answer.untested[0]


def test_rows_of_other_options_or_settings_are_left_out(stack: Stack) -> None:
    table = simulate(plan(stack).runs).assign(epochs=3).rename(columns={"model.a": "params.model/a"})
    table.loc[0, "c"] = "maybe"
    table.loc[1, "epochs"] = 9
    found = find_mixtures(table, stack, "t.csv")
    assert len(found.table) == len(table) - 2
    assert [sentence.split(":")[0] for sentence in found.said] == ["c", "epochs"]


def test_seeds_bear_the_noise_that_they_are_planned_for() -> None:
    """The share of equivalent pairs of alike means, at the noise that ten runs of each bear, is the power."""
    generator, n = np.random.default_rng(1), 10
    sd = bear_sd(1.0, n, 2 * n - 2)
    one, other = generator.normal(scale=sd, size=(2, 20_000, n))
    se = np.sqrt((one.var(axis=1, ddof=1) + other.var(axis=1, ddof=1)) / n)
    inside = np.abs(one.mean(axis=1) - other.mean(axis=1)) + 1.7341 * se < 1  # t(.95) on 18
    assert inside.mean() == pytest.approx(0.8, abs=0.03)


BAD = {
    "base: [1\n": "is no YAML",
    "- 1\n- 2\n": "is no mapping",
    "": "is no mapping",
    "model: {a: true, b: true}\nc: true\nd: true\ne: true\nf: true\nepochs: 3\n": "do not differ",
}


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_configurations_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    base, final = write_configurations(tmp_path)
    base.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        read_stack(base, final)
    assert str(caught.value).count("\n") <= 1


def test_keys_and_margins_that_lack(stack: Stack) -> None:
    table = simulate(plan(stack).runs)
    with pytest.raises(UserError, match="no column for c, f \\(2 of 6 differences\\)"):
        judge_stack(table.drop(columns=["c", "f"]), stack, DECLARED)
    with pytest.raises(UserError, match="add --margin"):
        judge_stack(table, stack, Declaration(table="t", outcomes={"loss": Measured(direction="lower")}))


def test_the_command_plans_first_and_judges_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [path.name for path in write_configurations(tmp_path)]
    arguments = ["judge", "runs.csv", "--outcome", "loss:lower", "--margin", str(MARGIN), "--stack", *files]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code != 0
    assert "48 runs to make for the screening" in first.stdout
    planned = pd.read_csv("judge/stack-plan.csv")
    assert len(json.loads(Path("judge/stack-plan.json").read_text())["runs"]) == len(planned) == 48
    simulate(planned, interaction=0.0).to_csv("runs.csv", index=False)
    second = CliRunner().invoke(app, [*arguments, "--format", "json"])
    assert second.exit_code == 0, second.output
    found = json.loads(second.stdout)
    assert found["smallest"]["dropped"] == [*"cdef"]
    assert found["further"]["cost_runs"] > 0
    assert json.loads(Path("judge/stack.json").read_text())["dropped"] == [*"cdef"]


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_pages_and_summaries_open_with_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.chdir(tmp_path)
    files = [path.name for path in write_configurations(tmp_path)]
    arguments = ["judge", "runs.csv", "--outcome", "loss:lower", "--margin", str(MARGIN), "--stack", *files]
    arguments += ["--format", form, "--out", "o"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code != 0
    assert "there is no runs.csv yet" in Path("o/summary.md").read_text()
    assert "48 runs to make" in Path("o/index.html").read_text()
    simulate(pd.read_csv("o/stack-plan.csv"), interaction=0.0).to_csv("runs.csv", index=False)
    second = CliRunner().invoke(app, arguments)
    assert second.exit_code == 0, second.output
    said = "2 of 6 parts are needed (model.a, model.b); 4 not needed (c, d, e, f)"
    page, summary = Path("o/index.html").read_text(), Path("o/summary.md").read_text()
    assert f"<p><strong>{said}" in page
    assert summary.startswith(f"**repro judge**: {said}")
    assert (summary.strip() in second.stdout) == (form == "markdown")


def test_mirror_images_that_lack_are_planned_and_said(stack: Stack) -> None:
    runs = plan(stack).runs
    lacking = runs["run"].str.match("m1[345]-")  # five mixtures with their mirror images tell five parts, not six
    found = judge(stack, simulate(runs[~lacking], interaction=0.0))
    assert found.further is not None
    assert found.further.cost == lacking.sum() == 9
    options = [{tuple(row) for row in table[KEYS].to_numpy()} for table in (found.further.runs, runs[lacking])]
    assert options[0] == options[1]
    assert any("3 mixtures of the fold-over were not run" in sentence for sentence in found.answer.untested)


def test_options_that_a_table_takes_for_blanks_are_read_as_the_configuration_spells_them(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("norm: NA\nact: relu\n")
    (tmp_path / "f.yaml").write_text("norm: layer\nact: gelu\n")
    stack = read_stack(tmp_path / "b.yaml", tmp_path / "f.yaml")
    table = pd.DataFrame({"norm": [None, "layer"], "act": ["relu", "gelu"], "loss": [1.0, 2.0]})
    assert find_mixtures(table, stack, "t.csv").table["norm"].tolist() == ["NA", "layer"]


def test_a_test_is_paid_for_once_and_each_further_one_is_stricter(stack: Stack) -> None:
    table = simulate(plan(stack).runs, interaction=0.0)
    first = judge(stack, table)
    table = add_planned(table, first, interaction=0.0)
    second = judge(stack, table, first.freeze())
    again = judge(stack, table, second.freeze())
    assert again.answer.smallest.test == second.answer.smallest.test
    assert [test.n for test in again.answer.tests] == [test.n for test in second.answer.tests]
    more = second.freeze() | {"tests": [[["c"], 9], [["d"], 9]]}
    assert "; test 3)" in judge(stack, table, more).answer.smallest.test
