"""Photographs that somebody has set aside for tests are not trained on, however their folders are called."""

from pathlib import Path

import pytest

from case_project import name_case
from repro.cases.medfe.split_folders import check_photographs, check_splits
from repro.errors import UserError
from repro.runs.inputs import params_file
from repro.runs.make_input import make_input


def write(root: Path, *folders: str) -> str:
    for name in folders:
        (root / name).mkdir(parents=True)
    return str(root)


@pytest.mark.parametrize(
    ("folders", "remedy"),
    [
        (["images/train", "images/test"], "images"),
        (["deep/er/Training", "deep/er/valid"], "deep/er"),
        (["train2017", "val2017"], "train2017"),
        (["train_256", "test"], "test"),
        (["val", "test"], "test"),
        (["test"], "test"),
        (["test1"], "test1"),
    ],
)
def test_splits_that_would_be_pooled_are_refused(tmp_path: Path, folders: list[str], remedy: str) -> None:
    root = write(tmp_path, *folders)
    with pytest.raises(UserError, match=r"would be read as one heap; expected train, and val or test") as caught:
        check_splits(root)
    assert str(caught.value).endswith(f"-S data.root={root}/{remedy}")
    assert all(f"{root}/{name}" in str(caught.value) for name in folders)


@pytest.mark.parametrize(
    "folders",
    [
        ["train", "test"],
        ["Train", "Val", "Test"],
        ["train"],
        ["train/a/test", "train/a/val", "test"],
        ["a", "b/test"],
        [],
    ],
)
def test_splits_that_are_read_as_such_and_other_folders_are_fine(tmp_path: Path, folders: list[str]) -> None:
    check_splits(write(tmp_path / "root", *folders))


def test_a_folder_that_is_not_there_is_left_to_whoever_reads_it() -> None:
    check_splits("nowhere")


def test_a_sweep_and_the_stage_refuse_such_a_folder_before_they_read_it(tmp_path: Path, monkeypatch) -> None:
    root = write(tmp_path, "images/train", "images/test")
    monkeypatch.chdir(tmp_path)
    name_case(tmp_path)
    file = params_file("photographs", "0" * 32)
    file.parent.mkdir(parents=True)
    file.write_text(f"data: {{source: folder, root: {root}}}\n")
    with pytest.raises(UserError, match="would be read as one heap"):
        make_input("photographs", "0" * 32, {})
    check_photographs({"data": {"source": "photos", "root": root}})
