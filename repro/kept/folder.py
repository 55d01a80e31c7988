"""The folder of a study's report: its page, the evidence beside it, and the checksums of both."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from repro.audit.ledger.yaml_text import check_regular
from repro.audit.page.section import SECTIONS
from repro.checksums import CHECKSUMS
from repro.errors import UserError
from repro.kept.digests import find_changes, write_sums
from repro.kept.study import FOLDER, KeptStudy, read_study, write_study

PAGE: Final = "study_report.html"
MADE: Final = (PAGE, FOLDER, CHECKSUMS)
"""What this room writes into the folder of a report."""
REMEDY: Final = "`repro report STUDY` writes it, from the study's runs"
COMPUTING: Final = ("numpy", "pandas", "scipy", "statsmodels", "matplotlib")
"""What numbers and figures of a page are computed and drawn with."""
AUDIT_SECTIONS: Final = {section.name: section for section in SECTIONS}
"""By name: what can be rebuilt from kept rows; a case's own sections show its artefacts."""


def describe_statistics() -> dict[str, str]:
    """Returns versions and instructions that a page's last digits may depend on."""
    import numpy as np

    found: dict[str, str] = {"python": platform.python_version(), "machine": platform.machine()}
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})
    found["instructions"] = " ".join(simd.get("found", []))
    for package in COMPUTING:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write_report_evidence(folder: Path, kept: KeptStudy) -> None:
    """Writes the evidence into the folder of a report, and the checksums of evidence and page."""
    (folder / FOLDER).mkdir()
    for name, content in write_study(kept).items():
        (folder / FOLDER / name).write_bytes(content)
    (folder / CHECKSUMS).write_bytes(write_sums(_read(folder)))


def read_report(folder: Path) -> dict[str, bytes]:
    """Returns page and evidence of a kept report by name.

    Raises:
        UserError: something is missing, or no file.
    """
    if not (folder / PAGE).is_file():
        raise UserError(f"{folder} holds no report\n  {REMEDY}")
    if not (folder / CHECKSUMS).is_file() or not (folder / FOLDER).is_dir():
        raise UserError(f"{folder} keeps no evidence beside its page\n  {REMEDY}")
    try:
        return _read(folder)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror})") from None


def _read(folder: Path) -> dict[str, bytes]:
    files = [folder / PAGE, *sorted((folder / FOLDER).iterdir())]
    for file in files:
        check_regular(file, REMEDY)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def find_damage(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Returns what is not as it was when the report was written, one line for each file.

    Raises:
        UserError: the checksums are damaged themselves.
    """
    return find_changes((folder / CHECKSUMS).read_bytes(), files, CHECKSUMS)


def read_kept(files: dict[str, bytes], where: str) -> KeptStudy:
    """Returns the study that a report or a bundle keeps.

    Raises:
        UserError: a file is missing or broken.
    """
    prefix = f"{FOLDER}/"
    own = {name.removeprefix(prefix): content for name, content in files.items() if name.startswith(prefix)}
    return read_study(own, where)
