"""Logs of loops: what their kept changes are worth, what is read of them, and the command."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from repro.cli import main
from repro.errors import UserError
from repro.judge import judge_log
from repro.judge.loop_table import read_log
from repro.judge.loop_worth import compare_kept

BASELINE = [1.0, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.0]
"""Mean 1, standard deviation .02; lower is better."""


def log_of(*rows: tuple[str, float, str]) -> pd.DataFrame:
    """A log in the columns that a loop of agents writes; memory first, as it is no metric."""
    table = pd.DataFrame(rows, columns=["commit", "val_bpb", "status"])
    return table.assign(memory_gb=20.0, description="as said")[
        ["commit", "memory_gb", "val_bpb", "status", "description"]
    ]


def test_a_log_of_one_run_an_idea_is_not_judged_and_says_what_noise_would_do() -> None:
    log = log_of(("a", 2.5, "keep"), ("b", 2.4, "keep"), ("c", 0.0, "crash"), ("d", 2.6, "discard"), ("e", 2.3, "keep"))
    found = judge_log(log)
    assert (found.metric, found.ideas, found.crashed, len(found.kept)) == ("val_bpb", 3, 1, 2)
    assert found.expected == pytest.approx(1 / 2 + 1 / 3 + 1 / 4)
    # two or three of three independent records of chance 1/2, 1/3, 1/4
    assert found.p_of_kept == pytest.approx(7 / 24)
    assert [each.stands for each in found.kept] == [None, None]
    assert found.kept[0].most_sd == pytest.approx(0.1 / (stats.norm.isf(0.05 / 3) * math.sqrt(2)))
    assert (found.next.idea, found.next.verdict, found.next.runs, found.next.of) == ("e", "repeat", 8, "b")
    assert "stands if the SD of a run is below" in found.to_text()
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["kept"][0]["p"] is None


def test_replicates_tell_what_stands_by_their_own_spread() -> None:
    rows = [*(("a", value, "keep") for value in BASELINE), *(("b", value - 0.2, "keep") for value in BASELINE)]
    rows += [*(("c", 5 * value - 4.22, "keep") for value in BASELINE), ("d", 0.9, "")]
    found = judge_log(log_of(*rows))
    assert [each.stands for each in found.kept] == [True, False]
    noisy, fresh = 5 * np.array(BASELINE) - 4.22, np.array(BASELINE[1:]) - 0.2  # of b's runs the first kept it
    welch = stats.ttest_ind(noisy, fresh, equal_var=False, alternative="less")
    assert found.kept[1].p == pytest.approx(2 * stats.t.sf(-welch.statistic, len(fresh) - 1))
    assert (found.next.idea, found.next.runs, found.next.of) == ("d", 1, "c")


def test_welch_on_the_smaller_df_holds_its_level_where_one_scatters_twice_as_much() -> None:
    generator, loops = np.random.default_rng(1), 400
    wrong = 0
    for _ in range(loops):
        one, other = generator.normal(0, 2, 4).tolist(), generator.normal(0, 1, 9).tolist()
        wrong += compare_kept("b", one, "a", other, -1, math.nan, 0, 1).stands is True
    assert wrong / loops <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / loops)


def test_words_of_a_status_are_read_in_any_case() -> None:
    said = ["Keep", " KEPT ", "Discarded", "CRASH", "repeat", np.nan]
    log = read_log(log_of(*((name, 1.0, word) for name, word in zip("abcdef", said, strict=True))))
    assert [run.said for run in log.runs] == ["keep", "keep", "discard", "", "", ""]
    assert math.isnan(log.runs[3].value)


@pytest.mark.fault("input", "log of a loop")
@pytest.mark.parametrize(
    ("log", "metric", "said"),
    [
        (log_of(("a", 1.0, "keep")), "", "no idea after the baseline"),
        (log_of(("a", 1.0, "crash"), ("b", 1.0, "keep")), "", "baseline, is a crash"),
        (log_of(("a", 1.0, "keep"), ("b", math.nan, "keep")), "", "row 2: val_bpb"),
        (log_of(("a", 1.0, "keep"), ("b", 1.0, "wow")), "", "row 2: status 'wow' is unknown"),
        (log_of(("a", 1.0, "keep"), ("", 1.0, "keep")), "", "row 2: commit is empty"),
        (log_of(("a", 1.0, "keep"), ("b", 1.0, "")), "loss", "no column loss"),
        (log_of(("a", 1.0, "keep"), ("b", 1.0, "")).drop(columns="val_bpb"), "", "no column of numbers"),
        (log_of(("a", 1.0, "keep")).drop(columns=["commit", "description"]), "", "no log of a loop"),
        (log_of(("a", 1.0, "keep")).rename(columns={"val_bpb": "quality"}), "", "is a lower quality better"),
    ],
)
def test_a_log_that_is_none_is_refused(log: pd.DataFrame, metric: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        judge_log(log, metric=metric)


def test_a_log_without_a_status_is_the_referees() -> None:
    rows = [*(("a", value, "") for value in BASELINE), ("b", 1.1, "")]
    assert judge_log(log_of(*rows).drop(columns="status")).status == 10


@pytest.mark.parametrize(
    ("name", "chosen"), [("valid_loss", "valid_loss"), ("fid", "fid"), ("train_seconds", "val_bpb"), ("ids", "val_bpb")]
)
def test_a_metric_is_the_first_column_of_numbers_that_can_be_one(name: str, chosen: str) -> None:
    log = log_of(("a", 1.0, "keep"))
    log.insert(0, name, 1.0)
    assert read_log(log).metric == chosen


def write(file: Path, *ends: tuple[str, float, str]) -> Path:
    log_of(*(("a", value, "keep") for value in BASELINE), *ends).to_csv(file, sep="\t", index=False)
    return file


def test_a_line_that_is_being_written_is_left_out_and_said(tmp_path: Path) -> None:
    file = write(tmp_path / "results.tsv", ("b", 1.1, ""))
    with file.open("a") as end:
        end.write("c\t20.0\t0.")  # of 0.7
    found = judge_log(file)
    assert (found.next.idea, found.next.verdict) == ("b", "discard")
    assert "half written" in found.to_text()
    with file.open("a") as end:
        end.write("7\t\tdescribed")  # complete but for its end
    assert judge_log(file).next.idea == "c"


PAIRS = [
    row
    for value, other in zip(BASELINE[:6], BASELINE[2:], strict=True)
    for row in (("b", value - 0.2, ""), ("a", other, "keep"))
]


@pytest.mark.parametrize(
    ("ends", "status", "said"),
    [
        ((("b", 0.7, ""), *PAIRS), 0, "b: keep"),
        ((("b", 1.1, ""),), 10, "b: discard"),
        ((("b", 0.0, "crash"),), 10, "b: discard: it crashed"),
        ((("b", 0.7, ""),), 11, "b: repeat 1 of b"),
        ((("b", 0.7, ""), PAIRS[0]), 11, "b: repeat 1 of a"),
        ((), 2, "no idea"),
    ],
)
def test_the_command_ends_with_the_verdict_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ends: tuple[tuple[str, float, str], ...],
    status: int,
    said: str,
) -> None:
    file = write(tmp_path / "results.tsv", *ends)
    for more in ([], ["--outcome", "val_bpb:lower"]):
        monkeypatch.setattr("sys.argv", ["repro", "judge", str(file), "--loop", *more])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == status
        shown = capsys.readouterr()
        assert said in shown.out + shown.err
    assert list(tmp_path.iterdir()) == [file]
