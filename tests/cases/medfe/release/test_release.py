"""The authors' checkpoints: read, computed with, refused when they are not theirs, and written back."""

import copy
import pickle
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch

from repro.cases.medfe import load_release
from repro.cases.medfe.checkpoint import load_generator
from repro.cases.medfe.model import Generator
from repro.cases.medfe.release import export_release, import_release
from repro.cases.medfe.release.importing import read_release
from repro.cases.medfe.release.names import NETWORKS, is_counting, our_names, release_shapes
from repro.errors import UserError
from rounding import HALF_THE_DIGITS, HALF_THE_DIGITS_OF_FLOAT32

GOLDEN = Path(__file__).parents[3] / "data" / "golden_centre.npz"
FILES = ("EN.pkl", "DE.pkl", "MEDEF.pkl")


def synthetic(network: str, salt: int = 11) -> dict[str, torch.Tensor]:
    """Weights from each tensor's name, as those behind the reference output."""
    tensors = {}
    for name, shape in release_shapes(network).items():
        seed = (crc32(f"{network}.{name}".encode()) + salt) % 2**32
        drawn = np.random.RandomState(seed).standard_normal(shape).astype(np.float32) * np.float32(0.02)
        if len(shape) == 1 and name.endswith("weight"):
            drawn = drawn + np.float32(1)
        tensors[name] = torch.from_numpy(np.ones(shape, np.float32) if is_counting(name) else drawn)
    return tensors


def enlarge_fused(lines: np.ndarray, size: int) -> np.ndarray:
    """Resizes the last axis of float32 bilinearly by one fused multiply-add for each value.

    So did torch where the reference output was made. Its kernels differ by a rounding from one instruction set and
    number of threads to another; here a product of two float32 is exact in float64, and every machine gives these bits.
    """
    at = np.maximum((np.arange(size) + 0.5) * (lines.shape[-1] / size) - 0.5, 0)
    left = at.astype(int)
    right = np.minimum(left + 1, lines.shape[-1] - 1)
    share = (at - left).astype(np.float32)
    rounded = lines[..., right] * share
    return (lines[..., left].astype(np.float64) * (1 - share) + rounded).astype(np.float32)


def reference_input() -> tuple[torch.Tensor, torch.Tensor]:
    noise = np.random.RandomState(11).uniform(-1, 1, (3, 33, 33)).astype(np.float32)
    image = torch.from_numpy(enlarge_fused(enlarge_fused(noise, 256).swapaxes(1, 2), 256).swapaxes(1, 2).copy())[None]
    hole = torch.zeros(1, 1, 256, 256, dtype=torch.bool)
    hole[..., 64:192, 64:192] = True
    return image, hole


