"""The referee of a loop of changes: its levels against independent computation, loops by simulation, state and logs."""

import json
import math
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.loops import ALPHA, draw_gains, run_keep_if_better, run_noise_floor, run_ours
from repro.cli import main
from repro.errors import UserError
from repro.judge.loop import Loop
from repro.judge.loop_log import judge_log
from repro.judge.loop_rule import (
    CHAMPION_RUNS,
    MOST_RUNS,
    champion_runs_for,
    crossing_probability,
    level_of_idea,
    levels_of_looks,
)

BASELINE = [1.0, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.0, 1.02, 0.98]
"""Mean 1, standard deviation .02; lower is better."""


def test_the_levels_of_ideas_add_up_to_alpha() -> None:
    last = 10_000
    spent = sum(level_of_idea(number) for number in range(1, last + 1))
    assert spent + 0.1 * 0.05 * 200 / last == pytest.approx(0.05, rel=1e-9)  # what is left telescopes


def test_two_looks_cross_as_often_as_two_correlated_normals_do() -> None:
    levels = np.array([0.01, 0.03])
    below = stats.multivariate_normal([0, 0], [[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]]).cdf(stats.norm.isf(levels))
    assert crossing_probability(levels) == pytest.approx(1 - below, abs=2e-5)  # what cdf integrates to


def test_looks_spend_the_level_of_an_idea() -> None:
    levels = np.array(levels_of_looks(0.05))
    assert levels[:4].tolist() == [0, 0, 0, 0]
    walks = np.random.default_rng(1).standard_normal((40_000, MOST_RUNS)).cumsum(axis=1)
    z = walks / np.sqrt(np.arange(1, MOST_RUNS + 1))
    crossed = (z > stats.norm.isf(levels[1:])).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 40_000))


def test_loops_in_which_nothing_gains_keep_something_in_at_most_alpha() -> None:
    loops = 2000
    done = run_ours(np.zeros((loops, 20)), np.random.default_rng(2), horizon=20)
    assert (done.false > 0).mean() <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / loops)
    lax = run_keep_if_better(np.zeros((loops, 20)), np.random.default_rng(2), 1, 0.0)
    assert (lax.false > 0).mean() > 0.9


def test_planted_gains_are_found() -> None:
    loops = 100
    gains = draw_gains(np.random.default_rng(3), loops, 20, 2, 2.0)
    done = run_ours(gains, np.random.default_rng(4), horizon=200)
    # .967 measured with 10 of 200, here less 4 Monte Carlo errors of 200 gains
    assert done.found.sum() / 200 > 0.967 - 4 * math.sqrt(0.967 * 0.033 / 200)


def test_the_peer_keeps_what_its_own_trial_kept() -> None:
    """A trial of the program itself kept 9 of 168 in 12 loops: within 3 Poisson errors of the rule as it is taken."""
    loops = 4000
    kept = run_noise_floor(np.zeros((loops, 14)), np.random.default_rng(5), 1, 1.0).false.mean()
    assert abs(kept - 9 / 12) < 3 * math.sqrt(9) / 12
    better = run_keep_if_better(np.zeros((loops, 14)), np.random.default_rng(5), 1, 0.0).false
    expected = sum(1 / place for place in range(2, 16))
    assert better.mean() == pytest.approx(expected, abs=4 * better.std() / math.sqrt(loops))


def begin(folder: Path) -> Loop:
    return Loop(folder / "loop.json", lower_is_better=True)


def test_an_idea_is_compared_with_fresh_runs_of_the_champion_first(tmp_path: Path) -> None:
    decision = begin(tmp_path).judge("b", {"baseline": BASELINE[:3], "b": [0.9]})
    assert (decision.verdict, decision.runs, decision.of, decision.status) == ("repeat", 7, "baseline", 11)


def test_a_hopeless_idea_is_discarded_after_one_run_and_stays_so(tmp_path: Path) -> None:
    decision = begin(tmp_path).judge("b", {"baseline": BASELINE, "b": [1.05]})
    assert (decision.verdict, decision.status) == ("discard", 10)
    assert begin(tmp_path).judge("b", {"baseline": BASELINE, "b": [1.05, 0.2, 0.2, 0.2]}).verdict == "discard"


def keep(folder: Path) -> tuple[Loop, dict[str, list[float]]]:
    loop, runs = begin(folder), {"baseline": [*BASELINE, 1.01, 0.99], "b": [0.8]}
    first = loop.judge("b", runs)
    assert (first.verdict, first.runs, first.of) == ("repeat", 3, "b")
    runs["b"] = [0.8, 0.81, 0.79, 0.8]
    assert loop.judge("b", runs).status == 0
    return loop, runs


