"""What nobody has made in the place of a run or an input: it is found before anybody opens it, and removed."""

import os
from pathlib import Path

import pytest

from case_project import write_mean_project
from repro import paths
from repro.checksums import CHECKSUMS, write_checksums
from repro.own_folder import SITE_CACHE
from repro.runs.dvc_locks import release_dead, set_aside_broken
from repro.runs.outputs import find_foreign, remove
from repro.runs.record import find_damage
from sweep_project import Project

STUDY = "ablations/first.yaml"
PUT = {
    "a pipe": os.mkfifo,
    "a link to itself": lambda place: place.symlink_to(place.name),
    "a link to nothing": lambda place: place.symlink_to("/nonexistent/place"),
}


@pytest.mark.fault("damage", "pipes and links in the place of files")
@pytest.mark.parametrize("put", PUT.values(), ids=PUT)
@pytest.mark.parametrize("name", ["run.json", "rows.csv", "more/kept.txt", "."])
def test_what_is_no_file_is_damage_of_a_run(tmp_path: Path, monkeypatch, put, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    folder = paths.RUNS / "a-s0"
    (folder / "more").mkdir(parents=True)
    assert find_foreign(folder) is None
    if name == ".":
        remove(folder)
    put(folder / name)
    assert find_foreign(folder) == folder / name
    assert "brings it back, or makes it again" in find_damage("a-s0")
    remove(folder)
    assert not os.path.lexists(folder)
    assert find_damage("a-s0") == ""


@pytest.mark.fault("damage", "checksums of a run")
def test_a_list_of_checksums_that_was_cut_short_vouches_for_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = paths.RUNS / "a-s0"
    folder.mkdir(parents=True)
    for name in (paths.RUN, paths.ROWS):
        (folder / name).write_text(name)
    write_checksums(folder)
    assert find_damage("a-s0") == ""
    listed = (folder / CHECKSUMS).read_text().splitlines(keepends=True)
    for kept in ([], listed[:1], listed[1:]):
        (folder / CHECKSUMS).write_text("".join(kept))
        assert "is damaged" in find_damage("a-s0")


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> Project:
    project = write_mean_project(tmp_path_factory.mktemp("project"))
    project.run("-m", "repro", "plan", STUDY)
    project.run("-m", "repro", "sweep", STUDY)
    return project


@pytest.mark.fault("damage", "pipes and links in the place of files")
@pytest.mark.whole
def test_a_sweep_brings_back_what_is_no_file(swept: Project) -> None:
    before = swept.tables()
    first, second, *_ = sorted((swept.root / paths.RUNS).glob("*-s0"))
    (numbers,) = (swept.root / paths.INPUTS).glob("*/numbers")
    for place, put in ((first / "rows.csv", "a pipe"), (second, "a link to nothing"), (numbers, "a pipe")):
        remove(place)
        PUT[put](place)
    (swept.root / paths.RUN_CODE).write_text("")
    assert "8 of 8 done" in swept.run("-m", "repro", "sweep", STUDY)
    assert swept.tables() == before


@pytest.mark.fault("damage", "half-written files of DVC")
@pytest.mark.whole
def test_files_of_dvc_that_are_none_or_name_no_known_hash_are_set_aside(swept: Project, monkeypatch, capsys) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(swept.root)
    recorded = paths.RUN_PIPELINE.with_suffix(".lock")
    told = []
    with Repo() as repo:
        rwlock = Path(repo.tmp_dir) / "rwlock"
        for put in PUT.values():
            remove(rwlock)
            put(rwlock)
            assert release_dead(repo) == []
            told.append("rwlock is set aside as rwlock.broken: it is no regular file")
        sound = recorded.read_text()
        recorded.write_text(sound.replace("hash: md5", "hash: mdu", 1))
        set_aside_broken(repo, [paths.RUN_PIPELINE])
        assert not recorded.exists()
        recorded.symlink_to("nowhere")
        set_aside_broken(repo, [paths.RUN_PIPELINE])
        assert not os.path.lexists(recorded)
        recorded.write_text(sound)
    said = capsys.readouterr().err
    assert all(line in said for line in told)
    assert said.count("dvc.lock is set aside as dvc.lock.broken") == 2


def test_dvc_remembers_files_where_nobody_else_can_write(tmp_path: Path, monkeypatch) -> None:
    import tempfile

    from repro.own_folder import keep_dvc_apart

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(SITE_CACHE, "/chosen")
    keep_dvc_apart()
    assert os.environ[SITE_CACHE] == "/chosen"
    monkeypatch.delenv(SITE_CACHE)
    keep_dvc_apart()
    own = tmp_path / f"repro-dvc-{os.getuid()}"
    assert Path(os.environ[SITE_CACHE]) == own
    assert own.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("open_to_all", ["the folder", "all temporary files"])
def test_where_none_is_the_users_own_it_is_in_the_project(tmp_path: Path, monkeypatch, open_to_all: str) -> None:
    import tempfile

    from repro.own_folder import keep_dvc_apart, passing_folder

    temporary, project = tmp_path / "temporary", tmp_path / "project"
    own = temporary / f"repro-dvc-{os.getuid()}"
    own.mkdir(parents=True)
    project.mkdir()
    (own if open_to_all == "the folder" else temporary).chmod(0o777)  # as another user makes it
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(project)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv(SITE_CACHE, "")  # so that it is put back
    monkeypatch.delenv(SITE_CACHE)
    keep_dvc_apart()
    assert Path(os.environ[SITE_CACHE]) == project / ".repro" / "dvc"
    assert (project / ".repro" / "dvc").stat().st_mode & 0o077 == 0
    with passing_folder("some") as passing:
        assert passing.parent == (temporary if open_to_all == "the folder" else project / ".repro")
