"""The ledger of the case: its size, its gaps, and where every option was read."""

import json
import re
from pathlib import Path

from repro.audit.ledger.choice import walk_details
from repro.cases.medfe.params import Params

GAPS = {
    "topology",
    "hyperparameters",
    "kernel sizes",
    "activation and normalisation",
    "rescaling",
    "augmentation",
    "adversarial loss",
    "evaluation",
}
SOURCES = json.loads((Path(__file__).parents[3] / "data" / "sources.json").read_text())
DETAILS = list(walk_details(Params))


def test_there_are_at_least_45_details_and_every_gap_has_some() -> None:
    assert len(DETAILS) >= 45
    assert {detail.choice.gap for detail in DETAILS} == GAPS


def test_every_option_says_where_it_was_read() -> None:
    assert all(sources for detail in DETAILS for sources in detail.choice.options.values())


def test_every_citation_is_of_a_known_source() -> None:
    for detail in DETAILS:
        for sources in detail.choice.options.values():
            for source in sources:
                commits = re.findall(r"@([0-9a-f]+)", source.where)
                known = source.kind == "inference" or commits or source.where in SOURCES["without a commit"]
                assert known, f"{detail.key}: {source}"
                for commit in commits:
                    name = SOURCES["commits"][commit]
                    ours = name == "authors' release" and (source.kind == "release" or "authors'" in source.where)
                    assert ours or name.split("/")[0].lower() in source.where.lower(), f"{detail.key}: {source}"


def test_questions_are_one_line_and_asked_once() -> None:
    questions = [detail.choice.question for detail in DETAILS]
    assert all("\n" not in question and (question.endswith("?")) for question in questions)
    assert len(set(questions)) == len(questions)


def test_every_component_can_be_disabled() -> None:
    options = {detail.key: detail.choice.options for detail in DETAILS}
    disabling = {
        "model.bilateral": "none",
        "model.channel_equalisation": "none",
        "model.residual_blocks": 0,
        "loss.structure_weight": 0.0,
        "loss.texture_weight": 0.0,
        "loss.perceptual_weight": 0.0,
        "loss.style_weight": 0.0,
        "loss.adv": "none",
        "loss.global_region": "none",
        "loss.local_region": "none",
    }
    assert all(value in options[key] for key, value in disabling.items())
