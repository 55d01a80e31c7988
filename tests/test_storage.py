"""Writing that leaves nothing half-written."""

import pytest

from repro.randomness import derive_seed
from repro.storage import hash_json, hash_tree, write_json, written_file, written_folder


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "folder"
    with written_folder(target) as partial:
        (partial / "old").write_text("1")
        assert not target.exists()

    def fail() -> None:
        with written_folder(target) as partial:
            (partial / "new").write_text("2")
            raise ValueError("full disk")

    with pytest.raises(ValueError, match="full disk"):
        fail()
    assert [item.name for item in target.iterdir()] == ["old"]
    with written_folder(target) as partial:
        (partial / "new").write_text("2")
    assert [item.name for item in target.iterdir()] == ["new"]
    assert [item.name for item in tmp_path.iterdir()] == ["folder"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    target = tmp_path / "deep" / "file.json"
    write_json(target, {"b": 1, "a": 2})

    def fail() -> None:
        with written_file(target) as partial:
            partial.write_text("half")
            raise ValueError("full disk")

    with pytest.raises(ValueError, match="full disk"):
        fail()
    assert target.read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'
    assert [item.name for item in target.parent.iterdir()] == ["file.json"]


def test_hashes(tmp_path) -> None:
    assert hash_json({"a": 1, "b": 2}) == hash_json({"b": 2, "a": 1}) != hash_json({"a": 1, "b": 3})
    (tmp_path / "a").write_text("x")
    before = hash_tree(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert hash_tree(tmp_path) != before


def test_random_streams_are_stable_and_apart() -> None:
    assert derive_seed(0, "masks", 3) == 4242425832495149848
    assert len({derive_seed(seed, purpose, index) for seed in range(5) for purpose in "ab" for index in range(5)}) == 50
