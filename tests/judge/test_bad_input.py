"""What people give by mistake: each is refused in one or two lines that say what, where and what was expected."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from repro.errors import UserError
from repro.judge.declaration import Flags, read_declaration
from repro.judge.judgement import Judgement
from repro.judge.output_folder import check_output_folder
from repro.judge.table import read_table
from repro.judge.table_header import read_headed
from repro.judge.verdicts import judge_table

OUTCOME = Flags(outcome=("loss:lower",))
GOOD = "lr,seed,loss\na,0,1.01\na,1,1.12\na,2,1.23\nb,0,2.02\nb,1,2.11\nb,2,2.27\n"


def judge(file: Path, flags: Flags = OUTCOME) -> Judgement:
    declared = read_declaration(str(file), flags)
    return judge_table(read_table(declared.table), declared)


def tell(file: Path, flags: Flags = OUTCOME) -> str:
    """Returns why a table is refused; empty if it is judged."""
    try:
        return judge(file, flags).refused
    except UserError as error:
        return str(error)


def flags(**given: object) -> Flags:
    return OUTCOME._replace(**given)  # type: ignore[arg-type]


REFUSED: list[tuple[str, str | bytes, Flags, str]] = [
    # columns that are not there, or not what they are asked to be
    ("t.csv", GOOD, flags(outcome=("acc:higher",)), "outcome: there is no column 'acc'"),
    ("t.csv", GOOD, flags(outcome=("Loss:lower",)), "the table has: loss"),
    ("t.csv", GOOD, flags(outcome=()), "which column is the outcome? --outcome NAME:lower"),
    ("t.csv", GOOD, flags(outcome=("loss",)), "expected loss:lower or :higher"),
    ("t.csv", GOOD, flags(outcome=("loss:best",)), "which way is better?"),
    ("t.csv", GOOD, flags(outcome=(":lower",)), "which way is better?"),
    ("t.csv", GOOD, flags(seed="fold"), "seed: there is no column 'fold'"),
    ("t.csv", GOOD, flags(unit="image"), "unit: there is no column 'image'"),
    ("t.csv", GOOD, flags(task="data"), "task: there is no column 'data'"),
    ("t.csv", GOOD, flags(details="width"), "details: there is no column 'width'"),
    ("t.csv", GOOD, flags(details="lr,lr"), "asked to be two things at once"),
    ("t.csv", GOOD, flags(seed="loss"), "asked to be two things at once"),
    ("t.csv", GOOD, flags(details="loss"), "asked to be two things at once"),
    ("t.csv", GOOD, flags(baseline=("lr",)), "--baseline lr: expected DETAIL=OPTION"),
    ("t.csv", GOOD, flags(baseline=("lr=c",)), "baseline: no run has lr=c\n  lr is one of: a, b"),
    ("t.csv", GOOD, flags(baseline=("width=1",)), "baseline: 'width' is no detail\n  details: lr"),
    ("t.csv", GOOD, flags(margin=0.0), "--margin 0: expected a number above 0"),
    ("t.csv", GOOD, flags(margin=-1.0), "--margin -1: expected a number above 0"),
    ("t.csv", GOOD, flags(margin=float("nan")), "--margin nan: expected a number above 0"),
    ("t.csv", GOOD, flags(margin=float("inf")), "--margin inf: expected a number above 0"),
    ("t.csv", GOOD, flags(outcome=(), margin=1.0), "--margin: of which outcome?"),
    # outcomes that are none
    ("t.csv", GOOD.replace("1.01", "low").replace("2.02", "high"), OUTCOME, "numbers and text: 'low' in row 1"),
    ("t.csv", "lr,seed,loss\na,0,low\nb,0,high\n", OUTCOME, "outcome 'loss' is text: 'low' in row 1"),
    ("t.csv", "lr,seed,loss\na,0,\na,1,\nb,0,\nb,1,\n", OUTCOME, "there is no column 'loss' that holds a value"),
    ("t.csv", "lr,seed,loss\na,0,inf\na,1,inf\nb,0,-inf\n", OUTCOME, "no finite value in 3 rows"),
    ("t.csv", GOOD.replace("1.01", "1.01 s"), OUTCOME, "numbers and text: '1.01 s' in row 1"),
    ("t.csv", GOOD.replace("2.02", "2.0±0.1"), OUTCOME, "numbers and text: '2.0±0.1' in row 4"),
    ("t.csv", GOOD.replace("1.01", "95%"), OUTCOME, "numbers and text: '95%' in row 1"),
    ("t.csv", "lr,seed,loss\na,0,True\na,1,\nb,0,False\n", OUTCOME, "is true or false, with blanks"),
    ("t.csv", GOOD.replace("1.01", "1e308"), OUTCOME, "has 1e+308, whose square is no number"),
    # too little to judge
    ("t.csv", "lr,seed,loss\na,0,1\n", OUTCOME, "there is nothing to compare"),
    ("t.csv", "lr,seed,loss\na,0,1\na,1,2\na,2,3\n", OUTCOME, "there is nothing to compare"),
    ("t.csv", "loss\n1\n2\n3\n", OUTCOME, "no column varies that could be a detail"),
    ("t.csv", "lr,seed,loss\na,0,1.1\nb,0,2.2\n", OUTCOME, "no variant was run twice"),
    ("t.csv", "lr,loss\na,1.1\nb,2.2\nc,2.3\n", OUTCOME, "no variant was run twice"),
    ("t.csv", "lr,seed,loss\na,0,1.1\na,1,1.2\na,2,1.4\nb,0,2.2\n", OUTCOME, "one variant alone was run twice"),
    ("t.csv", "lr,seed,loss\na,0,1.1\nb,0,2\nb,1,3\nc,1,2.2\nc,2,4\n", flags(baseline=("lr=a",)), "has one "),
    ("t.csv", "lr,seed,loss\na,0,1.1\na,1,1.2\nb,0,nan\nb,1,nan\n", OUTCOME, "there is nothing to compare"),
    ("t.csv", "model,loss\nresnet_a,1.1\nresnet_b,1.2\nvit_a,1.3\nvit_b,1.4\n", OUTCOME, "no variant was run twice"),
    ("t.csv", "dataset,lr,seed,loss\n" + "".join(
        f"{d},{lr},{s},{level * (1 + 0.01 * s) + (lr == 'b')}\n"
        for d, level in (("x", 0.1), ("y", 0.2), ("house", 32000)) for lr in "ab" for s in range(3)
    ), OUTCOME, "no mean of loss over dataset: 100 % of it lies in 1 of 3 tasks (house)"),
    # files that are no tables
    ("none.csv", "", OUTCOME, "is empty"),
    ("t.csv", "lr,seed,loss\n", OUTCOME, "has no rows"),
    ("t.csv", "\n\n\n", OUTCOME, "has no lines"),
    ("t.csv", "1,2,3\n4,5,6\n", OUTCOME, "its first line holds numbers\n  expected a header"),
    ("t.csv", GOOD.replace("seed", "lr"), OUTCOME, "columns 1 and 2 are both called 'lr'"),
    ("t.csv", "lr,loss,loss\na,1,2\nb,2,3\n", OUTCOME, "columns 2 and 3 are both called 'loss'"),
    ("t.csv", GOOD + "b,3,2.2,extra\n", OUTCOME, "line 8 has 4 fields, the header 3\n  put text that holds a comma"),
    ("t.csv", GOOD + 'b,3,"2.2\n', OUTCOME, "is a quote left open?"),
    ("t.csv", b"lr,seed,loss\n\xe9,0,1\n", OUTCOME, "line 2: no utf-8"),
    ("t.csv", bytes(range(256)) * 8, OUTCOME, "is no text: it has zero bytes"),
    ("t.csv", "lr;seed;loss\na;0;1,234\na;1;2,345\nb;0;3,456\n", OUTCOME, "1,234 is 1234 or 1.234"),
    ("t.xlsx", b"PK\x03\x04", OUTCOME, "is a spreadsheet\n  save it as CSV"),
    ("t.parquet", b"PAR1 but no table", OUTCOME, "parquet"),
    ("t.jsonl", '{"lr": "a"}\n{"lr": \n', OUTCOME, "line 2: no JSON"),
    ("t.jsonl", '{"lr": "a"}\n[1, 2]\n', OUTCOME, "row 2 is no object"),
    ("t.json", '[{"lr": "a"},', OUTCOME, "no JSON"),
    ("t.json", "[" * 100_000 + "]" * 100_000, OUTCOME, "t.json: nested too deep"),
    ("t.jsonl", f'{{"loss": {"1" * 5000}}}\n', OUTCOME, "line 1: a number cannot be read"),
    ("t.json", '[{"lr": "a", "loss": 1.0}, {"lr": "b", "loss": "2.0"}]', OUTCOME, "text: '2.0' in row 2\n  expected a"),
    # declarations
    ("judge.yaml", "outcomes: {}\n", OUTCOME, "declares no table\n  expected `table: FILE`"),
    ("judge.yaml", "table: [\n", OUTCOME, "is no YAML"),
    ("judge.yaml", "table: t.csv\nmargin: 1\n", OUTCOME, "margin is not what a table is declared by"),
    ("judge.yaml", "table: t.csv\nscale: mean\n", OUTCOME, "scale is mean; allowed: none, per_task_sd"),
    ("judge.yaml", "table: absent.csv\n", OUTCOME, "absent.csv: no such file"),
    ("judge.yaml", "table: t.csv\noutcomes: {loss: {direction: down}}\n", OUTCOME, "direction is down; allowed"),
]  # fmt: skip


@pytest.mark.fault("input", "table to judge")
@pytest.mark.parametrize(
    ("name", "content", "given", "said"), REFUSED, ids=[f"{n}-{said[:36]}" for n, (*_, said) in enumerate(REFUSED)]
)
def test_bad_input_is_refused_in_two_lines(
    tmp_path: Path, name: str, content: str | bytes, given: Flags, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = tell(file, given)
    assert said in told
    assert told.count("\n") <= 1
    assert max(map(len, told.replace(str(tmp_path), "").split("\n"))) < 240


@pytest.mark.fault("input", "table to judge")
def test_a_path_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "no such file" in tell(tmp_path / "none.csv")
    assert "is a folder" in tell(tmp_path)


@pytest.mark.fault("input", "table to judge")
def test_a_folder_that_is_no_judgement_gets_none(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for folder in (tmp_path, Path("/")):
        with pytest.raises(UserError, match="and no judgement\n  name one that is new or empty: --out DIR"):
            check_output_folder(folder)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".gitkeep").touch()
    check_output_folder(tmp_path / "new")
    for own in ("judge.yaml", "stack.json", "stack-plan.csv"):
        (tmp_path / own).touch()
        check_output_folder(tmp_path)
        (tmp_path / own).unlink()


@pytest.mark.fault("input", "table to judge")
def test_what_parquet_nests_or_keeps_as_an_index_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.read_csv(io.StringIO(GOOD)).assign(steps=[[1, 2], [1, 3]] * 3, config=[{"a": 1}] * 6)
    table.set_index(["lr", "seed"]).to_parquet(tmp_path / "t.parquet")
    read = read_table(str(tmp_path / "t.parquet"))
    assert list(read) == ["lr", "seed", "loss", "steps", "config"]
    assert read["steps"][1] == "[1, 3]"
    assert judge(tmp_path / "t.parquet").refused == ""


ONE = "a,0,1.01\na,1,1.12\na,2,1.23\nb,0,2.02\nb,1,2.11\nb,2,2.27\n"
READ: dict[str, bytes] = {
    "plain": GOOD.encode(),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-32": GOOD.encode("utf-32"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "UTF-16, big end first": b"\xfe\xff" + GOOD.encode("utf-16-be"),
    "tabs": GOOD.replace(",", "\t").encode(),
    "semicolons": GOOD.replace(",", ";").encode(),
    "bars": GOOD.replace(",", "|").encode(),
    "European decimals": GOOD.replace(",", ";").replace(".", ",").encode(),
    "Windows lines": GOOD.replace("\n", "\r\n").encode(),
    "blank lines": GOOD.replace("\n", "\n\n").encode(),
    "quotes": "".join(",".join(f'"{x}"' for x in line.split(",")) + "\n" for line in GOOD.split()).encode(),
    "separator in the first line": b"sep=,\n" + GOOD.encode(),
    "spaces in the header": b" lr , seed , loss \n" + ONE.encode(),
    "an index": ("," + "\n".join(f"{n}," + line for n, line in enumerate(GOOD.split())).removeprefix("0,")).encode(),
    "a blank column": b"lr,seed,loss,note\n" + ONE.replace("\n", ",\n").encode(),
    "blank rows": GOOD.encode() + b",,\n,,\n",
}


@pytest.mark.parametrize("name", READ)
def test_the_same_table_in_other_clothes_has_the_same_verdict(tmp_path: Path, name: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(READ[name])
    found = judge(file)
    assert found.analysis is not None
    row = found.analysis.effects.iloc[0]
    differences = [2.02 - 1.01, 2.11 - 1.12, 2.27 - 1.23]
    assert row["estimate"] == pytest.approx(sum(differences) / 3, abs=1e-12)
    assert row["seeds"] == 3
    assert row["kind"] == "paired"


def test_thousands_are_read_where_there_is_one_way(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text('lr,seed,loss\na,0,"1,234.5"\na,1,"1,236.5"\nb,0,"12,345.0"\nb,1,999\n')
    assert read_table(str(file))["loss"].tolist() == [1234.5, 1236.5, 12345.0, 999.0]
    file.write_text("lr;seed;loss\na;0;1.234,5\na;1;1.236,5\nb;0;12.345,0\n")
    assert read_table(str(file))["loss"].tolist() == [1234.5, 1236.5, 12345.0]


NAMES: list[Callable[[], tuple[str, str]]] = [
    lambda: ('"a,b"', "a,b"),
    lambda: ('"two\nlines"', "two lines"),
    lambda: ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    lambda: ('"say ""hi"""', 'say "hi"'),
    lambda: ("größer=1", "größer=1"),
    lambda: ("a|b`c`", "a|b`c`"),
]


