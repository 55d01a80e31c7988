"""Checksums of a folder find every changed byte, and say which file and what mends it."""

import subprocess

import pytest

from repro.checksums import CHECKSUMS, check_file, write_checksums
from repro.errors import UserError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a b.npy").write_bytes(bytes(range(256)))
    (tmp_path / "other").write_text("1")
    write_checksums(tmp_path)
    return tmp_path


def test_other_programs_read_them(folder) -> None:
    assert subprocess.run(["sha256sum", "-c", "--quiet", CHECKSUMS], cwd=folder, check=False).returncode == 0


@pytest.mark.fault("damage", "checksums")
@pytest.mark.parametrize("place", [0, 100, 255])
def test_a_flipped_bit_is_found(folder, place) -> None:
    check_file(folder, "deep/a b.npy", "make it again")
    content = bytearray((folder / "deep" / "a b.npy").read_bytes())
    content[place] ^= 1
    (folder / "deep" / "a b.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"a b\.npy is damaged: .*\n  make it again"):
        check_file(folder, "deep/a b.npy", "make it again")
    check_file(folder, "other", "make it again")


@pytest.mark.fault("damage", "checksums")
def test_what_has_no_checksum_is_not_trusted(folder) -> None:
    (folder / "new").touch()
    with pytest.raises(UserError, match="new is damaged"):
        check_file(folder, "new", "")
    with pytest.raises(UserError, match="absent cannot be checked"):
        check_file(folder, "absent", "")
    (folder / CHECKSUMS).unlink()
    with pytest.raises(UserError, match="other cannot be checked"):
        check_file(folder, "other", "")
