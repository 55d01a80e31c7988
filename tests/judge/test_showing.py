"""A judgement as a badge, a comment on a pull request and a page: whatever stands in the table, it is no markup."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from repro.cli import app
from repro.judge.declaration import Declaration, Measured
from repro.judge.judgement import Judgement
from repro.judge.lines import count_verdicts, list_lines
from repro.judge.showing.badge import FILL, INK, show_badge, show_endpoint
from repro.judge.showing.page import show_page
from repro.judge.showing.record import show_json
from repro.judge.showing.summary import MOST_CHARACTERS, show_markdown
from repro.judge.showing.terminal import show_table
from repro.judge.verdicts import judge_table

EVIL = "</svg><script>alert(1)</script>|\x1b[31m\x00 @somebody #12 https://evil.example ](x) `c` $x$ ![i](u)"
SVG = "{http://www.w3.org/2000/svg}"


def judge(table: pd.DataFrame, name: str = "t.csv", **declared: object) -> Judgement:
    outcomes = {"loss": Measured(direction="lower", margin=0.5)}
    return judge_table(table, Declaration.model_validate({"table": name, "outcomes": outcomes, **declared}))


def arms(means: dict[str, float], seeds: int = 8, noise: float = 0.1) -> pd.DataFrame:
    """Arms of one detail whose means are known, with noise far below the margin of .5."""
    generator = np.random.default_rng(0)
    rows = [(arm, seed, mean + noise * generator.normal()) for arm, mean in means.items() for seed in range(seeds)]
    return pd.DataFrame(rows, columns=["arm", "seed", "loss"])


@pytest.fixture(scope="module")
def found() -> Judgement:
    """Equal arms, one that differs by ten margins, one that differs by less than a margin, and one of large noise."""
    table = arms({"a": 2.0, "same": 2.0, "far": 7.0, "near": 2.2})
    wild = arms({"wild": 2.0}, noise=2.0)
    return judge(pd.concat([table, wild]), baseline={"arm": "a"}, details=["arm"])


def test_options_have_the_verdicts_of_studies(found: Judgement) -> None:
    assert {line.option: line.verdict for line in list_lines(found)} == {
        **{"far": "matters", "same": "equivalent", "near": "equivalent", "wild": "undecided"}
    }
    assert count_verdicts(found) == {"matters": 1, "equivalent": 2, "undecided": 1}
    (near,) = [line for line in list_lines(found) if line.option == "near"]
    assert near.p < 0.05
    assert near.sentence.startswith("equivalent, though it differs: arm, near against a: loss +0.")


def test_the_first_line_counts_and_the_next_are_sentences(found: Judgement) -> None:
    text = show_table(found)
    assert text.startswith(
        "loss of t.csv: 1 matters, 2 equivalent, 1 undecided (exploratory: found, not planned)\n\n- matters: arm, far "
    )
    assert "n = 8 and 8 seeds; p = 0.0" in " ".join(text.split())


def test_a_badge_says_how_many(found: Judgement) -> None:
    image = ElementTree.fromstring(show_badge(found))  # our own
    assert [item.text for item in image.iter(f"{SVG}text")] == ["repro", "1 matters", "2 equivalent", "1 undecided"]
    boxes = list(image.find(f"{SVG}g").iter(f"{SVG}rect"))  # type: ignore[union-attr]
    ends = [float(box.get("x", 0)) + float(box.get("width", 0)) for box in boxes]
    for box, text, end in zip(boxes, image.iter(f"{SVG}text"), ends, strict=True):
        assert float(box.get("x", 0)) < float(text.get("x", 0))
        assert float(text.get("x", 0)) + float(text.get("textLength", 0)) < end
    assert float(image.get("width", 0)) == pytest.approx(ends[-1], abs=0.11)  # places are rounded to .1
    assert "http" not in show_badge(found).replace("http://www.w3.org/2000/svg", "")
    told = json.loads(show_endpoint(found))
    assert told["message"] == "1 matters · 2 equivalent · 1 undecided"
    assert (told["schemaVersion"], told["label"]) == (1, "repro")


@pytest.mark.parametrize("colour", [INK, *FILL.values()])
def test_white_on_each_colour_can_be_read(colour: str) -> None:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def test_no_verdict_is_a_badge_as_well() -> None:
    refused = judge(arms({"a": 1, "b": 2}, seeds=1))
    assert refused.refused
    assert "no verdict" in show_badge(refused)
    assert json.loads(show_endpoint(refused))["message"] == "no verdict"
    assert "No verdict: no variant was run twice" in show_markdown(refused)


def test_what_stands_in_the_table_is_no_markup() -> None:
    table = arms({"a": 2.0, EVIL: 7.0}).rename(columns={"arm": EVIL})
    odd = judge(table.rename(columns={"loss": f"loss{EVIL}"}), outcomes={f"loss{EVIL}": Measured(direction="lower")})
    image = ElementTree.fromstring(show_badge(odd))
    assert not [item for item in image.iter() if item.tag == f"{SVG}script"]
    text = show_markdown(odd)
    assert "<script" not in text
    assert "@somebody" not in text
    assert "#12" not in text
    assert "https://" not in text
    assert not re.search(r"(?<!\\)[`$]", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    (row,) = [line for line in text.splitlines() if line.startswith("| matters")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 7  # six cells
    assert "<script" not in show_page(odd)
    for shown in (text, show_table(odd), show_badge(odd), show_json(odd)):
        assert "\x1b" not in shown
        assert "\x00" not in shown


@pytest.mark.parametrize("letter", ["_", "@", "\U0001d4b6"])
def test_a_summary_fits_into_a_comment(letter: str) -> None:
    generator = np.random.default_rng(0)
    names = [f"option_{number}_{letter * 60}" for number in range(150)]
    table = pd.DataFrame({"arm": np.repeat(names, 2), "seed": np.tile([0, 1], 150), "loss": generator.normal(size=300)})
    text = show_markdown(judge(table, details=["arm"]))
    assert len(text.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    assert "more, of which" in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_everything_is_written_beside_each_other(tmp_path: Path) -> None:
    file, out = tmp_path / "runs.csv", tmp_path / "out"
    arms({"a": 1.0, "b": 5.0}).to_csv(file, index=False)
    done = CliRunner().invoke(app, ["judge", str(file), "--outcome", "loss:lower", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert {item.name for item in out.iterdir()} == {
        *("index.html", "summary.md", "badge.svg", "badge.json", "judge.yaml"),
    }
    assert f"wrote {out / 'index.html'}, summary.md, badge.svg, badge.json, judge.yaml" in done.output
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.index("1 matters") < page.index("<h4>arm, against a</h4>") < page.index("Exploratory")