@pytest.mark.parametrize("names", NAMES, ids=["comma", "newline", "HTML", "quote", "letters", "marks"])
def test_odd_options_are_shown_as_they_are_and_escaped(tmp_path: Path, names: Callable[[], tuple[str, str]]) -> None:
    from repro.judge.lines import list_lines
    from repro.judge.showing.page import show_page
    from repro.judge.showing.record import show_json
    from repro.judge.showing.summary import show_markdown
    from repro.judge.showing.terminal import show_table

    written, meant = names()
    file = tmp_path / "t.csv"
    file.write_text(GOOD.replace("b,", f"{written},"), encoding="utf-8")
    found = judge(file)
    assert [line.option for line in list_lines(found)] == [meant]
    assert show_table(found)
    assert show_json(found)
    assert "<script" not in show_page(found)
    assert "<script" not in show_markdown(found)


def test_failed_runs_count_and_are_said(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(GOOD.replace("2.27", "inf"))
    found = judge(file)
    assert any("1 run without a finite loss (row 6): counted as failed" in sentence for sentence in found.said)
    assert found.analysis is not None
    assert found.analysis.effects["failed"].tolist() == [1]


def test_a_constant_seed_repeats_nothing(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("lr,seed,loss\na,7,1.1\na,7,1.2\na,7,1.3\nb,7,2.1\nb,7,2.2\nb,7,2.4\n")
    found = judge(file)
    assert [column.role for column in found.columns] == ["detail", "constant", "outcome"]
    assert "all runs have one seed (always 7)" in found.refused
    assert not judge(file, flags(seed="")).refused


def test_a_field_longer_than_csv_allows_by_itself_is_read(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"lr,seed,loss\n{'x' * 200_000},0,1\n")
    assert read_headed(table).names == ["lr", "seed", "loss"]
