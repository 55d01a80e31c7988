"""The measurement of what makes an outcome noisy: streams apart, ways on the same training, tables."""

import numpy as np
import pytest

from benchmarks.outcome_noise import LATE, ROUNDING, VARIED, Inputs, train
from benchmarks.outcome_tables import compare_variances, show_correlation, show_tables
from benchmarks.outcome_ways import UNTRAINED, Ways
from prepared_on_disk import write_prepared
from repro.cases.medfe.params import Params

LENGTH = {"steps": 4, "batch_size": 2, "log_every_steps": 1, "validate_every_steps": 4, "checkpoint_every_steps": 4}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Params, Inputs]:
    params, photographs, holes = write_prepared(tmp_path_factory.mktemp("prepared"))
    return params.model_copy(update={"training": params.training.model_copy(update=LENGTH)}), Inputs(photographs, holes)


def with_seed(params: Params, seed: int) -> Params:
    return params.model_copy(update={"seed": seed})


def test_each_stream_alone_moves_the_outcome(prepared) -> None:
    params, inputs = prepared
    still = train(with_seed(params, 0), inputs)
    moved = {varied: train(with_seed(params, 3), inputs, varied) for varied in VARIED}
    assert len({still, *moved.values()}) == 1 + len(VARIED), "each of them moves it, and elsewhere than the others do"


@pytest.mark.parametrize("varied", ["generator", LATE, ROUNDING])
def test_at_seed_0_every_stream_is_where_the_others_are(prepared, varied: str) -> None:
    params, inputs = prepared
    assert train(with_seed(params, 0), inputs, varied) == train(with_seed(params, 0), inputs)


def test_ways_measure_one_and_the_same_training(prepared) -> None:
    params, inputs = prepared
    found, seconds = Ways(params, *inputs).measure()
    assert seconds > 0
    assert found["last"][0] == train(params, inputs)
    parts = [value for name, (value, _) in found.items() if name.endswith(" alone")]
    assert np.mean(parts) == pytest.approx(found["last"][0]), "photographs have as many crops each"
    half_of_4_steps = found["mean of the weights over the last 50%"][0]
    assert half_of_4_steps not in (found["last"][0], found["exponential mean of the weights, 0.9 a step"][0])


def test_variances_of_the_same_seeds_are_compared_pair_by_pair() -> None:
    reference = np.random.default_rng(0).normal(size=12)
    assert compare_variances(reference / 2 + 7, reference) == pytest.approx((0.25, 0.25, 0.25))
    other = np.random.default_rng(1).normal(size=12)
    _, low, high = compare_variances(other, reference)
    assert low < 0.5 < 1.5 < high, "of independent ones 12 seeds tell little"
    assert np.isnan(compare_variances(other[:2], reference[:2])).all()


def test_tables_say_what_was_measured() -> None:
    ways = [
        {
            "part": "ways",
            "training_s": 9.0,
            "values": {UNTRAINED: (-2.5, 1.0), "last": (seed, 1.0), "quieter": (seed / 2, 6.0)},
        }
        for seed in range(6)
    ]
    pairs = [
        {"part": "pairs", "named": named, "seed": seed, "values": {"last": seed + effect}}
        for named, effect in (("{}", 0), ('{"a": 1}', 2))
        for seed in range(5)
    ]
    shown = show_tables([*ways, *pairs])
    assert "| quieter | 1.25 | 0.94 (0.58 to 2.29) | 0.25 (0.25 to 0.25) | 6.00 | 0.38 | 0.67 |" in shown
    assert '| {"a": 1} | 5 | +2.00 | 0.00 (0.00 to 0.00) |' in shown
    assert show_correlation(np.arange(3), np.arange(3)) == ""
