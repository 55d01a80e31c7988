"""Writing that leaves nothing half-written."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from repro.randomness import derive_seed
from repro.storage import _place, hash_json, hash_tree, write_json, written_file, written_folder


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


def test_a_folder_that_is_a_link_stays_one(tmp_path) -> None:
    place, link = tmp_path / "disk" / "place", tmp_path / "link"
    place.mkdir(parents=True)
    (place / "old").touch()
    link.symlink_to(place)
    with written_folder(link) as partial:
        (partial / "new").touch()
    assert link.is_symlink()
    assert [item.name for item in place.iterdir()] == ["new"]
    assert {item.name for item in tmp_path.iterdir()} == {"disk", "link"}


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


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


@pytest.mark.fault("kill", "writing")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path, dead_pid) -> None:
    alive, huge, here = os.getpid(), 10**30, _place()
    kept = {f".name.{here}-{alive}-0a.partial", f".name.{here}-1-0a.partial", f".other.{here}-{dead_pid}-0a.partial"}
    kept |= {f".name.x.{here}-{dead_pid}-0a.partial", f".name.{dead_pid}.txt", f"name.{here}-{dead_pid}-0a.partial"}
    kept |= {f".name.0{here}-{dead_pid}-0a.partial"}  # made elsewhere, where this number may be a living process
    gone = {f".name.{here}-{dead_pid}-0a.partial", f".name.{here}-{huge}-0a.partial"}

    for write in (written_folder, written_file):
        parent = tmp_path / write.__name__
        for item in kept | gone:
            (parent / item).mkdir(parents=True)
        (parent / f".name.{here}-{dead_pid}-0a.partial" / "half").write_text("1")
        (parent / f".name.{here}-{dead_pid}-0b.partial").write_text("1")
        (parent / f".name.{here}-{dead_pid}-0c.partial").symlink_to(parent)
        (old := parent / f".name.0{here}-1-0b.partial").touch()
        os.utime(old, (0, 0))
        with write(parent / "name") as partial:
            assert {item.name for item in parent.iterdir()} - {partial.name} == kept
            assert partial.name.startswith(f".name.{here}-{alive}-")
            if write is written_file:
                partial.write_text("whole")
        assert {item.name for item in parent.iterdir()} == kept | {"name"}


@pytest.mark.parametrize("write", [written_file, written_folder])
def test_what_takes_a_place_has_reached_the_disk_before(tmp_path, monkeypatch, write) -> None:
    done = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda file: (done.append(str(Path(f"/proc/self/fd/{file}").readlink())), sync(file))
    )
    monkeypatch.setattr(Path, "replace", lambda path, to: (done.append("replace"), replace(path, to)))
    with write(tmp_path / "name") as partial:
        written = partial if write is written_file else partial / "inside"
        written.write_text("1")
    assert done.index(str(written)) < done.index("replace") < done.index(str(tmp_path))


@pytest.mark.fault("at once", "writers of one file")
def test_threads_write_the_same_file_without_a_clash(tmp_path) -> None:
    both_have_written = Barrier(2, timeout=10)

    def write(text: str) -> None:
        with written_file(tmp_path / "file") as partial:
            partial.write_text(text)
            both_have_written.wait()
            assert partial.read_text() == text

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "ab"))
    assert (tmp_path / "file").read_text() in {"a", "b"}
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_hashes(tmp_path) -> None:
    assert hash_json({"a": 1, "b": 2}) == hash_json({"b": 2, "a": 1}) != hash_json({"a": 1, "b": 3})
    (tmp_path / "a").write_text("x")
    before = hash_tree(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert hash_tree(tmp_path) != before


def test_random_streams_are_stable_and_apart() -> None:
    assert derive_seed(0, "masks", 3) == 4242425832495149848
    assert len({derive_seed(seed, purpose, index) for seed in range(5) for purpose in "ab" for index in range(5)}) == 50
