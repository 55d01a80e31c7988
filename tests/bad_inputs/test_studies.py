"""Studies that declare what cannot be had: each is refused before anything is planned, in one or two lines."""

from pathlib import Path

import pytest

from repro.case import load_case, plan_study
from repro.errors import UserError

GOOD = {
    "title": "Which?",
    "reading": "paper",
    "scale": "small",
    "details": "{average.kind: null}",
    "design": "one_at_a_time",
    "seeds": "2",
    "metrics": "{error: {}}",
}
"""A study by its keys, as YAML is typed."""
STACK = {"design": "stack", "details": None}
CLAIM = "text: x, source: x, metric: {}, detail: {}, better: {}, than: {}"
OWN_SEED = "seed: every run has one of its own"


def claim(metric: str = "error", detail: str = "average.kind", better: str = "mean", than: str = "median") -> str:
    return f"[{{{CLAIM.format(metric, detail, better, than)}}}]"


REFUSED: list[tuple[dict[str, str | None], str]] = [
    ({"title": None}, "title is missing"),
    ({"title": "''"}, "title: it is empty"),
    ({"title": "'  '"}, "title: it is empty"),
    ({"title": '"a\\e[31m"'}, "title: it holds letters that cannot be shown"),
    ({"title": "5"}, "title is 5; expected a valid string"),
    ({"title": "[a]"}, "title is [a]; expected a valid string"),
    ({"title": "x" * 2000}, "expected string should have at most 1000 characters"),
    ({"settings": "{numbers.noise.spread: .nan}"}, "numbers.noise.spread is no finite number"),
    ({"settings": "{numbers.noise.spread: -.inf}"}, "numbers.noise.spread is no finite number"),
    ({"settings": "{numbers.count: true}"}, "numbers.count is true; expected a valid integer"),
    ({"settings": "{numbers.noise.spread: false}"}, "numbers.noise.spread is false; expected a valid integer"),
    ({"seeds": "true"}, "seeds is true; expected a valid integer"),
    ({"metrics": "{error: {margin: true, why: x}}"}, "margin is true; expected a valid integer"),
    ({"title": "\x00"}, "unacceptable character #x0000"),
    ({"reading": "none"}, "there is no reading none; there are: paper"),
    ({"reading": "../readings/paper"}, "there is no reading ../readings/paper"),
    ({"reading": "ablations/readings/paper.yaml"}, "there is no reading ablations/readings/paper.yaml"),
    ({"reading": "5"}, "reading is 5; expected a valid string"),
    ({"reading": "''"}, "there is no reading"),
    ({"scale": "huge"}, "there is no scale huge; there are: small"),
    ({"scale": ".."}, "there is no scale .."),
    ({"details": "{}"}, "details: there is none, so nothing is compared"),
    ({"details": "null"}, "details is null; expected keys with values"),
    ({"details": "[average.kind]"}, "details is [average.kind]; expected keys with values"),
    ({"details": "{average.kind: []}"}, "average.kind names no option; it has mean, median"),
    ({"details": "{average.kind: [mean]}"}, "average.kind=mean is the baseline's option already"),
    ({"details": "{average.kind: [mode]}"}, "average.kind has no option mode; it has mean, median"),
    ({"details": "{average.kind: [median, median]}"}, "average.kind=median is named twice"),
    ({"details": "{average.kind: median}"}, "details.average.kind is median; expected a valid list"),
    ({"details": "{average.kind: [[median]]}"}, "average.kind has no option [median]"),
    ({"details": "{average.kind: [{a: 1}]}"}, "average.kind has no option {'a': 1}"),
    ({"details": "{kind: null}"}, "kind is not a parameter"),
    ({"details": "{average: null}"}, "average is not a parameter"),
    ({"details": "{numbers.count: [1]}"}, "numbers.count is no detail of the ledger; put it under settings"),
    ({"details": "{seed: [1]}"}, f"details: {OWN_SEED}"),
    ({"details": "{1: null}"}, "expected a valid string"),
    ({"details": "&a {average.kind: *a}"}, "an alias stands inside what it stands for"),
    ({"design": "none"}, "design is none; allowed: one_at_a_time"),
    ({"design": "stack"}, "base: a stack has one"),
    ({"design": "fractional_factorial"}, "generators: expected one word for each of the 1 details"),
    ({"design": "fractional_factorial", "generators": "'('"}, "generators '('"),
    ({"design": "d_optimal"}, "variants: say how many d_optimal chooses"),
    ({"design": "random", "variants": "1"}, "variants is 1; expected greater than or equal to 2"),
    ({"design": "random", "variants": "1000000000"}, "which is all that can be had"),
    ({"design": "d_optimal", "variants": "1000000000"}, "which is all that can be had"),
    ({"seeds": "0"}, "seeds is 0; expected greater than or equal to 1"),
    ({"seeds": "x"}, "seeds is x; expected a valid integer"),
    ({"seeds": "1.5"}, "seeds is 1.5; expected a valid integer"),
    ({"seeds": ".nan"}, "seeds is nan; expected a finite number"),
    ({"seeds": "1e9"}, "seeds is 1000000000.0; expected less than or equal to 1000"),
    ({"seeds": "[1, 2]"}, "seeds is [1,2]; expected a valid integer"),
    ({"seeds": "9" * 5000}, "Exceeds the limit (4300 digits)"),
    ({"seeds": "2\nseeds: 3"}, 'found duplicate key "seeds"'),
    ({"metrics": "{}"}, "metrics is {}; expected"),
    ({"metrics": "[error]"}, "metrics is [error]; expected keys with values"),
    ({"metrics": "{none: {direction: lower, margin: 1, why: x}}"}, "none is not what runs measure: error"),
    ({"metrics": "{error: {margin: 0}}"}, "metrics.error.margin is 0; expected greater than 0"),
    ({"metrics": "{error: {margin: .nan, why: x}}"}, "metrics.error.margin is nan; expected a finite number"),
    ({"metrics": "{error: {direction: higher}}"}, "its direction is 'lower', not 'higher'"),
    ({"metrics": "{error: 5}"}, "metrics.error is 5; expected keys with values"),
    ({"metrics": "{error: {colour: red}}"}, "metrics.error.colour is not what a study declares"),
    ({"colour": "red"}, "colour is not what a study declares"),
    ({"settings": "{seed: 7}"}, f"settings: {OWN_SEED}"),
    ({"settings": "{average.knd: mean}"}, "average.knd is not a parameter"),
    ({"settings": "{average: 1}"}, "average is 1; expected keys with values"),
    ({"settings": "{numbers.count.x: 1}"}, "numbers.count.x is not a parameter"),
    ({"settings": "{numbers.count: x}"}, "numbers.count is x; expected a valid integer"),
    ({"settings": "[1]"}, "settings is [1]; expected keys with values"),
    ({"settings": "{'': 1}"}, "is not a parameter"),
    ({"settings": "{..: 1}"}, "is not a parameter"),
    ({"settings": "&a {x: *a}"}, "an alias stands inside what it stands for"),
    ({"claims": "[1]"}, "claims.0 is 1; expected keys with values"),
    ({"claims": "[{text: x}]"}, "claims.0.metric is missing"),
    ({"claims": claim(metric="none")}, "none is none of the metrics: error"),
    ({"claims": claim(detail="none")}, "none is not varied"),
    ({"claims": claim(than="mean")}, "better and than are the same option"),
    ({"claims": claim(better="[a]")}, "average.kind has no option [a]"),
    ({"controls": "{negative: {}}"}, "controls: negative: it sets nothing"),
    ({"controls": "{negative: {seed: 5}}"}, f"controls: negative: {OWN_SEED}"),
    ({"controls": "{negative: {none: 5}}"}, "negative control: none is not a parameter"),
    ({"controls": "{negative: {average.squared: true}}"}, "average.squared is a detail of the ledger"),
    ({"controls": "{positive: {settings: {}, expected: worse}}"}, "controls: positive: it sets nothing"),
    ({"controls": "{positive: {settings: {numbers.count: x}, expected: worse}}"}, "numbers.count=x is not allowed"),
    ({"controls": "{positive: {settings: {numbers.count: 5}, expected: bad}}"}, "allowed: better, worse"),
    ({"controls": "{positive: {settings: {average.kind: median}, expected: worse}}"}, "is the same variant as the arm"),
    ({"correction": "none"}, "allowed: Holm, Benjamini-Hochberg"),
    ({"sequential": "{most_seeds: 1}"}, "sequential.most_seeds is 1; expected greater than or equal to 2"),
    ({"sequential": "5"}, "sequential is 5; expected keys with values"),
    ({"base": "{reading: paper}"}, "base: a stack has one"),
    ({"randomisation": "-1"}, "is -1; expected greater than or equal to 0"),
    ({"baseline_seeds": "100000"}, "baseline_seeds is 100000; expected less than or equal to 1000"),
    (STACK | {"base": "{reading: paper}"}, "base: it is the same as the whole"),
    (STACK | {"base": "{reading: ../x}"}, "there is no reading ../x"),
    (STACK | {"base": "{settings: {seed: 1}}"}, f"base: settings: {OWN_SEED}"),
    (STACK | {"base": "{settings: {numbers.count: 7}}"}, "numbers.count, which is no detail of the ledger"),
    (STACK | {"base": "{settings: {average.kind: median}, without: [x]}"}, "without: x is no part"),
    ({"x": "[" * 500}, "nested more than 40 deep"),
    ({"!!python/object:os.system x": "1"}, "could not determine a constructor"),
]


