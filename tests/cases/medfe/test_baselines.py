"""The classical fills: known pixels stay, each method does what its name says, processes change nothing."""

import numpy as np
import pytest

from repro.cases.medfe import baselines
from repro.cases.medfe.baselines import BASELINES, CONSTANT, Hole, fill, fill_all, open_filler


def make_hole(seed=0, side_px=32):
    rng = np.random.default_rng(seed)
    photograph = rng.integers(0, 256, (3, side_px, side_px), dtype=np.uint8)
    hole = np.zeros((side_px, side_px), dtype=bool)
    hole[8:20, 0:15] = True
    return Hole(photograph, hole)


@pytest.mark.parametrize("baseline", BASELINES)
def test_known_pixels_stay_and_the_fill_is_an_image(baseline):
    item = make_hole()
    before = item.photograph.copy()
    filled = fill(baseline, item)
    assert filled.shape == (3, 32, 32)
    assert filled.dtype == np.float64
    assert (filled[:, ~item.hole] == item.photograph[:, ~item.hole]).all()
    assert filled.min() >= 0
    assert filled.max() <= 255
    assert (item.photograph == before).all()


@pytest.mark.parametrize("baseline", BASELINES)
def test_what_lies_under_the_hole_has_no_effect(baseline):
    item = make_hole()
    other = item.photograph.copy()
    other[:, item.hole] = 255 - other[:, item.hole]
    assert (fill(baseline, item) == fill(baseline, Hole(other, item.hole))).all()


def test_constant_and_mean_are_those_of_the_known_pixels():
    item = make_hole()
    assert (fill("constant", item)[:, item.hole] == np.array(CONSTANT)[:, None]).all()
    for channel in range(3):
        known = [float(v) for v, h in zip(item.photograph[channel].flat, item.hole.flat, strict=True) if not h]
        values = fill("known_mean", item)[channel][item.hole]
        assert values == pytest.approx(np.full(item.hole.sum(), sum(known) / len(known)))


@pytest.mark.parametrize("baseline", ["telea", "navier_stokes", "biharmonic"])
def test_smooth_methods_continue_a_ramp_better_than_the_mean(baseline):
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8) * 8, (3, 32, 32))
    hole = np.zeros((32, 32), dtype=bool)
    hole[10:18, 10:18] = True
    errors = {name: np.abs(fill(name, Hole(ramp, hole)) - ramp).mean() for name in (baseline, "known_mean")}
    assert errors[baseline] < errors["known_mean"] / 2


def test_biharmonic_continues_a_ramp_exactly():
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8) * 8, (3, 32, 32))
    hole = np.zeros((32, 32), dtype=bool)
    hole[10:18, 10:18] = True
    assert fill("biharmonic", Hole(ramp, hole)) == pytest.approx(ramp, abs=1e-6)


def test_channels_keep_their_order():
    flat = np.broadcast_to(np.array([200, 100, 10], dtype=np.uint8)[:, None, None], (3, 32, 32))
    hole = make_hole().hole
    for baseline in BASELINES[1:]:
        assert fill(baseline, Hole(flat, hole))[:, 12, 7] == pytest.approx([200, 100, 10], abs=1)


def test_a_hole_over_everything_is_refused():
    item = make_hole()
    with pytest.raises(ValueError, match="whole photograph"):
        fill_all(item._replace(hole=np.ones_like(item.hole)))


def test_processes_do_not_change_the_fills(monkeypatch):
    items = [make_hole(seed) for seed in range(6)]
    expected = np.stack([fill_all(item) for item in items])
    with open_filler(6 * 32 * 32) as filler:
        assert filler._pool is None
        assert (filler(items) == expected).all()
    monkeypatch.setattr(baselines, "PIXELS_PER_WORKER", 1000)
    monkeypatch.setattr(baselines.os, "cpu_count", lambda: 2)
    with open_filler(6 * 32 * 32) as filler:
        assert filler._pool is not None
        assert (filler(items) == expected).all()
