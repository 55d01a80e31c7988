"""Photographs arrive in the order of their names, few at a time, and a file that fails stops nothing."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from repro.cases.medfe.data import decode, reading
from repro.cases.medfe.data.files import MISSING, TOO_LARGE
from repro.cases.medfe.data.reading import read_photographs, read_view


def test_order_does_not_depend_on_the_threads(tmp_path, write_photographs, monkeypatch):
    files = write_photographs(tmp_path, range(12))
    by_name = {file.name: {file.name: file} for file in files}
    first_may_end = threading.Event()
    read = reading.read_view

    def slow_first(file, path):
        if file == files[0].name:
            first_may_end.wait(10)
        elif file == files[1].name:
            first_may_end.set()
        return read(file, path)

    monkeypatch.setattr(reading, "THREADS", 3)
    monkeypatch.setattr(reading, "read_view", slow_first)
    arrived = list(read_photographs(list(by_name), by_name.__getitem__))
    assert [name for name, _ in arrived] == list(by_name)
    for _, (view,) in arrived:
        assert np.array_equal(np.asarray(view.image), np.asarray(Image.open(tmp_path / view.file)))


@pytest.mark.parametrize(("ahead_bytes", "most"), [(0, 3), (10**9, 7)], ids=["large", "small"])
def test_large_photographs_are_read_ahead_one_for_each_thread(
    tmp_path, write_photographs, monkeypatch, ahead_bytes, most
):
    files = {file.name: file for file in write_photographs(tmp_path, range(20))}
    asked = []

    def find_views(name):
        asked.append(name)
        return {name: files[name]}

    for name, value in {"THREADS": 2, "AHEAD": 6, "AHEAD_BYTES": ahead_bytes}.items():
        monkeypatch.setattr(reading, name, value)
    arriving = read_photographs(files, find_views)
    next(arriving)
    next(arriving)
    assert len(asked) == most
    arriving.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: None, MISSING),
        (lambda path: path.mkdir(), MISSING),
        (os.mkfifo, MISSING),
        (lambda path: path.write_bytes(b""), decode.EMPTY),
        (lambda path: path.write_bytes(b"text"), decode.UNKNOWN),
    ],
    ids=["missing", "folder", "pipe", "empty", "text"],
)
def test_a_file_that_fails_says_why(tmp_path, make, reason):
    make(tmp_path / "file.png")
    view = read_view("file.png", tmp_path / "file.png")
    assert view.image is None
    assert view.refusal == reason


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("repro.cases.medfe.data.files.MAX_FILE_BYTES", 10)
    (tmp_path / "file.png").write_bytes(bytes(11))
    assert read_view("file.png", tmp_path / "file.png").refusal == TOO_LARGE


@pytest.mark.parametrize(
    ("size", "reason"), [((16, 40), ""), ((15, 40), reading.TOO_SMALL), ((40, 1), reading.TOO_SMALL)]
)
def test_a_photograph_with_a_short_side_is_refused(tmp_path, size, reason):
    Image.new("RGB", size).save(tmp_path / "file.png")
    view = read_view("file.png", tmp_path / "file.png")
    assert view.refusal == reason
    assert (view.image is None) == bool(reason)