def write(file: Path, changes: dict[str, str | None]) -> Path:
    given = GOOD | changes
    file.write_text("".join(f"{key}: {value}\n" for key, value in given.items() if value is not None))
    return file


@pytest.mark.fault("input", "study")
@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=[f"{n}-{said[:40]}" for n, (_, said) in enumerate(REFUSED)])
def test_a_study_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, str | None], said: str) -> None:
    file = write(tmp_path / "study.yaml", changes)
    with pytest.raises(UserError) as refused:
        plan_study(file, load_case())
    told = str(refused.value).replace(str(tmp_path), "")
    assert said in told
    assert "study" in told.splitlines()[0], "it says which file, or which study"
    assert told.count("\n") <= 1
    assert max(map(len, told.split("\n"))) < 300


@pytest.mark.usefixtures("project")
def test_the_study_that_these_are_made_from_can_be_planned(tmp_path: Path) -> None:
    assert len(plan_study(write(tmp_path / "study.yaml", {}), load_case()).runs) == 4


@pytest.mark.fault("input", "study")
@pytest.mark.parametrize(
    "name", ["..", "...", "a\x1b[31m", "a\nb", "x" * 101, " a", "a ", ".a", "-a", "a/..", "é" * 60]
)
def test_a_name_that_leads_elsewhere_is_refused_where_it_enters(name: str) -> None:
    from repro.audit.study.declaration import study_name
    from repro.audit.study.freezing import locate_plan

    with pytest.raises(UserError, match=r"no study can be called .*\n  expected letters, digits"):
        study_name(Path("ablations") / f"{name}.yaml")
    with pytest.raises(UserError):
        locate_plan(Path("plans"), name)


@pytest.mark.parametrize("name", ["screening", "first try", "größe", "v1.2", "a_b-c+d", "x" * 100])
def test_a_plain_name_is_taken(name: str) -> None:
    from repro.audit.study.declaration import study_name

    assert study_name(Path("ablations") / f"{name}.yaml") == name
