"""The tables of examples/judge-tables: every sentence of their README is held to what its command gives."""

from pathlib import Path

import pytest

from repro.judge.declaration import Flags, read_declaration
from repro.judge.lines import Line, list_lines
from repro.judge.table import read_table
from repro.judge.verdicts import Judgement, judge_table

FOLDER = Path(__file__).parents[2] / "examples" / "judge-tables"
README = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
MOST_BYTES = 150_000


def judge(name: str, outcome: str = "") -> Judgement:
    declared = read_declaration(str(FOLDER / name), Flags(outcome=(outcome,) if outcome else ()))
    return judge_table(read_table(declared.table), declared)


def tell(line: Line) -> str:
    return f"{line.estimate:+.2f} (95 % {line.low:.2f} to {line.high:.2f})"


def list_sentences(found: Judgement) -> str:
    return " ".join(" ".join(found.said).split())


def hold_rtdl_refused() -> list[str]:
    refused = judge("rtdl.csv", "test_score:higher").refused
    told = judge("dopamine.csv", "mean_last_10:higher").refused
    assert "90 % of it lies in 15 of 60 tasks" in told
    return [f"No verdict: {refused.partition(',')[0]}.", "a mean over games is refused, as 15 of 60 hold 90 % of it"]


def hold_rtdl() -> list[str]:
    found = judge("rtdl.yaml")
    lines = list_lines(found)
    (plr,) = [line for line in lines if line.verdict == "matters"]
    (backbone,) = [line for line in lines if line.detail == "backbone"]
    undecided = [line for line in lines if line.detail == "embedding" and line.verdict == "undecided"]
    assert found.word == "task"
    return [
        f"Of {1 + len(undecided)} embeddings `{plr.option}` matters against none: {tell(plr)} SDs over 11 data",
        f"The other {len(undecided)} are undecided, and so is the backbone: {tell(backbone)} for ResNet.",
    ]


def hold_algoperf() -> list[str]:
    found = judge("algoperf.yaml")
    lines = list_lines(found)
    assert {line.verdict for line in lines} == {"matters"}
    assert "125 rows share options and study with others (25 cells): their mean is one run" in list_sentences(found)
    assert "89 of 145 runs ended at less than 90% of the final_step" in list_sentences(found)
    worst, best = (pick(lines, key=lambda line: line.estimate) for pick in (min, max))
    return [
        "The 25 studies of five trials are one run each, the mean of their trials",
        f"All {len(lines)} submissions end below the external baseline, by {-best.estimate:.4f} "
        f"(`{best.option}`) to {-worst.estimate:.4f} (`{worst.option}`)",
        "89 of the 145 trials ended early",
    ]


def hold_dopamine() -> list[str]:
    found = judge("dopamine.yaml")
    lines = {line.option: line for line in list_lines(found)}
    assert (
        "1 of 3000 runs ended at less than 90% of the iterations of others with their options (row 1715: 56 of 200)"
        in (list_sentences(found))
    )
    assert lines["QR-DQN"].verdict == "undecided"
    assert {line.verdict for option, line in lines.items() if option != "QR-DQN"} == {"matters"}
    return [
        "One run of 3,000 is found that was cut short: 56 iterations of 200, row 1715",
        f"over 60 games Impala matters against CNN by {tell(lines['Impala'])} SDs",
        f"Rainbow from DQN by {tell(lines['Rainbow'])}, IQN by {tell(lines['IQN'])}, C51 by {tell(lines['C51'])}",
        f"QR-DQN is undecided: {tell(lines['QR-DQN'])}",
    ]


def hold_timm() -> list[str]:
    found = judge("timm.csv", "top1:higher")
    assert "noise SD of a run were below 0.021 (best of 30 comparisons)" in list_sentences(found)
    return [
        f"No verdict: {found.refused}.",
        "The two best recipes differ by 0.094 points, which would count only if the noise SD of a run were below 0.021",
    ]


@pytest.mark.parametrize("hold", [hold_rtdl_refused, hold_rtdl, hold_algoperf, hold_dopamine, hold_timm])
def test_the_readme_says_what_its_commands_give(hold: object) -> None:
    assert callable(hold)
    assert [sentence for sentence in hold() if sentence not in README] == []


def test_the_parts_are_small_and_attributed() -> None:
    for file in FOLDER.glob("*.csv"):
        assert file.stat().st_size < MOST_BYTES
        assert f"`{file.name}`" in README
    assert README.count("licence), commit `") == 4
