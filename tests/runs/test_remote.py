"""A machine of a cluster makes a run: from a folder that nobody else can write, whose name covers all that it holds."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from case_project import write_mean_files
from repro import paths
from repro.case import load_case
from repro.errors import UserError
from repro.own_folder import own_folder
from repro.runs import code
from repro.runs.archives import hash_bytes, pack
from repro.runs.cluster import copy_code
from repro.runs.inputs import find_keys, folders_of, params_file
from repro.runs.make_input import make_input
from repro.runs.remote import Delivery, Order, accept, fulfil
from repro.storage import hash_tree

RUN = "0123456789-s0"
VALUES = {
    "average": {"kind": "mean", "squared": False},
    "numbers": {"count": 100, "noise": {"spread": 0.1, "outliers": 2}},
    "seed": 0,
}
EVIL = "import pathlib\npathlib.Path({marker!r}).write_text('run')\n"


@pytest.fixture
def sent(tmp_path: Path, monkeypatch) -> tuple[Order, list[bytes]]:
    """Returns an order and its archives; this process runs what has come with the task, and has temporary files."""
    project, shipped, temporary = (tmp_path / name for name in ("project", "shipped", "temporary"))
    project.mkdir()
    write_mean_files(project)
    monkeypatch.chdir(project)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    case = load_case()
    params = case.params.model_validate(VALUES)
    keys = find_keys(case, params)
    for file in (params_file(RUN), params_file("numbers", keys["numbers"])):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w") as stream:
            YAML().dump({**VALUES}, stream)
    code.main()
    make_input("numbers", keys["numbers"], {})
    shipped.mkdir()
    copy_code(case, shipped)
    temporary.mkdir(mode=0o700)
    monkeypatch.setattr(paths, "PROJECT", shipped)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folders = folders_of(keys).values()
    archives = [pack(folder) for folder in folders]
    hashes = tuple((str(folder), hash_bytes(archive)) for folder, archive in zip(folders, archives, strict=True))
    files = {str(params_file(RUN)): params_file(RUN).read_bytes()}
    return Order(RUN, hash_tree(shipped), files, hashes, 1), archives


def own() -> Path:
    return Path(tempfile.gettempdir()) / f"repro-runs-{os.getuid()}"


def check(delivery: Delivery) -> None:
    assert (delivery.status, delivery.failure) == (0, b""), delivery.log.decode()
    accept(delivery, RUN)
    assert (paths.RUNS / RUN / paths.ROWS).is_file()


def test_a_run_is_made_twice_in_one_folder(sent: tuple[Order, list[bytes]]) -> None:
    order, archives = sent
    check(fulfil(order, *archives))
    made = (own() / order.place / "repro" / "__init__.py").stat().st_mtime_ns
    assert own().stat().st_mode & 0o777 == 0o700
    check(fulfil(order, *archives))
    assert (own() / order.place / "repro" / "__init__.py").stat().st_mtime_ns == made


def open_to_all(folder: Path, planted: Path) -> None:
    shutil.copytree(planted, folder)
    folder.chmod(0o777)


def link(folder: Path, planted: Path) -> None:
    folder.symlink_to(planted)


def of_another_user(folder: Path, planted: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    shutil.copytree(planted, folder)
    os.chown(folder, 12345, 12345)


@pytest.mark.parametrize("plant", [open_to_all, link, of_another_user])
def test_code_that_another_user_has_planted_is_not_run(sent: tuple[Order, list[bytes]], tmp_path: Path, plant) -> None:
    order, archives = sent
    marker, planted = tmp_path / "marker", tmp_path / "planted"
    shutil.copytree(paths.PROJECT, planted / order.place)
    (planted / order.place / "repro" / "__init__.py").write_text(EVIL.format(marker=str(marker)))
    plant(own(), planted)
    check(fulfil(order, *archives))
    assert not marker.exists()
    assert [item.name for item in own().parent.iterdir()] == [own().name], "the passing folder is gone"


def test_where_others_can_rename_no_folder_is_used(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "open"))
    told = r"open: other users can replace what lies there.*\n  name another folder for temporary files in TMPDIR"
    with pytest.raises(UserError, match=told), own_folder("repro-runs"):
        pass
    (tmp_path / "open").chmod(0o1777)
    with own_folder("repro-runs") as folder:
        assert folder.parent == tmp_path / "open"


@pytest.mark.parametrize(
    "changed",
    [
        "repro/runs/machine.py",
        "repro/audit/page/runs.py",
        *(f"project/{name}" for name in ("mean_case.py", "pyproject.toml", paths.RUN_CODE)),
    ],
)
def test_the_name_covers_every_file_of_code(sent: tuple[Order, list[bytes]], changed: str) -> None:
    order, archives = sent
    with (paths.PROJECT / changed).open("a") as stream:
        stream.write("\n# another comment\n")
    assert order._replace(code=hash_tree(paths.PROJECT)).place != order.place
    with pytest.raises(UserError, match="the code that has come with the task is not that which was sent"):
        fulfil(order, *archives)
    assert not (own() / order.place).exists()


def test_the_name_covers_what_runs_share(sent: tuple[Order, list[bytes]]) -> None:
    order, archives = sent
    (name, _), *_ = order.folders
    other = order._replace(folders=((name, hash_bytes(b"other")),))
    assert other.place != order.place
    with pytest.raises(UserError, match=f"{name} is not what was sent"):
        fulfil(other, *archives)


@pytest.mark.fault("damage", "parcel")
@pytest.mark.parametrize(
    "delivery",
    [Delivery(b"no archive", b"", b"", 0), Delivery(b"", b"", b'{"status": "fai', 2)],
)
@pytest.mark.usefixtures("sent")
def test_what_has_come_back_damaged_is_refused(delivery: Delivery) -> None:
    with pytest.raises(UserError, match="what has come back is no"):
        accept(delivery, RUN)
    assert not (paths.RUNS / RUN).exists()