def distance(given: torch.Tensor, expected: np.ndarray) -> float:
    wanted = torch.from_numpy(expected).double().reshape(given.shape)
    return float((given.double() - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("release")
    for network, file in zip(NETWORKS, FILES, strict=True):
        torch.save(synthetic(network), folder / file)
    return [folder / file for file in FILES]


@pytest.fixture(scope="module")
def released(files) -> Generator:
    """The generator of these files; its weights are not to be changed."""
    return load_release(*files)


@pytest.fixture(scope="module")
def decoder() -> dict[str, torch.Tensor]:
    return synthetic("DE")


def test_every_tensor_of_theirs_has_a_place_in_ours() -> None:
    for network in NETWORKS:
        assert our_names(network).keys() == release_shapes(network).keys()


@pytest.mark.numerical
def test_reference_output(released) -> None:
    """All parts of the network together keep half of the digits of either type, and a mistake in any keeps none."""
    image, hole = reference_input()
    golden = np.load(GOLDEN)
    generator = copy.deepcopy(released)
    for dtype, bound in ((torch.float64, HALF_THE_DIGITS), (torch.float32, HALF_THE_DIGITS_OF_FLOAT32)):
        with torch.inference_mode():
            output = generator.to(dtype)(image.to(dtype), hole)
        assert distance(output.image[:, :, ::4, ::4], golden["out"]) < bound
        assert distance(output.structure, golden["structure"]) < bound
        assert distance(output.texture, golden["texture"]) < bound
        assert abs(float(output.image.mean()) - golden["mean"]) < bound
        assert abs(float(output.image.std()) - golden["std"]) < bound


def test_counting_kernels_that_are_not_ones_are_used_as_they_are(files, released, tmp_path) -> None:
    middle = torch.load(files[2], weights_only=True)
    twice = {name: 2 * value if is_counting(name) else value for name, value in middle.items()}
    torch.save(twice, tmp_path / "MEDEF.pkl")
    counted = load_release(files[0], files[1], tmp_path / "MEDEF.pkl")
    assert counted.model.partial_scaling == "counting_kernels"
    stream = counted.texture.fill.streams[0].convolutions[0]
    features = torch.randn(1, 256, 8, 8, dtype=torch.float64)
    valid = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    plain = copy.deepcopy(released.texture.fill.streams[0].convolutions[0])
    torch.testing.assert_close(2 * stream.double()(features, valid)[0], plain.double()(features, valid)[0])


def test_a_detail_can_be_overridden(files) -> None:
    generator = load_release(*files, overrides={"model.mask_to_branch": "max_pool"})
    assert generator.model.mask_to_branch == "max_pool"
    with pytest.raises(UserError, match="overrides need other tensors"):
        load_release(*files, overrides={"model.branch_width": 8.0})
    with pytest.raises(UserError, match=r"model\.mask_to_branch is none; allowed: nearest, mean_5_16, max_pool, empty"):
        load_release(*files, overrides={"model.mask_to_branch": "none"})


def test_import_and_export_are_lossless(files, tmp_path) -> None:
    import_release(*files, tmp_path / "ours.pt")
    export_release(load_generator(tmp_path / "ours.pt", "last"), tmp_path / "back")
    for file in files:
        before, after = (
            torch.load(file, weights_only=True),
            torch.load(tmp_path / "back" / file.name, weights_only=True),
        )
        assert list(before) == list(after)
        assert all(torch.equal(before[name], after[name]) for name in before)


class _Bomb:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.mark.fault("damage", "released weights")
def test_files_that_are_not_theirs_are_refused(files, tmp_path) -> None:
    bomb = tmp_path / "bomb.pkl"
    bomb.write_bytes(pickle.dumps({"weight": _Bomb(tmp_path / "ran")}))
    truncated = tmp_path / "truncated.pkl"
    truncated.write_bytes(files[0].read_bytes()[:100_000])
    foreign = tmp_path / "foreign.pkl"
    torch.save({"weight": torch.zeros(3)}, foreign)
    reshaped = tmp_path / "reshaped.pkl"
    tensors = torch.load(files[0], weights_only=True)
    tensors["Encoder_1.model.0.bias"] = torch.zeros(65)
    tensors["surplus"] = tensors.pop("Encoder_2.model.1.bias")
    torch.save(tensors, reshaped)
    expected = {
        bomb: "holds something other than tensors",
        truncated: "broken",
        foreign: r"missing \(middle.0.conv_block.1.weight",
        reshaped: r"1 missing \(Encoder_2.model.1.bias\); 1 extra \(surplus\); 1 of another shape "
        r"\(Encoder_1.model.0.bias \[65\] instead of \[64\]\)",
        tmp_path / "absent.pkl": "is missing",
    }
    for file, message in expected.items():
        with pytest.raises(UserError, match=message) as raised:
            load_release(file, *files[1:])
        assert str(raised.value).count("\n") == (file == bomb)
    assert not (tmp_path / "ran").exists()


SAVED = {
    "several GPUs": lambda tensors: {f"module.{name}": tensor for name, tensor in tensors.items()},
    "beside the optimiser": lambda tensors: {"net": tensors, "optimize": {"state": {0: {"step": torch.ones(1)}}}},
    "both, deeper": lambda tensors: {
        "epoch": 3,
        "states": {
            "net": {f"module.{name}": tensor for name, tensor in tensors.items()},
            "other": {"a": torch.ones(1)},
        },
    },
}


@pytest.mark.parametrize("form", SAVED)
def test_what_a_training_saves_is_the_same_as_what_is_released(form, decoder, tmp_path) -> None:
    saved = tmp_path / "DE.pkl"
    torch.save(SAVED[form](decoder), saved)
    read = read_release({"DE": saved})["DE"]
    assert read.keys() == decoder.keys()
    assert all(torch.equal(tensor, read[name]) for name, tensor in decoder.items())


def test_of_a_module_that_was_saved_whole_it_is_said_how_to_get_the_tensors_out(tmp_path) -> None:
    torch.save(torch.nn.Linear(1, 1), tmp_path / "whole.pkl")
    torch.save({"epoch": 3}, tmp_path / "empty.pkl")
    for name in ("whole.pkl", "empty.pkl"):
        with pytest.raises(UserError, match=r"\n  from a module that was saved whole: torch\.save\(torch\.load"):
            read_release({"DE": tmp_path / name})
