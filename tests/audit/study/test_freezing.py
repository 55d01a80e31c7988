"""Frozen plans: nothing changes unless something did, and then it is told with its date."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from oven import BASELINE, plan

from repro.audit.study.freezing import freeze, load_plan, locate_plan, record_look
from repro.audit.study.looks import describe_looks
from repro.audit.study.plan import Look
from repro.errors import UserError

LATER = datetime(2026, 4, 2, 9, tzinfo=UTC)
DETAILS = {"tray": ["stone"], "salt": [2]}
CLAIM = {"text": "more salt", "metric": "crust", "detail": "salt", "better": 2, "than": 1, "source": "us"}
METRIC = {"direction": "higher", "margin": 0.5, "why": "a bite", "unit": "mm"}


def test_an_identical_plan_changes_nothing(tmp_path) -> None:
    first = freeze(plan(DETAILS), tmp_path)
    file = locate_plan(tmp_path, "oven")
    written = file.read_bytes()
    assert freeze(plan(DETAILS, now=LATER), tmp_path) == first == load_plan(file)
    assert file.read_bytes() == written
    assert first.frozen == "2026-03-01T12:00:00+00:00"
    assert first.deviations == []
    assert [item.name for item in tmp_path.iterdir()] == ["oven.json"]


@pytest.mark.parametrize(
    ("details", "more", "said"),
    [
        (DETAILS, {"seeds": 5}, ["seeds 3 became 5"]),
        (DETAILS | {"racks": [[3]]}, {}, ["detail racks added"]),
        ({"tray": ["stone"]}, {}, ["detail salt taken out"]),
        (
            DETAILS | {"heat.degrees": [200]},
            {"design": "plackett_burman"},
            ["design one_at_a_time became plackett_burman", "detail heat.degrees added"],
        ),
        (DETAILS, {"baseline": BASELINE | {"heat.source": "wood"}}, ["baseline changed: heat.source gas became wood"]),
        (DETAILS, {"metrics": {"crust": METRIC | {"margin": 0.1}}}, ["metrics: crust margin 0.5 became 0.1"]),
        (
            DETAILS,
            {"metrics": {"crumb": METRIC, "crust": METRIC}},
            ["main metric crust became crumb", "metrics: crumb added"],
        ),
        (DETAILS, {"controls": {"negative": {"clock": 1}}}, ["controls: negative added"]),
        (
            DETAILS,
            {"claims": [CLAIM]},
            ["claim 'more salt' added or changed"],
        ),
        (DETAILS, {"title": "Another title"}, []),
    ],
)
def test_a_changed_plan_says_with_its_date_what_changed(tmp_path, details, more, said) -> None:
    freeze(plan(DETAILS), tmp_path)
    changed = freeze(plan(details, now=LATER, **more), tmp_path)
    assert changed.deviations == [f"2026-04-02: {sentence}" for sentence in said]
    assert changed.frozen == "2026-03-01T12:00:00+00:00"
    assert changed.runs == plan(details, **more).runs
    again = freeze(plan(details, **more), tmp_path)
    assert again == changed == load_plan(locate_plan(tmp_path, "oven"))


def test_going_back_is_a_deviation_too(tmp_path) -> None:
    freeze(plan(DETAILS), tmp_path)
    freeze(plan(DETAILS, seeds=5, now=LATER), tmp_path)
    back = freeze(plan(DETAILS, now=LATER), tmp_path)
    assert back.deviations == ["2026-04-02: seeds 3 became 5", "2026-04-02: seeds 5 became 3"]


def test_the_order_of_the_metrics_survives_the_file(tmp_path) -> None:
    """The first is the main one, so that sorting the keys would change what the study is about."""
    freeze(plan(DETAILS, metrics={"z": METRIC, "a": METRIC}), tmp_path)
    frozen = load_plan(locate_plan(tmp_path, "oven"))
    assert list(frozen.declaration["metrics"]) == ["z", "a"]
    assert list(frozen.levels) == ["tray", "salt"]


def test_the_fingerprint_is_of_what_is_planned() -> None:
    first = plan(DETAILS).fingerprint
    shuffled = dict(reversed(BASELINE.items()))
    assert plan(dict(reversed(DETAILS.items())), baseline=shuffled, now=LATER).fingerprint == first
    assert plan(DETAILS, seeds=4).fingerprint != first
    assert plan(DETAILS, baseline=BASELINE | {"clock": 3}).fingerprint != first


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    """Hashes of strings are salted anew in every process; the fingerprint may not depend on them."""
    code = f"from oven import plan; print(plan({DETAILS!r}).fingerprint)"
    folder = Path(__file__).parent
    for salt in ("1", "2"):
        environment = {"PYTHONPATH": f"{folder}:{folder.parents[2]}", "PYTHONHASHSEED": salt}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.strip() == plan(DETAILS).fingerprint


@pytest.mark.fault("damage", "frozen plan")
def test_a_file_that_is_no_plan_is_refused(tmp_path) -> None:
    file = locate_plan(tmp_path, "oven")
    with pytest.raises(UserError, match="`repro plan` freezes a study"):
        load_plan(file)
    file.write_text("{}")
    with pytest.raises(UserError, match=r"no frozen plan: study: .*\n.*git checkout"):
        freeze(plan(DETAILS), tmp_path)


EDITS: dict[str, tuple[list[str | int], object, str]] = {
    "a run's id is a path": (["runs", 0, "id"], "../../../elsewhere", "is no run of its variants"),
    "a run's id is a place": (["runs", 0, "id"], "/tmp/elsewhere", "is no run of its variants"),
    "a variant's id is a path": (["variants", 0, "id"], "../elsewhere", "is no id of a variant"),
    "a run of no variant": (["runs", 0, "variant"], "nobody", "is no run of its variants"),
    "another seed": (["runs", 0, "seed"], 7, "is no run of its variants"),
    "a seed below 0": (["runs", 0, "seed"], -1, "is no run of its variants"),
    "another study": (["study"], "other", "it is that of 'other'"),
    "a study that is a path": (["study"], "../../elsewhere", "it is that of '../../elsewhere'"),
    "no runs": (["runs"], [], "variants or runs are missing"),
    "another margin": (["declaration", "metrics", "crust", "margin"], 9.0, "its fingerprint is another one"),
    "no margin": (["declaration", "metrics", "crust", "margin"], -1, "metrics.crust.margin"),
    "another baseline": (["values", "clock"], 9, "its fingerprint is another one"),
    "an option less": (["levels", "salt"], [1], "the options of 'salt' are not those of its variants"),
    "an option more": (["levels", "salt"], [1, 2, 3], "the options of 'salt' are not those of its variants"),
    "another option": (["levels", "tray", 1], "tin", "the options of 'tray' are not those of its variants"),
    "another fingerprint": (["fingerprint"], "0", "its fingerprint is another one"),
    "a batch whose run is a path": (
        ["batches"],
        [{"variants": [], "runs": [{"id": "../x", "variant": "x", "seed": 0}], "why": ""}],
        "is no run of its variants",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_plan_that_was_edited_by_hand_is_refused(tmp_path, edit: str) -> None:
    freeze(plan(DETAILS), tmp_path)
    file = locate_plan(tmp_path, "oven")
    frozen = json.loads(file.read_text())
    (*path, last), value, said = EDITS[edit]
    place = frozen
    for key in path:
        place = place[key]
    place[last] = value
    file.write_text(json.dumps(frozen))
    with pytest.raises(UserError, match=re.escape(said)) as told:
        load_plan(file)
    assert str(told.value).count("\n") == 1


def test_a_pipe_in_a_plans_place_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(locate_plan(tmp_path, "oven"))
    with pytest.raises(UserError, match="is no regular file"):
        load_plan(locate_plan(tmp_path, "oven"))


def look(seeds: int, runs: int, **settled: str) -> Look:
    return Look(date="2026-03-20", seeds=seeds, runs=runs, settled=settled)


def test_looks_are_kept_beside_what_was_planned(tmp_path) -> None:
    first = freeze(plan(DETAILS), tmp_path)
    once = record_look(first, look(2, 6, salt="matters"), tmp_path)
    assert once.looks == [look(2, 6, salt="matters")]
    assert load_plan(locate_plan(tmp_path, "oven")) == once
    assert once.fingerprint == first.fingerprint
    assert record_look(first, look(2, 6), tmp_path) == once  # no new run
    assert len(record_look(first, look(3, 9), tmp_path).looks) == 2  # though `first` knows of none
    assert freeze(plan(DETAILS, now=LATER), tmp_path).deviations == []
    changed = freeze(plan(DETAILS, title="Another title", now=LATER), tmp_path)
    assert [item.seeds for item in changed.looks] == [2, 3]
    assert [item.name for item in tmp_path.iterdir()] == ["oven.json"]


def test_a_look_at_what_is_not_frozen_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="`repro plan` freezes a study"):
        record_look(plan(DETAILS), look(2, 6), tmp_path)


@pytest.mark.parametrize(
    ("declared", "looks", "later", "said"),
    [
        ({}, [2], {"seeds": 5}, "seeds 3 became 5 after 1 look, at 2 seeds: it is a sequential study now"),
        ({}, [2, 3], {"seeds": 5}, "after 2 looks, at 2 and 3 seeds: it is a sequential study now"),
        ({}, [], {"seeds": 5}, "seeds 3 became 5"),
        ({}, [1], {"seeds": 5}, "seeds 3 became 5"),  # with one seed there is no verdict to see
        ({}, [3], {"seeds": 2}, "seeds 3 became 2"),
        (
            {"sequential": {"most_seeds": 8}},
            [3],
            {"seeds": 5, "sequential": {"most_seeds": 8}},
            "after 1 look, at 3 seeds: as the study declares, up to 8",
        ),
        (
            {},
            [3],
            {"sequential": {"most_seeds": 8}},
            "most_seeds none became 8 after 1 look, at 3 seeds: what was",
        ),
        ({}, [], {"sequential": {"most_seeds": 8}}, "sequential: most_seeds none became 8"),
    ],
)
def test_more_seeds_after_a_look_are_told_for_what_they_are(tmp_path, declared, looks, later, said) -> None:
    first = freeze(plan(DETAILS, **declared), tmp_path)
    for seeds in looks:
        record_look(first, look(seeds, 3 * seeds), tmp_path)
    (sentence,) = freeze(plan(DETAILS, now=LATER, **later), tmp_path).deviations
    assert said in sentence
    if not looks or looks == [1]:
        assert sentence.endswith(said)


def test_what_verdicts_hold_for_follows_from_declaration_and_looks() -> None:
    def looked(*seeds: int, **more) -> str:
        made = plan(DETAILS, **more)
        return describe_looks(made.model_copy(update={"looks": [look(n, 3 * n) for n in seeds]}), made.declared.seeds)

    assert "hold for one look" in looked()
    assert "hold for one look" in looked(1, 3, 3)
    assert "looks at 2 and 3 seeds make its p-values" in looked(2)
    assert "looks at 3 and 5 seeds make its p-values" in looked(3, seeds=5)
    assert "every look up to 7 seeds" in looked(2, 3, sequential={"most_seeds": 7})


def test_a_randomisation_that_comes_later_says_how_to_keep_the_rows(tmp_path) -> None:
    four = DETAILS | {"heat.fan": [False], "heat.degrees": [200.0]}
    design = {"design": "fractional_factorial", "generators": "a b c abc"}
    freeze(plan(four, randomisation="none", **design), tmp_path)
    (sentence,) = freeze(plan(four, randomisation=7, now=LATER, **design), tmp_path).deviations
    assert "randomisation none became 7; `randomisation: none` in the study keeps the rows as they were" in sentence
