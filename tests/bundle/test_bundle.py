"""A bundle is a function of its content, tells nothing of its machine, and whatever is changed in it is found."""

import hashlib
import io
import json
import lzma
import os
import random
import stat
import zipfile
from pathlib import Path

import pytest
from kept_on_disk import make_kept, write_kept_report

from fault_table import Tried
from repro.bundle import archive
from repro.bundle.archive import pack_archive, read_archive
from repro.bundle.citation import read_citation
from repro.bundle.crate import describe_bundle
from repro.bundle.export import collect_members, export_bundle
from repro.bundle.verifying import check_bundle
from repro.checksums import CHECKSUMS
from repro.errors import UserError
from repro.kept.digests import write_sums
from repro.kept.folder import PAGE

METADATA = "ro-crate-metadata.json"
DAMAGES = 200


@pytest.fixture
def bundle(tmp_path: Path, members: dict[str, bytes]) -> Path:
    return write(tmp_path / "bundle.zip", members)


def write(file: Path, members: dict[str, bytes]) -> Path:
    file.write_bytes(pack_archive(members))
    return file


def sealed(members: dict[str, bytes], *described: str) -> dict[str, bytes]:
    """Returns members with new checksums, as a forger would write them, in the metadata as well of what is named."""
    others = {name: content for name, content in members.items() if name != CHECKSUMS}
    metadata = json.loads(others.pop(METADATA, b'{"@graph": []}'))
    for item in metadata["@graph"]:
        if item["@id"] in described:
            item["sha256"] = hashlib.sha256(others[item["@id"]]).hexdigest()
    if METADATA in members:
        others[METADATA] = json.dumps(metadata).encode()
    return others | {CHECKSUMS: write_sums(others)}