def test_a_large_gain_is_kept_and_must_be_run_again_as_champion(tmp_path: Path) -> None:
    loop, runs = keep(tmp_path)
    assert loop.champion == "b"
    after = loop.judge("c", runs | {"c": [0.7]})
    assert (after.verdict, after.runs, after.of) == ("repeat", CHAMPION_RUNS, "b")
    fresh = [value - 0.2 for value in BASELINE]
    assert (
        loop.judge("c", runs | {"b": runs["b"] + fresh, "c": [0.7, 0.95]}).verdict == "discard"
    )  # .825 is worse than .8


def test_a_loop_that_was_killed_goes_on_with_the_same_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, runs = keep(tmp_path)
    before = loop.file.read_bytes()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("repro.storage.json.dumps", die)
    with pytest.raises(KeyboardInterrupt):
        loop.judge("c", runs | {"c": [0.7]})
    monkeypatch.undo()
    assert loop.file.read_bytes() == before
    begin(tmp_path).judge("c", runs | {"c": [0.7]})
    assert [idea["number"] for idea in json.loads(before)["ideas"]] == [1]
    assert [idea["number"] for idea in json.loads(loop.file.read_text())["ideas"]] == [1, 2]


def test_two_at_once_both_count(tmp_path: Path) -> None:
    names = [f"idea {number}" for number in range(8)]
    threads = [
        threading.Thread(target=begin(tmp_path).judge, args=(name, {"baseline": BASELINE, name: [1.1]}))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ideas = json.loads((tmp_path / "loop.json").read_text())["ideas"]
    assert sorted(idea["name"] for idea in ideas) == names
    assert sorted(idea["number"] for idea in ideas) == list(range(1, 9))


def test_an_idea_has_its_last_run(tmp_path: Path) -> None:
    """Half an SD better is neither hopeless nor found in 30 runs."""
    noise = stats.norm.isf((np.arange(MOST_RUNS) + 0.5) / MOST_RUNS) * 0.02
    champion = (1 + np.tile(noise, 3)).tolist()
    decision = begin(tmp_path).judge("b", {"baseline": champion, "b": (0.988 + noise).tolist()})
    assert len(champion) == champion_runs_for(MOST_RUNS)
    assert decision.verdict == "discard"
    assert "30 runs" in decision.reason


def test_a_crash_is_discarded(tmp_path: Path) -> None:
    assert begin(tmp_path).judge("b", {"baseline": BASELINE, "b": [math.nan]}).verdict == "discard"
    assert "NaN" not in (tmp_path / "loop.json").read_text()


@pytest.mark.parametrize(
    ("name", "runs", "said"),
    [
        ("b", {"baseline": BASELINE}, "no run of b"),
        ("baseline", {"baseline": BASELINE}, "baseline is the champion"),
        ("b", {"baseline": [1.0] * 10, "b": [0.9]}, "alike"),
        ("b", {"baseline": [*BASELINE, math.inf], "b": [0.9]}, "not finite"),
    ],
)
def test_what_cannot_be_judged_is_said_and_leaves_no_state(
    tmp_path: Path, name: str, runs: dict[str, list[float]], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        begin(tmp_path).judge(name, runs)
    assert not (tmp_path / "loop.json").exists()


def test_runs_that_were_judged_cannot_be_taken_back(tmp_path: Path) -> None:
    loop = begin(tmp_path)
    assert loop.judge("b", {"baseline": BASELINE, "b": [0.985]}).verdict == "repeat"
    with pytest.raises(UserError, match="runs of b differ"):
        loop.judge("b", {"baseline": BASELINE, "b": [0.5, 0.5]})
    with pytest.raises(UserError, match="runs of baseline differ"):
        loop.judge("b", {"baseline": [value + 1 for value in BASELINE], "b": [0.985, 0.98]})


def test_a_loop_ends_as_it_was_begun(tmp_path: Path) -> None:
    keep(tmp_path)
    with pytest.raises(UserError, match="horizon = 200, not 300"):
        Loop(tmp_path / "loop.json", lower_is_better=True, horizon=300)
    (tmp_path / "loop.json").write_text("{")
    with pytest.raises(UserError, match="not the state of a loop"):
        begin(tmp_path)


def log_of(*rows: tuple[str, float, str]) -> pd.DataFrame:
    """A log in the columns that a loop of agents writes; memory first, as it is no metric."""
    table = pd.DataFrame(rows, columns=["commit", "val_bpb", "status"])
    return table.assign(memory_gb=20.0, description="as said")[
        ["commit", "memory_gb", "val_bpb", "status", "description"]
    ]


def test_a_log_of_one_run_an_idea_is_not_judged_and_says_what_noise_would_do(tmp_path: Path) -> None:
    log = log_of(("a", 2.5, "keep"), ("b", 2.4, "keep"), ("c", 0.0, "crash"), ("d", 2.6, "discard"), ("e", 2.3, "keep"))
    found = judge_log(log, lower_is_better=True, state=tmp_path / "loop.json")
    assert (found.metric, found.ideas, found.crashed, len(found.kept)) == ("val_bpb", 3, 1, 2)
    assert found.expected == pytest.approx(1 / 2 + 1 / 3 + 1 / 4)
    # two or three of three independent records of chance 1/2, 1/3, 1/4
    assert found.p_of_kept == pytest.approx(7 / 24)
    assert [each.stands for each in found.kept] == [None, None]
    assert found.kept[0].most_sd == pytest.approx(0.1 / (stats.norm.isf(0.05 / 3) * math.sqrt(2)))
    assert (found.next.idea, found.next.verdict, found.next.runs, found.next.of) == ("e", "repeat", 10, "b")
    assert "stands if the SD of a run is below" in found.to_text()


def test_replicates_tell_what_stands(tmp_path: Path) -> None:
    rows = [*(("a", value, "keep") for value in BASELINE), *(("b", value - 0.2, "keep") for value in BASELINE)]
    rows += [*(("c", value - 0.205, "keep") for value in BASELINE), ("d", 0.9, "")]
    found = judge_log(log_of(*rows), lower_is_better=True, state=tmp_path / "loop.json")
    assert [each.stands for each in found.kept] == [True, False]
    reference = stats.ttest_ind(BASELINE, np.array(BASELINE) - 0.005, alternative="less")
    assert found.kept[1].p / 2 == pytest.approx(stats.t.sf(0.005 / (found.sd * math.sqrt(0.2)), 27))
    assert found.kept[1].p / 2 == pytest.approx(1 - reference.pvalue, abs=0.01)  # 27 df for 18
    # of ten runs of c the first kept it
    assert (found.next.idea, found.next.runs, found.next.of) == ("d", 1, "c")


def test_a_loop_is_followed_through_its_log(tmp_path: Path) -> None:
    state = tmp_path / "loop.json"
    rows = [("a", value, "keep") for value in [*BASELINE, 1.01, 0.99]]
    kept = [("b", value, "") for value in (0.8, 0.81, 0.79, 0.8)]
    assert judge_log(log_of(*rows, *kept), lower_is_better=True, state=state).status == 0
    rows += [(name, value, "keep") for name, value, _ in kept]
    again = judge_log(log_of(*rows, ("c", 0.7, "")), lower_is_better=True, state=state)
    assert (again.next.verdict, again.next.runs, again.next.of) == ("repeat", 10, "b")
    with pytest.raises(UserError, match="the log keeps c"):
        judge_log(log_of(*rows, ("c", 0.7, "keep"), ("d", 0.9, "")), lower_is_better=True, state=state)


@pytest.mark.parametrize(
    ("log", "metric", "said"),
    [
        (log_of(("a", 1.0, "keep")), "", "no idea after the baseline a"),
        (log_of(("a", 1.0, "crash"), ("b", 1.0, "keep")), "", "baseline, is a crash"),
        (log_of(("a", 1.0, "keep"), ("b", math.nan, "keep")), "", "row 2: val_bpb"),
        (log_of(("a", 1.0, "keep"), ("b", 1.0, "")), "loss", "no column loss"),
        (log_of(("a", 1.0, "keep"), ("b", 1.0, "")).drop(columns="val_bpb"), "", "no column of numbers"),
        (log_of(("a", 1.0, "keep"), ("b", 1.0, "")).drop(columns="status"), "", "no log of a loop"),
    ],
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, log: pd.DataFrame, metric: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        judge_log(log, lower_is_better=True, state=tmp_path / "loop.json", metric=metric)
    assert not (tmp_path / "loop.json").exists()


@pytest.mark.parametrize(
    ("runs", "status", "said"),
    [
        ((0.8, 0.81, 0.79, 0.8), 0, "b: keep"),
        ((1.1,), 10, "b: discard"),
        ((0.8,), 11, "b: repeat 3 of b"),
        ((), 2, "no idea"),
    ],
)
def test_the_command_ends_with_the_verdict(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runs: tuple[float, ...],
    status: int,
    said: str,
) -> None:
    rows = [("a", value, "keep") for value in [*BASELINE, 1.01, 0.99]]
    file = tmp_path / "results.tsv"
    log_of(*rows, *(("b", value, "") for value in runs)).to_csv(file, sep="\t", index=False)
    monkeypatch.setattr("sys.argv", ["repro", "judge", str(file), "--loop"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == status
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert (tmp_path / "results.loop.json").exists() == (status != 2)


def test_a_direction_that_no_name_tells_is_asked_for(tmp_path: Path) -> None:
    log = log_of(("a", 1.0, "keep"), ("b", 1.0, "")).rename(columns={"val_bpb": "quality"})
    with pytest.raises(UserError, match="is a lower quality better"):
        judge_log(log, state=tmp_path / "loop.json")
