"""Parcels: what goes in comes out, and nothing gets out of its folder."""

import io
import tarfile

import pytest

from repro.errors import UserError
from repro.runs.archives import pack, unpack


def test_a_folder_comes_back_as_it_was(tmp_path) -> None:
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "file.bin").write_bytes(bytes(range(256)))
    (tmp_path / "from" / "empty.txt").write_text("")
    unpack(pack(tmp_path / "from"), tmp_path / "to")
    assert (tmp_path / "to" / "deep" / "file.bin").read_bytes() == bytes(range(256))
    assert (tmp_path / "to" / "empty.txt").read_text() == ""


def archive_of(member: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        good = tarfile.TarInfo("good.txt")
        archive.addfile(good, io.BytesIO())
        archive.addfile(member, io.BytesIO(b"x" * member.size))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.fault("damage", "parcel")
@pytest.mark.parametrize(
    "bad",
    [
        member("../outside.txt"),
        member("deep/../../outside.txt"),
        member("/tmp/outside.txt"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.LNKTYPE, "../outside.txt"),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda bad: f"{bad.name} {bad.type.decode()}",
)
def test_an_archive_that_reaches_out_is_refused_whole(tmp_path, bad: tarfile.TarInfo) -> None:
    with pytest.raises(UserError, match="no file below its folder"):
        unpack(archive_of(bad), tmp_path / "to")
    assert not list(tmp_path.rglob("*.txt"))


@pytest.mark.fault("damage", "parcel")
def test_what_is_no_archive_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="no archive"):
        unpack(b"not an archive", tmp_path)
