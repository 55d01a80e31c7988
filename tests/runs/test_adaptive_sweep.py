"""A study that is run until it is decided, in one process: killed between any two steps, it comes to the same."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import noisy_case
import pytest
from noisy_case import CASE

from case_project import STUDY, write_noisy_files
from fault_table import Tried
from repro import paths
from repro.audit.page.design import show_design
from repro.audit.page.effects import show_effects
from repro.audit.page.runs import show_runs
from repro.audit.study.batches import list_fractions
from repro.audit.study.budget import RUNS, Amount, Machine
from repro.audit.study.freezing import freeze, load_plan, locate_plan
from repro.audit.study.plan import Plan
from repro.case import Job, plan_study
from repro.cli import sweep as command
from repro.errors import UserError
from repro.runs import adaptive, status
from repro.runs.adaptive import Look, sweep_until_decided
from repro.runs.collection import read_results
from repro.runs.record import Given, RunRecord, failure_file, read_record, write_evidence, write_record
from repro.runs.report import load_subject
from repro.runs.tables import write_rows
from repro.storage import written_folder

FROZEN = "2026-01-01T00:00:00+00:00"
BUDGET = Amount(240.0, RUNS)


class KilledError(Exception):
    """What a kill does to a sweep, for this process to live on."""


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Writes a project with a frozen plan, and enters it."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_noisy_files(folder, **changes)
    freeze(plan_study(Path(STUDY), CASE).model_copy(update={"frozen": FROZEN}), paths.PLANS)


def make_runs(plan: Plan, survive: Callable[[], None] = lambda: None) -> None:
    """Makes the runs that a plan lacks, as `repro.runs.run` leaves them."""
    grown = plan.grown()
    settings = {variant.id: variant.settings for variant in grown.variants}
    for run in grown.runs:
        if read_record(run.id) is None:
            survive()
            params = CASE.resolve(plan.values, settings[run.variant], run.seed)
            with written_folder(paths.RUNS / run.id) as partial:
                measured = noisy_case.make_run(Job(params, {}, partial, partial))
                write_rows(measured.rows, ["score"], partial / paths.ROWS)
                write_evidence(partial, RunRecord("ok", "", run.id, Given("code", {}), 1.0, None))


def sweep(survive: Callable[[], None] = lambda: None, amount: Amount | None = BUDGET) -> list[Look]:
    """Runs the study of the folder, and returns its looks."""
    looks: list[Look] = []
    assert sweep_until_decided(CASE, "first", amount, Machine(1), lambda plan: make_runs(plan, survive), looks.append)
    return looks


def text_of_plan() -> str:
    return locate_plan(paths.PLANS, "first").read_text()


@pytest.mark.fault("kill")
@pytest.mark.parametrize(("design", "varied"), [("plackett_burman", "abd"), ("one_at_a_time", "ad")])
def test_a_sweep_killed_anywhere_comes_to_the_plan_looks_and_verdicts_of_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried, design: str, varied: str
) -> None:
    changes = {"design": design, "details": {f"details.{name}": None for name in varied}}
    make_project(tmp_path / "undisturbed", monkeypatch, **changes)
    undisturbed, expected = sweep()[-1], text_of_plan()
    assert len(undisturbed.plan.batches) > 3, "there is little to disturb"

    make_project(tmp_path / "killed", monkeypatch, **changes)
    generator, kills = random.Random(3), 0

    def survive() -> None:
        if generator.random() < 0.03:
            raise KilledError

    def unsafe(write: Callable[..., Plan]) -> Callable[..., Plan]:
        def written(*arguments: object) -> Plan:
            if generator.random() < 0.1:
                raise KilledError
            plan = write(*arguments)
            if generator.random() < 0.1:
                raise KilledError
            return plan

        return written

    with monkeypatch.context() as patched:
        for name in ("record_batch", "record_look", "record_budget"):
            patched.setattr(adaptive, name, unsafe(getattr(adaptive, name)))
        while True:
            try:
                last = sweep(survive)[-1]
                break
            except KilledError:
                kills += 1
    assert kills > 2
    assert text_of_plan() == expected
    assert last.verdicts == undisturbed.verdicts
    assert sweep()[-1].verdicts == undisturbed.verdicts, "what is decided stays decided"
    assert text_of_plan() == expected
    for _ in range(kills):
        tried(identical=True, what="adaptive sweep, in its writes")


def test_each_detail_gets_the_verdict_that_is_true_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)
    last = sweep()[-1]
    true = {"a": "matters", "b": "matters", "c": "equivalent", "d": "equivalent", "e": "equivalent", "f": "equivalent"}
    assert {name.removeprefix("details."): word for name, word in last.verdicts.items()} == true
    assert last.next.decision.why == "all details are settled"
    rows = last.effects["details.a"]
    # a and c together do .4 more: averaged over both options of c, a does .2 more than alone
    assert abs(rows[0].estimate - 1.2) < 4 * rows[0].se


def test_the_page_tells_what_verdicts_rest_on_and_how_the_budget_was_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path / "project", monkeypatch)
    last = sweep()[-1]
    subject = load_subject("first", links=False)
    fractions = len(list_fractions(last.plan))
    assert f"means over {fractions} fractions of the design" in show_effects(subject)
    told = show_design(subject)
    assert told.count("worth further runs") == sum("worth further" in batch.why for batch in last.plan.batches)
    assert f"{last.plan.budget.left(last.plan)} are left" in told
    assert set(subject.analysis.verdicts["detail"]) == set(last.verdicts)
    runs = int(subject.analysis.cost["runs"].iloc[0])
    assert runs == len(last.plan.grown().runs)
    assert f"{runs} runs" in show_runs(subject)


def test_arms_that_are_settled_get_no_further_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch, design="one_at_a_time", seeds=2)
    looks = sweep()
    for before, after in pairwise(looks):
        closed = {detail for detail, word in before.verdicts.items() if word in ("matters", "equivalent")}
        settings = {variant.id: variant.settings for variant in after.plan.variants}
        ran = {detail for run in after.plan.batches[-1].runs for detail in settings[run.variant]}
        assert not closed & ran
    seeds = {detail: rows[0].seeds for detail, rows in looks[-1].effects.items()}
    assert min(seeds.values()) < max(seeds.values())


def test_fractions_are_drawn_by_number_and_never_by_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)
    sweep()
    rows = [[run.id for run in fraction] for fraction in list_fractions(load_plan(locate_plan(paths.PLANS, "first")))]
    assert len({tuple(run.rpartition("-s")[0] for run in fraction) for fraction in rows}) == len(rows)
    make_project(tmp_path / "other", monkeypatch)
    monkeypatch.setattr(noisy_case, "NOISE", 0.6)  # other results, and more of them needed
    sweep()
    others = [[run.id for run in fraction] for fraction in list_fractions(load_plan(locate_plan(paths.PLANS, "first")))]
    assert others[: len(rows)] == rows
    assert len(others) > len(rows)


def test_a_budget_is_kept_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)
    with pytest.raises(UserError, match="no budget yet: --budget 2h, or --runs 200"):
        sweep(amount=None)
    with pytest.raises(UserError, match="pays for 5 runs, and 17 of the plan's own are still to be made"):
        sweep(amount=Amount(5.0, RUNS))
    last = sweep(amount=Amount(60.0, RUNS))[-1]
    assert len(last.plan.grown().runs) == 17 + 2 * 16
    assert last.next.decision.why == "the budget is spent: 11 runs left"
    more = sweep(amount=Amount(80.0, RUNS))[-1]  # in all, not on top
    assert len(more.plan.grown().runs) == 17 + 3 * 16
    assert sweep(amount=None)[-1].plan == more.plan


def test_hours_become_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)
    seconds = 49.0  # at the second that each run is recorded to have taken
    plan = sweep(amount=Amount(seconds / 3600, "h"))[-1].plan
    assert plan.budget is not None
    assert (plan.budget.run_seconds, plan.budget.runs) == (1.0, 49)


def test_hours_that_no_run_has_priced_are_not_taken_for_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)

    def survive() -> None:
        raise KilledError

    with pytest.raises(KilledError):
        sweep(survive, Amount(49.0 / 3600, "h"))
    with pytest.raises(UserError, match=r"has not been turned into runs yet; once more: --budget 0\.0136111h"):
        sweep(amount=None)


def test_where_nothing_can_be_settled_nothing_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = {"score": {"margin": 0.001, "why": "out of reach"}}
    make_project(tmp_path / "project", monkeypatch, details={"details.d": None, "details.f": None}, metrics=outcome)
    last = sweep(amount=Amount(500.0, RUNS))[-1]
    assert "no open detail can be settled within the budget" in last.next.decision.why
    assert last.plan.budget is not None
    assert last.plan.budget.left(last.plan) > 250


def test_what_cannot_be_adaptive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "once", monkeypatch, sequential=None)
    with pytest.raises(UserError, match="declare how many seeds it may grow to"):
        sweep()
    make_project(tmp_path / "short", monkeypatch, sequential={"most_seeds": 3})
    with pytest.raises(UserError, match="most_seeds: 3: expected 4 or more"):
        sweep()
    assert load_plan(locate_plan(paths.PLANS, "first")).budget is None


def test_a_batch_that_fails_as_a_whole_stops_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)

    def fail(plan: Plan) -> None:
        for run in plan.grown().runs:
            write_record(failure_file(run.id), RunRecord("failed", "no disk", run.id, Given("code", {}), 1.0, None))

    assert not sweep_until_decided(CASE, "first", BUDGET, Machine(1), fail, [].append)
    assert not load_plan(locate_plan(paths.PLANS, "first")).batches


def test_runs_that_fail_here_and_there_are_outcomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / "project", monkeypatch)

    def fail_some(plan: Plan) -> None:
        for run in plan.batches[-1].runs[:1] if plan.batches else []:
            if read_record(run.id) is None:
                record = RunRecord("failed", "no disk", run.id, Given("code", {}), 1.0, None)
                write_record(failure_file(run.id), record)
        make_runs(plan)

    looks: list[Look] = []
    assert sweep_until_decided(CASE, "first", Amount(100.0, RUNS), Machine(1), fail_some, looks.append)
    plan = looks[-1].plan
    assert (read_results(CASE, plan, links=False).runs["status"] == "failed").sum() == len(plan.batches)
    assert looks[-1].effects["details.a"][0].failed == len(plan.batches)


@pytest.mark.parametrize(
    ("design", "more"),
    [
        ("full_factorial", {"seeds": 2}),
        ("d_optimal", {"variants": 6}),
        ("random", {"variants": 7}),
        ("fractional_factorial", {"generators": "a b ab"}),
    ],
)
def test_every_design_can_be_adaptive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, design: str, more: dict[str, object]
) -> None:
    details = {f"details.{name}": None for name in "abd"}
    make_project(tmp_path / "project", monkeypatch, design=design, details=details, **more)
    last = sweep(amount=Amount(150.0, RUNS))[-1]
    assert last.plan.batches
    words = {name.removeprefix("details."): word for name, word in last.verdicts.items()}
    assert {"a": words["a"], "b": words["b"]} == {"a": "matters", "b": "matters"}
    assert words["d"] != "matters"


def test_runs_that_have_failed_are_retried_once_and_looks_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_project(tmp_path / "project", monkeypatch)
    retried: list[bool] = []
    monkeypatch.setattr(status, "find_work", lambda *_, retry_failed: retried.append(retry_failed))
    monkeypatch.setattr(command, "_run", lambda _, plan, *__: make_runs(plan) or 0)
    command.sweep(Path(STUDY), retry_failed=True, until="decided", runs=100)
    assert len(retried) > 2
    assert retried == [True, *[False] * (len(retried) - 1)]
    said = capsys.readouterr().out
    assert said.count("next: ") == len(retried) - 1
    assert said.count("details.a") == len(retried)