@pytest.mark.fault("clone")
def test_a_bundle_is_verified_from_itself_alone(bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    checked = check_bundle(bundle)
    assert not checked.changed
    assert checked.rebuilt is not None
    assert checked.rebuilt.agree > 100
    assert not checked.rebuilt.differences


@pytest.mark.fault("clone", bits=True)
def test_the_same_study_gives_the_same_bytes_from_any_folder(
    members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "another" / "folder"
    report = write_kept_report(other / "reports" / "studies" / "first", make_kept(other))
    monkeypatch.chdir(other)
    again = collect_members(report, Path())
    told = {name for name in members if members[name] != again[name]}
    # the time of planning stands in these, and is the only difference
    assert told <= {"evidence/plan.json", METADATA, CHECKSUMS, "README.md", PAGE, "study_report.ipynb"}
    assert pack_archive(again) == pack_archive(dict(reversed(again.items())))
    assert collect_members(report, Path()) == again


def test_no_place_of_the_machine_is_told(project: Path, members: dict[str, bytes]) -> None:
    places = [str(project), str(Path.home()), os.uname().nodename]
    for name, content in members.items():
        text = lzma.decompress(content) if name.endswith(".xz") else content
        assert not [place for place in places if len(place) > 5 and place.encode() in text], name
    assert b"no file ./data, 3 more" in members["evidence/runs.csv"]


def test_nothing_is_left_half_written(report: Path, in_project: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        export_bundle(report, in_project, tmp_path / "folder.zip")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.zip"]


def test_the_crate_describes_every_file_once(members: dict[str, bytes]) -> None:
    graph = {item["@id"]: item for item in json.loads(members[METADATA])["@graph"]}
    assert graph[METADATA]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    parts = {item["@id"] for item in graph["./"]["hasPart"]}
    assert parts == set(members) - {METADATA, CHECKSUMS}
    assert all(graph[name]["contentSize"] == str(len(members[name])) for name in parts)


def test_authors_licence_and_papers_are_those_of_the_project(kept, members: dict[str, bytes]) -> None:
    text = b"""
authors: [{name: repro contributors}]
license: Apache-2.0
references:
- title: On means
  type: conference-paper
  year: 1999
  conference: {name: ECCV}
  doi: 10.1/x
  authors: [{family-names: Liu, given-names: H.}]
"""
    citation = read_citation(text, "means")
    assert [paper.show() for paper in citation.papers] == ["H. Liu. On means. ECCV 1999."]
    graph = {item["@id"]: item for item in json.loads(describe_bundle(kept, members, citation))["@graph"]}
    assert graph["./"]["license"] == {"@id": "https://spdx.org/licenses/Apache-2.0"}
    assert graph[graph["./"]["author"]["@id"]]["name"] == "repro contributors"
    assert graph["./"]["citation"] == {"@id": "https://doi.org/10.1/x"}
    assert graph["https://doi.org/10.1/x"]["name"] == "On means"
    with pytest.raises(UserError, match=r"CITATION\.cff cannot be read"):
        read_citation(b"title: x", "means")


def find(file: Path) -> str:
    """Returns what is said of a bundle, whether it was refused or found changed; empty: nothing."""
    try:
        return "\n".join(check_bundle(file, numbers=False).changed)
    except UserError as error:
        return str(error)


@pytest.mark.fault("damage", "bundle")
def test_a_flipped_bit_is_found_in_every_member_and_named(
    bundle: Path, members: dict[str, bytes], tried: Tried
) -> None:
    whole = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as opened:
        starts = {info.filename: info.header_offset + 30 + len(info.filename) for info in opened.infolist()}
    for name, start in starts.items():
        damaged = bytearray(whole)
        damaged[start + len(members[name]) // 2] ^= 4
        bundle.write_bytes(damaged)
        assert name in find(bundle)
        tried()


@pytest.mark.fault("damage", "bundle")
def test_random_damage_is_found(bundle: Path, tried: Tried) -> None:
    """Bits flipped, bytes cut out, doubled or zeroed, ends cut off: wherever it falls, also between members."""
    whole, draw = bundle.read_bytes(), random.Random(7)
    for _ in range(DAMAGES):
        place, length = draw.randrange(len(whole)), draw.choice([1, 2, 16, 512])
        part = whole[place : place + length]
        other = {
            0: bytes([part[0] ^ (1 << draw.randrange(8))]) + part[1:],
            1: b"",
            2: part + part,
            3: bytes(255 - byte for byte in part),
        }[draw.randrange(4)]
        bundle.write_bytes(whole[:place] + other + whole[place + length :])
        assert find(bundle), (place, length)
        tried()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        bundle.write_bytes(whole[:length])
        assert find(bundle), length
        tried()


@pytest.mark.fault("damage", "bundle")
def test_members_that_are_added_removed_or_renamed_are_named(tmp_path: Path, members: dict[str, bytes]) -> None:
    name = "evidence/runs.csv"
    fewer = {other: content for other, content in members.items() if other != name}
    assert f"{name}: missing" in find(write(tmp_path / "b.zip", fewer))
    assert "more.txt: added" in find(write(tmp_path / "b.zip", members | {"more.txt": b""}))
    renamed = find(write(tmp_path / "b.zip", fewer | {"evidence/runs2.csv": members[name]}))
    assert f"{name}: missing" in renamed
    assert "evidence/runs2.csv: added" in renamed
    swapped = find(write(tmp_path / "b.zip", members | {name: members[PAGE], PAGE: members[name]}))
    assert f"{name}: changed" in swapped
    assert f"{PAGE}: changed" in swapped


@pytest.mark.fault("damage", "bundle")
def test_an_archive_that_was_packed_by_something_else_is_told(tmp_path: Path, members: dict[str, bytes]) -> None:
    for order in (sorted(members), sorted(members, reverse=True)):
        with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for name in order:
                packed.writestr(name, members[name])
        assert find(tmp_path / "b.zip").startswith("the archive: ")


@pytest.mark.fault("damage", "bundle")
@pytest.mark.parametrize("name", [PAGE, METADATA, "evidence/plan.json", "study.yaml"])
def test_what_is_taken_out_is_missed_also_with_new_checksums(
    tmp_path: Path, members: dict[str, bytes], name: str
) -> None:
    fewer = {other: content for other, content in members.items() if other != name}
    assert f"{name}: missing, though" in find(write(tmp_path / "b.zip", sealed(fewer)))


@pytest.mark.fault("damage", "bundle")
@pytest.mark.parametrize(
    "name", ["params.json", "study_report.ipynb", "environment.json", "README.md", "figures/curve-1.png"]
)
def test_a_forger_who_writes_new_checksums_has_to_change_all_that_follows(
    tmp_path: Path, members: dict[str, bytes], name: str
) -> None:
    forged = members | {name: members[name].replace(b"1", b"2", 1)}
    assert METADATA in find(write(tmp_path / "b.zip", sealed(forged)))
    assert find(write(tmp_path / "b.zip", sealed(forged, name))) == f"{name}: does not follow from evidence and page"


def raw(file: Path, *entries: tuple[str, bytes, int]) -> Path:
    """Writes an archive of entries: name, content and mode."""
    with zipfile.ZipFile(file, "w") as packed:
        for name, content, mode in entries:
            info = zipfile.ZipInfo("x" * len(name))
            info.external_attr = mode << 16
            packed.writestr(info, content)
    text = file.read_bytes()
    for name, _, _ in entries:
        text = text.replace(b"x" * len(name), name.encode())
    file.write_bytes(text)
    return file


FILE = stat.S_IFREG | 0o644


@pytest.mark.fault("damage", "bundle")
@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        ("../outside", FILE, "no file below its folder"),
        ("/etc/absolute", FILE, "no file below its folder"),
        ("a/../../outside", FILE, "no file below its folder"),
        ("C:\\windows", FILE, "no file below its folder"),
        ("back\\slash", FILE, "no file below its folder"),
        ("zero\x00.txt", FILE, "no file below its folder"),
        ("./dotted", FILE, "no file below its folder"),
        ("folder//twice", FILE, "no file below its folder"),
        ("a/folder/", FILE, "no file below its folder"),
        ("a-link", stat.S_IFLNK | 0o777, "a link or no plain file"),
        ("a-device", stat.S_IFCHR | 0o600, "a link or no plain file"),
    ],
)
def test_what_no_bundle_holds_is_refused_in_one_line(tmp_path: Path, name: str, mode: int, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read_archive(raw(tmp_path / "b.zip", (name, b"content", mode)))
    assert "\n" not in str(caught.value)


@pytest.mark.fault("damage", "bundle")
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    for other in ("one", "ONE"):
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
            packed.writestr("one", b"1")
            packed.writestr(other, b"2")
        with pytest.raises(UserError, match="twice"):
            read_archive(tmp_path / "b.zip")


@pytest.mark.fault("damage", "bundle")
def test_archives_that_expand_are_refused_before_they_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(2 << 20))
    assert (tmp_path / "b.zip").stat().st_size < 10_000
    with pytest.raises(UserError, match="unpacks to more than a bundle can be"):
        read_archive(tmp_path / "b.zip")
    lying = (tmp_path / "b.zip").read_bytes().replace((2 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    (tmp_path / "b.zip").write_bytes(lying)
    assert "zeros: damaged" in read_archive(tmp_path / "b.zip").damaged[0]
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    with pytest.raises(UserError, match="more than a bundle can be"):
        read_archive(write(tmp_path / "b.zip", {f"{i}.txt": b"" for i in range(4)}))


@pytest.mark.fault("damage", "bundle")
@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_told_in_a_line_or_two(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    assert 0 < len(find(tmp_path / "b.zip").splitlines()) <= 2


@pytest.mark.fault("damage", "bundle")
def test_an_encrypted_or_unknown_member_is_damage(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("a", b"content")
    text = bytearray(stream.getvalue())
    for head, flag in ((text.index(b"PK\x03\x04"), 6), (text.index(b"PK\x01\x02"), 8)):
        text[head + flag] |= 1
    (tmp_path / "b.zip").write_bytes(text)
    assert "a: damaged" in read_archive(tmp_path / "b.zip").damaged[0]


@pytest.mark.fault("damage", "bundle")
@pytest.mark.parametrize(
    ("field", "value"),
    [("levels", {}), ("variants", []), ("runs", []), ("declaration", {}), ("values", None), ("frozen", 7)],
)
def test_evidence_that_no_study_has_is_told_and_no_traceback(
    tmp_path: Path, members: dict[str, bytes], field: str, value: object
) -> None:
    name = "evidence/plan.json"
    forged = members | {name: json.dumps(json.loads(members[name]) | {field: value}).encode()}
    checked = check_bundle(write(tmp_path / "b.zip", sealed(forged, name)))
    assert checked.changed or (checked.rebuilt is not None and checked.rebuilt.differences)
    assert all("\n" not in line for line in checked.changed)
