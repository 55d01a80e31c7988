"""Plans of a tree that is not the project's own: constraints, roles, runs, and messages."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from oven import BASELINE, NOW, Oven, arms, identify, plan, study

from repro.audit.study.declaration import NamedStudy, load_study
from repro.audit.study.metric import Metric
from repro.audit.study.planning import make_plan
from repro.case import load_case
from repro.errors import UserError

ABLATIONS = Path(__file__).parents[3] / "ablations"
STUDIES = [file for file in sorted(ABLATIONS.glob("*.yaml")) if "\ndesign:" in file.read_text()]
DESIGNS = ["plackett_burman", "full_factorial", "fractional_factorial"]


def refusal(details, **more) -> str:
    with pytest.raises(UserError) as caught:
        plan(details, **more)
    message = str(caught.value)
    assert message.startswith("study oven: ")
    assert len(message.splitlines()) <= 2
    return message


def test_one_at_a_time_leaves_out_what_cannot_be_had_and_says_why() -> None:
    made = plan({"tray": None, "racks": None, "heat.degrees": [210], "salt": [2]})
    assert arms(made) == [{"tray": "stone"}, {"racks": [3]}, {"heat.degrees": 210.0}, {"salt": 2}]


def test_one_at_a_time_leaves_out_inert_options_and_details_without_effect() -> None:
    made = plan({"tray": None, "heat.fan": None, "salt": None}, baseline=BASELINE | {"heat.source": "none", "rise": 2})
    assert {str(item.settings): item.reason for item in made.left_out} == {
        "{'tray': 'glass'}": "tray=glass changes nothing: same",
        "{'heat.fan': False}": "heat.fan has no effect with heat.source=none",
        "{'salt': 2}": "Value error, too much",
    }
    assert made.levels == {"tray": ["steel", "stone"]}
    assert arms(made) == [{"tray": "stone"}]


def test_runs_are_variants_by_seeds_and_whole_replicates_come_first() -> None:
    made = plan(
        {"tray": ["stone"]},
        baseline_seeds=5,
        controls={"negative": {"clock": 1}, "positive": {"settings": {"heat.degrees": 20}, "expected": "worse"}},
    )
    assert [variant.role for variant in made.variants] == ["baseline", "arm", "negative control", "positive control"]
    assert made.baseline().settings == {}
    assert [run.seed for run in made.runs] == sorted(run.seed for run in made.runs)
    seeds = {variant.role: [c.seed for c in made.runs if c.variant == variant.id] for variant in made.variants}
    assert seeds == {
        "baseline": [0, 1, 2, 3, 4],
        "arm": [0, 1, 2],
        "negative control": [0, 1, 2, 3, 4],
        "positive control": [0, 1, 2, 3, 4],
    }
    assert all(run.id == f"{run.variant}-s{run.seed}" for run in made.runs)
    assert made.variants[3].settings == {"heat.degrees": 20.0}


def test_controls_alone_are_a_study() -> None:
    made = plan({}, controls={"negative": {"clock": 1}})
    assert [variant.role for variant in made.variants] == ["baseline", "negative control"]
    assert made.levels == {}


def test_a_positive_control_may_be_an_option_but_not_an_arm() -> None:
    positive = {"positive": {"settings": {"heat.degrees": 220.0}, "expected": "worse"}}
    assert "is the same variant as the arm heat.degrees=220.0" in refusal({"heat.degrees": None}, controls=positive)


@pytest.mark.parametrize("design", DESIGNS)
def test_balanced_designs_have_the_baseline_once_and_every_detail_at_both_options(design) -> None:
    more = {"generators": "a b ab"} if design == "fractional_factorial" else {}
    made = plan({"heat.fan": [False], "tray": ["stone"], "salt": [2]}, design=design, **more)
    assert len({variant.id for variant in made.variants}) == len(made.variants)
    assert [variant.role for variant in made.variants].count("baseline") == 1
    for key in made.levels:
        assert 0 < sum(key in settings for settings in arms(made)) <= len(made.variants) / 2 + 1


@pytest.mark.parametrize(
    ("details", "named"),
    [
        ({"tray": ["stone"], "racks": [[3]], "salt": [2]}, "racks=[3], tray=stone cannot be had"),
        ({"racks": [[3]], "tray": ["stone"]}, "racks=[3] is forbidden with tray=stone"),
        ({"salt": [2], "rise": [2], "tray": ["stone"]}, "salt=2, rise=2 cannot be had: Value error, too much"),
        ({"heat.source": ["none"], "heat.fan": [False]}, "heat.fan has no effect with heat.source=none"),
        ({"tray": ["glass"], "salt": [2]}, "tray=glass cannot be had: tray=glass changes"),
    ],
)
def test_a_balanced_design_names_the_pair_that_cannot_be_had(details, named) -> None:
    for design in DESIGNS[:2]:
        message = refusal(details, design=design)
        words = [set(re.findall(r"[^\s,:]+", text)) for text in (named, message)]
        assert words[0] <= words[1]
        assert "d_optimal" in message


@pytest.mark.parametrize(("design", "runs"), [("d_optimal", 7), ("random", 9)])
def test_other_designs_choose_among_what_can_be_had(design, runs) -> None:
    details = {"heat.source": None, "heat.fan": None, "tray": None, "racks": None, "salt": None, "rise": None}
    made = plan(details, design=design, variants=runs)
    assert len(arms(made)) == runs
    for settings in arms(made):
        values = BASELINE | settings
        assert settings.get("tray") != "glass"
        assert not (values["racks"] == [3] and values["tray"] == "stone")
        assert not (values["salt"] == 2 and values["rise"] == 2)
        assert not (values["heat.source"] == "none" and "heat.fan" in settings)
    reasons = [item.settings for item in made.left_out]
    assert {"tray": "glass"} in reasons
    assert {"tray": "stone", "racks": [3]} in reasons
    assert {"heat.source": "none", "heat.fan": False} in reasons
    assert "glass" not in made.levels["tray"]
    assert plan(details, design=design, variants=runs) == made


@pytest.mark.parametrize(
    ("details", "more", "expected"),
    [
        ({"heat.glow": None}, {}, "heat.glow is not a parameter"),
        ({"clock": [1]}, {}, "clock is no detail of the ledger; put it under settings"),
        ({"tray": ["wood"]}, {}, "tray has no option wood; it has steel, stone, glass"),
        ({"heat.degrees": [300]}, {}, "heat.degrees=300 is not allowed"),
        ({"tray": ["steel"]}, {}, "tray=steel is the baseline's option already"),
        ({"racks": [[3], [3]]}, {}, "racks=[3] is named twice"),
        ({"tray": []}, {}, "tray names no option; it has steel"),
        ({"heat.source": None, "salt": None}, {"design": "plackett_burman"}, "heat.source has 3"),
        ({}, {"design": "full_factorial"}, "needs details"),
        ({"salt": None}, {"design": "random"}, "variants: say how many random chooses"),
        (
            {"salt": None, "tray": None},
            {"design": "d_optimal", "variants": 50},
            "takes 2 here, one for each option, to 3",
        ),
        ({"salt": None}, {"variants": 5}, "variants belongs to"),
        ({"salt": None}, {"generators": "a"}, "generators belongs to"),
        ({"salt": None}, {"design": "fractional_factorial", "generators": "a b"}, "one word for each of the 1 details"),
        ({"salt": None}, {"controls": {"negative": {"nap": 1}}}, "negative control: nap is not a parameter"),
        (
            {"salt": None},
            {"controls": {"negative": {"tray": "stone"}}},
            "negative control: tray is a detail of the ledger",
        ),
        ({"salt": None}, {"controls": {"negative": {"clock": 0}}}, "is the same variant as the baseline"),
        (
            {"salt": None},
            {"controls": {"positive": {"settings": {"heat.degrees": 300}, "expected": "worse"}}},
            "heat.degrees=300 is not allowed",
        ),
    ],
)
def test_a_wrong_study_is_refused_with_a_remedy(details, more, expected) -> None:
    assert expected in refusal(details, **more)


def metrics(*names: str, obstacle: str = "") -> list[Metric]:
    return [Metric(name, name, "higher", 1, "measured", obstacle=lambda: obstacle) for name in names]


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        (metrics("colour"), "crust is not what runs measure: colour"),
        (metrics("crust", obstacle="no thermometer"), "crust cannot be computed here: no thermometer"),
    ],
)
def test_a_metric_that_no_run_measures_is_refused(measured, message) -> None:
    named = NamedStudy("oven", study({"salt": None}))
    assert make_plan(named, Oven, BASELINE, identify, NOW, metrics("crust", "colour")).study == "oven"
    with pytest.raises(UserError, match=message):
        make_plan(named, Oven, BASELINE, identify, NOW, measured)


def claim(**changes):
    return {"text": "more salt", "metric": "crust", "detail": "salt", "better": 2, "than": 1, "source": "us"} | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metric": "crumb"}, "crumb is none of the metrics: crust"),
        ({"detail": "tray", "better": "stone", "than": "steel"}, "tray is not varied"),
        ({"better": 1}, "the same option"),
        ({"better": 7}, "salt has no option 7"),
    ],
)
def test_a_claim_is_about_what_the_study_varies(changes, expected) -> None:
    assert expected in refusal({"salt": None}, claims=[claim(**changes)])
    assert plan({"salt": None}, claims=[claim()]).declaration["claims"][0]["better"] == 2


def test_a_claim_on_an_option_that_is_left_out_says_why() -> None:
    wanted = claim(detail="tray", better="glass", than="steel")
    assert "tray=glass is left out: tray=glass changes nothing" in refusal({"tray": None}, claims=[wanted])


def test_a_baseline_that_the_tree_refuses_is_named() -> None:
    with pytest.raises(UserError, match=r"baseline is not allowed: .*too hot"):
        plan({}, baseline=BASELINE | {"heat.degrees": 999})


def test_options_are_taken_as_the_tree_holds_them() -> None:
    named = NamedStudy("oven", study({"heat.degrees": [200, "210"]}))
    assert make_plan(named, Oven, BASELINE, identify, NOW).levels == {"heat.degrees": [180.0, 200.0, 210.0]}


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_shipped_study_can_be_planned(file: Path) -> None:
    case = load_case()
    named = load_study(file, case.metrics)
    baseline = case.baseline(named.study)
    made = make_plan(named, case.params, baseline, case.identify, datetime.now(UTC), case.metrics)
    assert made.left_out == []
    assert {"negative control", "positive control"} <= {variant.role for variant in made.variants}
    if file.stem == "screening":
        assert len(made.levels) >= 12
        assert len({detail.split(".")[0] for detail in made.levels}) > 3
    if file.stem == "adversarial":
        assert len(made.levels["loss.adv"]) == 8
        assert named.study.seeds >= 9
