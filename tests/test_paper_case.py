"""How the audit reaches the case: baselines are complete without params.yaml, and runs are what they are named."""

from pathlib import Path

import pytest

from repro import paths
from repro.audit.ledger.readings import merge_reading
from repro.audit.ledger.values import flatten
from repro.audit.study.declaration import Study
from repro.cases.medfe.params import Params
from repro.cases.medfe.readings.case import identify, load_baseline, resolve
from repro.errors import UserError
from repro.paths import READINGS, SCALES


def study(reading: str = "paper", scale: str = "screening", **settings) -> Study:
    metric = {"direction": "higher", "margin": 1, "why": "a test"}
    declared = {"title": "", "reading": reading, "scale": scale, "settings": settings, "details": {}, "seeds": 1}
    return Study.model_validate(declared | {"design": "one_at_a_time", "metrics": {"psnr_hole_db": metric}})


@pytest.mark.parametrize("scale", sorted(file.stem for file in SCALES.glob("*.yaml")))
@pytest.mark.parametrize("reading", sorted(file.stem for file in READINGS.glob("*.yaml")))
def test_a_baseline_is_complete_wherever_it_is_loaded(reading, scale, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # no params.yaml there
    values = load_baseline(study(reading, scale))
    params = resolve(values, {}, 0)
    assert flatten(params.resolved()) == values
    merged = merge_reading(paths.ABLATIONS, reading, scale)
    assert all(params.value(key) == (tuple(v) if isinstance(v, list) else v) for key, v in merged.items())


def test_settings_go_before_scale_and_reading() -> None:
    values = load_baseline(study(**{"training.steps": 7, "loss.adv": "hinge"}))
    assert (values["training.steps"], values["loss.adv"]) == (7, "hinge")


def test_a_run_is_the_baseline_with_its_settings_and_its_seed() -> None:
    values = load_baseline(study())
    run = resolve(values, {"loss.adv": "hinge", "model.encoder_kernels": [7, 5, 5, 3, 3, 3]}, 3)
    assert isinstance(run, Params)
    assert (run.loss.adv, run.model.encoder_kernels, run.seed) == ("hinge", (7, 5, 5, 3, 3, 3), 3)
    changed = {key for key, value in flatten(run.resolved()).items() if value != values[key]}
    assert changed == {"loss.adv", "model.encoder_kernels", "seed"}


def test_the_id_of_a_variant_is_that_of_its_params_and_no_seed_counts() -> None:
    values = load_baseline(study())
    assert identify(values) == resolve(values, {}, 5).variant() == identify(values | {"seed": 9})
    assert identify(values | {"runtime.stream": 1}) != identify(values)


def test_what_is_not_allowed_is_told_in_few_words() -> None:
    values = load_baseline(study())
    many = dict.fromkeys(list(values)[:60], None)
    for settings in ({"loss.advv": "hinge"}, {"loss.adv": "hindge"}, many):
        with pytest.raises(UserError, match="the study, at ") as caught:
            resolve(values, settings, 0)
        assert len(str(caught.value)) < 500
