"""A bundle made of a kept report: all members, their description, their checksums, one archive."""

import getpass
import lzma
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from repro.bundle.archive import pack_archive
from repro.bundle.citation import FILE, read_citation
from repro.bundle.contents import CODE, METADATA, derive_members, describe_code, read_project, without_places
from repro.bundle.crate import describe_bundle
from repro.case import load_case
from repro.checksums import CHECKSUMS
from repro.errors import UserError
from repro.kept.digests import write_sums
from repro.kept.folder import PAGE, find_damage, read_kept, read_report
from repro.kept.study import KeptStudy
from repro.runs.code import code_files, hash_code, hash_module
from repro.storage import written_file


def export_bundle(report: Path, root: Path, output: Path) -> tuple[str, int]:
    """Writes the bundle of a study; returns its SHA-256 and the number of its bytes.

    Args:
        report: folder of its kept report.
        root: of the project.
        output: the archive, which is replaced.

    Raises:
        UserError: no report is kept, it is damaged, or the archive cannot be written.
    """
    members = collect_members(report, root)
    packed = pack_archive(members)
    try:
        with written_file(output) as partial:
            partial.write_bytes(packed)
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror})") from None
    return sha256(packed).hexdigest(), len(packed)


def collect_members(report: Path, root: Path) -> dict[str, bytes]:
    """Returns all members of the bundle of a kept report, by name.

    Raises:
        UserError: no report is kept, or it is damaged.
    """
    files = read_report(report)
    if changed := find_damage(report, files):
        raise UserError(f"{report} is not as it was written: {changed[0]}\n  `repro report STUDY` builds it again")
    places = _places(root)
    files = {name: _without_places(name, content, places) for name, content in files.items()}
    kept = read_kept(files, str(report))
    members = files | derive_members(kept, files[PAGE].decode())
    members[CODE] = _describe_code(kept)
    members |= read_project(root, kept.plan.study)
    members = {name: members[name] for name in sorted(members)}
    members[METADATA] = describe_bundle(kept, members, read_citation(members.get(FILE), kept.case))
    members[CHECKSUMS] = write_sums(members)
    return members


def _describe_code(kept: KeptStudy) -> bytes:
    """Returns the hashes of the runs' code and data; of single files where the working tree still has that code."""
    case, codes = load_case(), sorted({made.code for made in kept.made.values()})
    same = codes == [hash_code(case)]
    files = (
        {file.as_posix(): hash_module(file.read_text(encoding="utf-8")) for file in code_files(case)} if same else {}
    )
    inputs = list({tuple(sorted(made.inputs.items())): made.inputs for made in kept.made.values()}.values())
    return describe_code(" ".join(codes), files, inputs)


def _places(root: Path) -> dict[str, str]:
    """Returns the folders of this machine that a bundle does not tell, and what stands for each."""
    home = Path.home()
    found = {str(root.resolve()): "."}
    if home != Path("/"):
        found[str(home)] = "~"
    found.update({f"/home/{getpass.getuser()}": "~", f"/Users/{getpass.getuser()}": "~"})
    return found


def _without_places(name: str, content: bytes, places: Mapping[str, str]) -> bytes:
    if not name.endswith(".xz"):
        return without_places(content, places)
    text = lzma.decompress(content)
    told = without_places(text, places)
    return content if told == text else lzma.compress(told, preset=9 | lzma.PRESET_EXTREME)
