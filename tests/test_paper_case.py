"""A case as one declaration: baselines are complete without params.yaml, and runs are what they are named."""

import dataclasses
from pathlib import Path

import pytest
from pydantic import BaseModel

from repro import paths
from repro.audit.ledger.readings import READINGS, SCALES, list_readings, merge_reading
from repro.audit.ledger.values import flatten
from repro.audit.study.declaration import Study
from repro.case import Input, Job, Measurements
from repro.cases.medfe.case import CASE
from repro.cases.medfe.params import Params
from repro.errors import UserError


def study(reading: str = "paper", scale: str = "screening", **settings) -> Study:
    metric = {"direction": "higher", "margin": 1, "why": "a test"}
    declared = {"title": "", "reading": reading, "scale": scale, "settings": settings, "details": {}, "seeds": 1}
    return Study.model_validate(declared | {"design": "one_at_a_time", "metrics": {"psnr_hole_db": metric}})


@pytest.mark.parametrize("scale", sorted(file.stem for file in (CASE.folder / SCALES).glob("*.yaml")))
@pytest.mark.parametrize("reading", list_readings(CASE.folder))
def test_a_baseline_is_complete_wherever_it_is_loaded(reading, scale, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # no params.yaml there
    values = CASE.baseline(study(reading, scale))
    params = CASE.resolve(values, {}, 0)
    assert isinstance(params, Params)
    assert flatten(params.resolved()) == values
    merged = merge_reading(paths.ABLATIONS, reading, scale)
    assert all(params.value(key) == (tuple(v) if isinstance(v, list) else v) for key, v in merged.items())


def test_settings_go_before_scale_and_reading() -> None:
    values = CASE.baseline(study(**{"training.steps": 7, "loss.adv": "hinge"}))
    assert (values["training.steps"], values["loss.adv"]) == (7, "hinge")


def test_a_run_is_the_baseline_with_its_settings_and_its_seed() -> None:
    values = CASE.baseline(study())
    run = CASE.resolve(values, {"loss.adv": "hinge", "model.encoder_kernels": [7, 5, 5, 3, 3, 3]}, 3)
    assert isinstance(run, Params)
    assert (run.loss.adv, run.model.encoder_kernels, run.seed) == ("hinge", (7, 5, 5, 3, 3, 3), 3)
    changed = {key for key, value in flatten(run.resolved()).items() if value != values[key]}
    assert changed == {"loss.adv", "model.encoder_kernels", "seed"}


def test_the_id_of_a_variant_is_that_of_its_params_and_no_seed_counts() -> None:
    values = CASE.baseline(study())
    run = CASE.resolve(values, {}, 5)
    assert isinstance(run, Params)
    assert CASE.identify(values) == run.variant() == CASE.identify(values | {"seed": 9})
    assert CASE.identify(values | {"runtime.stream": 1}) != CASE.identify(values)


def test_what_is_not_allowed_is_told_in_few_words() -> None:
    values = CASE.baseline(study())
    many = dict.fromkeys(list(values)[:60], None)
    for settings in ({"loss.advv": "hinge"}, {"loss.adv": "hindge"}, many):
        with pytest.raises(UserError, match="the study, at ") as caught:
            CASE.resolve(values, settings, 0)
        assert len(str(caught.value)) < 500
    for wrong, said in ((study("papper"), "there is no reading papper"), (study(scale="huge"), "there is no scale")):
        with pytest.raises(UserError, match=said):
            CASE.baseline(wrong)


def test_threads_are_those_of_the_params_or_one() -> None:
    params = CASE.resolve(CASE.baseline(study(**{"runtime.threads": 3})), {}, 0)
    assert CASE.threads(params) == 3
    assert dataclasses.replace(CASE, threads_key="").threads(params) == 1


def test_what_a_case_names_is_imported_when_it_is_used(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "named_by_a_case.py").write_text(
        "from repro.case import Measurements\nSECTIONS = ('one',)\ndef make(job): return Measurements([job.folder])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    case = dataclasses.replace(CASE, make_run="named_by_a_case:make", more_sections="named_by_a_case:SECTIONS")
    assert case.sections() == ("one",)
    assert dataclasses.replace(CASE, more_sections="").sections() == ()
    assert case.run(Job(None, {}, tmp_path, tmp_path)) == Measurements([tmp_path])
    assert case.code[0] == "named_by_a_case"
    with pytest.raises(UserError, match=r"medfe: make_run = 'named_by_a_case:other'"):
        dataclasses.replace(CASE, make_run="named_by_a_case:other").run(Job(None, {}, tmp_path, tmp_path))


def test_a_tree_without_a_seed_is_refused() -> None:
    class Seedless(BaseModel):
        width: int

    with pytest.raises(TypeError, match="Seedless has no field `seed: int`"):
        dataclasses.replace(CASE, params=Seedless)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Input("photographs", "a:b", params=("dta",)), "photographs depends on dta"),
        (
            Input("photographs", "a:b", params=("data.image_px.deep", "data.imagepx")),
            r"photographs depends on data\.ima",
        ),
        (Input("photographs", "a:b", params=("data",), needs=("holes",)), "photographs depends on input holes"),
    ],
)
def test_an_input_that_depends_on_what_there_is_not_is_refused(item: Input, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        dataclasses.replace(CASE, inputs=(item, Input("holes", "a:b", params=("masks",))))


def test_readings_and_scales_lie_in_the_folder_of_the_case() -> None:
    assert {"paper", "release", "replication"} == {file.stem for file in (CASE.folder / READINGS).glob("*.yaml")}
