"""The referee of a loop of changes: its rule against independent computation, loops by simulation, replays of logs."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.loop_rules import NORMAL, Champions, World, draw_gains, run_keep_if_better, run_noise_floor, run_ours
from benchmarks.loops import WORLDS
from repro.errors import UserError
from repro.judge import loop_rule as rule
from repro.judge.loop import Loop
from repro.judge.loop_records import Decision, Run
from repro.judge.loop_replay import judge_runs

BASELINE = [1.0, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.0]
"""Mean 1, standard deviation .02; lower is better."""


def test_a_confirmation_meets_its_stake_as_often_as_it_may_whatever_ideas_scatter() -> None:
    """Looks at every pair, at a stake that simulation can see."""
    stake, loops = 0.05, 1000
    runs = np.random.default_rng(1).standard_normal((loops, rule.MOST_PAIRS)) * 3
    runs -= np.random.default_rng(2).standard_normal(runs.shape)
    met = np.zeros(loops, dtype=bool)
    for pairs in range(2, rule.MOST_PAIRS + 1):
        seen = runs[:, :pairs]
        met |= rule.confirmed_p(seen.mean(axis=1), seen.std(axis=1, ddof=1), pairs, 0.0) <= stake
    assert met.mean() == pytest.approx(stake, abs=4 * math.sqrt(stake * (1 - stake) / loops))


def test_the_evidence_ratio_is_that_of_two_normal_means() -> None:
    at = stats.norm(scale=0.5 * math.sqrt(1 / 3 + 1 / 8)).logpdf
    assert rule.evidence_ratio(0.7, 3, 8, 0.5) == pytest.approx(at(0.7 - 0.5) - at(0.7))


@pytest.mark.parametrize(
    "world", [NORMAL, World(ratio=2.0), WORLDS["t with 4 df"], WORLDS["lognormal (1), worse tail"]]
)
def test_loops_in_which_nothing_gains_keep_something_in_at_most_alpha(world: World) -> None:
    loops = 300
    done = run_ours(np.zeros((loops, 60)), np.random.default_rng(2), world)
    assert (done.false > 0).mean() <= rule.ALPHA + 3 * math.sqrt(rule.ALPHA * (1 - rule.ALPHA) / loops)


def test_keep_if_better_keeps_something_in_nearly_every_loop() -> None:
    lax = run_keep_if_better(np.zeros((500, 20)), np.random.default_rng(2), 1, 0.0)
    assert (lax.false > 0).mean() > 0.9


def test_planted_gains_are_found() -> None:
    gains = draw_gains(np.random.default_rng(3), 100, 20, 2, 2.0)
    done = run_ours(gains, np.random.default_rng(4))
    # .966 measured with 10 of 200, here less 4 Monte Carlo errors of 200 gains
    assert done.found.sum() / 200 > 0.966 - 4 * math.sqrt(0.966 * 0.034 / 200)


def test_the_peer_keeps_what_its_own_trial_kept() -> None:
    """A trial of the program itself kept 9 of 168 in 12 loops: within 3 Poisson errors of the rule as it is taken."""
    loops = 4000
    kept = run_noise_floor(np.zeros((loops, 14)), np.random.default_rng(5), 1, 1.0).false.mean()
    assert abs(kept - 9 / 12) < 3 * math.sqrt(9) / 12
    better = run_keep_if_better(np.zeros((loops, 14)), np.random.default_rng(5), 1, 0.0).false
    expected = sum(1 / place for place in range(2, 16))
    assert better.mean() == pytest.approx(expected, abs=4 * better.std() / math.sqrt(loops))


def runs_of(name: str, values: list[float], said: str = "") -> list[Run]:
    return [Run(name, value, said) for value in values]  # type: ignore[arg-type]


def judge(*parts: list[Run], idea: str | None = None) -> Decision:
    return judge_runs([run for part in parts for run in part], lower_is_better=True, idea=idea)


def confirm(name: str, champion: str, values: list[float], others: list[float]) -> list[Run]:
    return [run for own, other in zip(values, others, strict=True) for run in (Run(name, own), Run(champion, other))]


BETTER = [value - 0.2 for value in BASELINE[:6]]
KEPT = [*runs_of("a", BASELINE), Run("b", 0.7), *confirm("b", "a", BETTER, BASELINE[2:])]
"""b gains ten standard deviations, and its screening run fifteen."""


def test_an_idea_waits_for_runs_of_the_champion() -> None:
    decision = judge(runs_of("a", BASELINE[:3]), runs_of("b", [0.9]))
    assert (decision.verdict, decision.runs, decision.of, decision.status) == ("repeat", 5, "a", 11)


def test_a_bad_idea_is_discarded_after_one_run_and_stays_so() -> None:
    decision = judge(runs_of("a", BASELINE), runs_of("b", [1.05, 0.2, 0.2]))
    assert (decision.verdict, decision.status) == ("discard", 10)
    assert "n = 1 against 8" in decision.reason


def test_a_promising_idea_is_kept_by_new_pairs_only() -> None:
    passed = judge(runs_of("a", BASELINE), runs_of("b", [0.7]))
    assert (passed.verdict, passed.runs, passed.of) == ("repeat", 1, "b")
    assert passed.stake == pytest.approx(rule.STAKE_SHARE * rule.ALPHA)
    assert judge(runs_of("a", BASELINE), runs_of("b", [0.7, 0.8])).of == "a"
    kept = judge(KEPT)
    pairs = len(BETTER) - 1  # after which it stands
    assert kept.status == 0
    assert kept.gain == pytest.approx(np.mean(BASELINE[2 : 2 + pairs]) - np.mean(BETTER[:pairs]))  # not the .3 before
    assert kept.p <= kept.stake


def test_the_lucky_run_that_an_idea_was_kept_by_does_not_count_for_the_next() -> None:
    waits = judge(KEPT, runs_of("c", [0.79]))
    after = 1  # of its pairs came after it was kept
    assert (waits.verdict, waits.runs, waits.of) == ("repeat", rule.CHAMPION_RUNS - after, "b")
    fresh = [value - 0.1 for value in BASELINE]  # b is worse than it seemed
    held = judge(KEPT, runs_of("c", [0.87]), runs_of("b", fresh))
    assert (held.verdict, held.of) == ("repeat", "c")
    assert held.gain == pytest.approx(np.mean([BETTER[-1], *fresh]) - 0.87)


def test_what_the_log_kept_is_the_champion_and_its_lucky_run_does_not_count() -> None:
    rows = [*runs_of("a", BASELINE), Run("b", 0.5, "keep"), Run("c", 0.9)]
    assert judge(rows).of == "b"
    fresh = runs_of("b", BASELINE)
    decision = judge(rows, fresh)
    assert (decision.verdict, decision.of) == ("repeat", "c")


def test_what_the_log_discarded_is_no_champion_though_the_referee_kept_it() -> None:
    undone = [run._replace(said="discard") if run.idea == "b" else run for run in KEPT]
    assert judge(undone, runs_of("c", [1.1])).verdict == "discard"


def test_an_idea_whose_champion_is_gone_is_named_anew() -> None:
    rows = [*runs_of("a", BASELINE), Run("z", 0.97), Run("b", 0.7), *confirm("b", "a", BETTER, BASELINE[2:])]
    decision = judge(rows, runs_of("z", [0.97]), idea="z")
    assert decision.verdict == "discard"
    assert "no more" in decision.reason


def test_a_stake_comes_back_only_where_its_idea_is_kept() -> None:
    fresh = runs_of("b", [value - 0.2 for value in BASELINE])
    after_keep = judge(KEPT, runs_of("c", [0.5]), fresh)
    assert after_keep.stake == pytest.approx(rule.STAKE_SHARE * rule.ALPHA)
    failed = [*runs_of("a", BASELINE), Run("b", 0.7), *confirm("b", "a", [1.1, 1.1], [1.0, 1.0])]
    assert judge(failed).verdict == "discard"
    after_failure = judge(failed, runs_of("c", [0.7]))
    assert after_failure.stake == pytest.approx(rule.STAKE_SHARE * (1 - rule.STAKE_SHARE) * rule.ALPHA)


def test_decisions_of_a_log_are_those_of_its_beginnings() -> None:
    """Whoever reads a log later reads the same: a decision that was reached is reached in every longer log."""
    generator = np.random.default_rng(6)
    rows = runs_of("a", generator.normal(1, 0.02, 8).tolist())
    reached: dict[str, str] = {}
    for idea in ("b", "c"):
        rows.append(Run(idea, float(generator.normal(0.94, 0.02))))
        while (decision := judge(rows)).verdict == "repeat":
            level = 0.94 if decision.of == idea else 1.0
            rows += [Run(decision.of, float(generator.normal(level, 0.02))) for _ in range(decision.runs)]
        reached[idea] = decision.reason
    for idea, reason in reached.items():
        assert judge(rows, idea=idea).reason == reason


def test_an_idea_has_its_last_pair() -> None:
    """Three quarters of an SD are neither hopeless nor confirmed."""
    noise = [0.02, -0.02] * 25
    pairs = confirm("b", "a", [0.985 + each for each in noise], [1 + each for each in reversed(noise)])
    decision = judge(runs_of("a", BASELINE), runs_of("b", [0.9]), pairs)
    assert decision.verdict == "discard"
    assert "50 pairs" in decision.reason


def test_a_crash_is_discarded_and_one_of_the_champion_left_out() -> None:
    assert judge(runs_of("a", BASELINE), runs_of("b", [math.nan])).verdict == "discard"
    assert judge(runs_of("a", [*BASELINE[:7], math.nan]), runs_of("b", [0.7])).runs == 1


def test_skewed_runs_are_said() -> None:
    skewed = [1.0, 1.001, 1.002, 1.003, 1.001, 1.002, 1.0, 1.001, 1.002, 1.1]
    rows = [*runs_of("a", skewed), Run("b", 0.7)]
    pairs = confirm("b", "a", [0.7 + each for each in (0, 0.01, 0.0, 0.01, 0.0, 0.01, 0.0, 0.01)], skewed[:8])
    decision = judge(rows, pairs)
    assert decision.verdict == "keep"
    assert "skewed" in decision.reason
    assert "skewed" not in judge(KEPT).reason


def test_the_skewness_of_simulated_champions_is_that_of_their_runs() -> None:
    champions = Champions(3, np.random.default_rng(7), WORLDS["lognormal (1), worse tail"])
    values = np.array([champions.run(np.arange(3)) for _ in range(9)])
    spread = champions.squares / champions.seen
    assert champions.cubes / champions.seen / spread**1.5 == pytest.approx(stats.skew(values))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (runs_of("a", BASELINE), "no idea after the baseline"),
        ([*runs_of("a", [1.0] * 8), Run("b", 0.9)], "alike"),
        ([Run("a", math.nan), Run("b", 0.9)], "is a crash"),
    ],
)
def test_what_cannot_be_judged_is_said(rows: list[Run], said: str) -> None:
    with pytest.raises(UserError, match=said):
        judge(rows)


def begin(folder: Path) -> Loop:
    return Loop(folder / "results.tsv", lower_is_better=True)


def fill(loop: Loop, name: str, values: list[float]) -> Decision:
    decisions = [loop.add(name, value, run=str(number)) for number, value in enumerate(values)]
    return decisions[-1]


def test_a_loop_is_kept_in_its_log(tmp_path: Path) -> None:
    assert fill(begin(tmp_path), "a", BASELINE).of == "a"
    assert begin(tmp_path).add("b", 0.7, run="0").status == 11
    for number, (own, other) in enumerate(zip(BETTER, BASELINE[2:], strict=True), start=1):
        first, decision = begin(tmp_path).add("b", own, str(number)), begin(tmp_path).add("a", other, str(number + 8))
        assert first.of in ("a", "")
        if decision.verdict == "keep":
            break
    assert begin(tmp_path).judge().status == 0
    assert begin(tmp_path).add("c", math.inf).verdict == "discard"
    assert (tmp_path / "results.tsv").read_text().splitlines()[-1] == "c\t\tcrash\t"


def test_a_run_that_is_added_again_changes_nothing(tmp_path: Path) -> None:
    loop = begin(tmp_path)
    fill(loop, "a", BASELINE)
    before = loop.file.read_bytes()
    loop.add("a", BASELINE[3], run="3")
    assert loop.file.read_bytes() == before
    with pytest.raises(UserError, match=r"line 5: run 3 of a is 1.01, not 2.0"):
        loop.add("a", 2.0, run="3")


@pytest.mark.fault("kill", "loop")
def test_a_killed_loop_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = begin(tmp_path)
    fill(loop, "a", BASELINE)
    before = loop.file.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        loop.add("b", 0.7)
    monkeypatch.undo()
    assert loop.file.read_bytes() == before
    assert begin(tmp_path).add("b", 0.7).verdict == "repeat"


@pytest.mark.fault("at once", "writers of one loop")
def test_many_at_once_all_count(tmp_path: Path) -> None:
    fill(begin(tmp_path), "a", BASELINE)
    names = [f"idea {number}" for number in range(8)]
    threads = [threading.Thread(target=begin(tmp_path).add, args=(name, 1.1)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = (tmp_path / "results.tsv").read_text().splitlines()[9:]
    assert sorted(row.split("\t")[0] for row in rows) == names


def test_a_log_that_others_began_is_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "results.tsv"
    file.write_text("commit\tval_bpb\tmemory_gb\tstatus\tdescription\n")
    loop = Loop(file)
    loop.add("abc", 1.5)
    assert file.read_text().endswith("description\nabc\t1.5\t\t\t\n")
    with pytest.raises(UserError, match="no column run"):
        loop.add("abc", 1.5, run="1")
    file.write_text(file.read_text() + "def\t1.")
    with pytest.raises(UserError, match="last line has no end"):
        loop.add("abc", 1.5)
