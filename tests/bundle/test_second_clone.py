"""A bundle that was made in one clone of a project is verified in another one, which makes the same bytes of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from kept_on_disk import make_kept, write_kept_report

from fault_table import Tried
from git_project import commit_all, git
from sweep_project import clean


def repro(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "repro", *arguments]
    return subprocess.run(command, cwd=folder, env=clean(), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clones(tmp_path_factory) -> tuple[Path, Path]:
    """Returns two clones of a project that keeps the report of its study."""
    root = tmp_path_factory.mktemp("clones")
    write_kept_report(root / "origin" / "reports" / "studies" / "first", make_kept(root / "origin"))
    commit_all(root / "origin")
    for name in ("one", "deep/er/other"):
        git(root, "clone", "-q", "origin", name)
    return root / "one", root / "deep" / "er" / "other"


@pytest.mark.long
@pytest.mark.fault("clone")
def test_a_bundle_of_one_clone_is_verified_in_another(clones: tuple[Path, Path], tried: Tried) -> None:
    for here, there in (clones, reversed(clones)):
        assert repro(here, "export", "first", "-o", "first.zip").returncode == 0
        bundle = here / "first.zip"
        verified = repro(there, "verify", str(bundle))
        tried(held=verified.returncode == 0, what="verified")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    one, other = ((clone / "first.zip").read_bytes() for clone in clones)
    tried(held=one == other, identical=one == other, what="made there")
    assert one == other


@pytest.mark.long
@pytest.mark.fault("damage", "bundle on a second clone")
def test_damage_on_the_way_is_found_there(clones: tuple[Path, Path], tried: Tried, tmp_path: Path) -> None:
    here, there = clones
    assert repro(here, "export", "first", "-o", str(tmp_path / "first.zip")).returncode == 0
    whole = (tmp_path / "first.zip").read_bytes()
    for place in (40, len(whole) // 2, len(whole) - 10):
        (tmp_path / "damaged.zip").write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        done = repro(there, "verify", str(tmp_path / "damaged.zip"))
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        tried()
