"""Commands that let anybody check a study: `verify` and `export`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro import paths
from repro.errors import UserError
from repro.extras import require
from repro.refusals import check_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from repro.kept.page import SectionText
    from repro.kept.rebuilding import Rebuilt

    Pages = dict[str, Mapping[str, SectionText]]
    """What was rebuilt of kept pages, by study and section."""

DIFFERENT, CANNOT = 1, 2
BUNDLE = ".zip"
_MOST_PASSAGES = 5


class Checklist(StrEnum):
    """What a replication package is submitted with."""

    NEURIPS = "neurips"
    ACM = "acm"
    MLRC = "mlrc"


def verify(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY|BUNDLE [BUNDLE]]", help="None: all kept reports, and the README's figures."),
    ] = None,
    rerun: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Make K runs of the study again, drawn.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw of runs.")] = 0,
) -> None:
    """Rebuild every number from kept rows. Exit status: 0 all agree, 1 some differ, 2 it cannot be told."""
    named = what or []
    bundles = [Path(item) for item in named if _is_bundle(item)]
    if rerun is not None and (len(named) != 1 or bundles):
        raise UserError("--rerun makes runs of one study of this project again\n  repro verify STUDY --rerun K")
    if len(named) > 2 or (len(named) == 2 and len(bundles) < 2):
        raise UserError("expected one study, one bundle, or two bundles to compare")
    if rerun is not None:
        _end(_rerun(_name(named[0]), rerun, seed))
    elif len(bundles) == 2:
        _end(_compare(*bundles))
    elif bundles:
        _end(_verify_bundle(bundles[0]))
    elif named:
        _end(_verify_report(_name(named[0])))
    else:
        _end(_verify_all())


def export(
    study: Annotated[Path, typer.Argument(help="A study whose report is kept, e.g. ablations/screening.yaml.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: STUDY.zip or STUDY-CHECKLIST.md.")
    ] = None,
    checklist: Annotated[Checklist | None, typer.Option(help="A checklist instead, filled as far as can be.")] = None,
) -> None:
    """Write a study as one file that anybody can verify: an RO-Crate, or what evidence answers of a checklist."""
    require("study")
    name = _name(str(study))
    report = paths.STUDY_REPORTS / name
    if checklist is not None:
        from repro.bundle.checklist import write_checklist

        file = output or Path(f"{name}-{checklist.value}.md")
        check_file(file)
        answered, asked = write_checklist(report, Path(), checklist.value, file)
        _say(f"wrote {file}: {answered} of {asked} items answered by evidence, the others marked open")
        return
    from repro.bundle.export import export_bundle

    file = output or Path(f"{name}{BUNDLE}")
    check_file(file)
    digest, size = export_bundle(report, Path(), file)
    _say(f"wrote {file}: {size / 1e6:.1f} MB, SHA-256 {digest}\ncheck it anywhere: repro verify {file.name}")


def _is_bundle(item: str) -> bool:
    """Tells whether somebody means a file: it is called like a bundle, or there is one that declares no study."""
    return item.endswith(BUNDLE) or (Path(item).suffix not in (".yaml", ".yml") and Path(item).is_file())


def _name(study: str) -> str:
    from repro.audit.study.declaration import study_name

    return study_name(Path(study))


def _say(text: str) -> None:
    """Prints text that may come from a stranger's file: nothing in it commands the terminal."""
    print("".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text))


def _end(status: int) -> None:
    if status:
        raise SystemExit(status)


def _verify_all() -> int:
    """Verifies every kept report, then what the README quotes from them and from the case's own figures."""
    folders = sorted(file.parent for file in paths.STUDY_REPORTS.glob("*/study_report.html"))
    if not folders:
        raise UserError(f"no report is kept below {paths.STUDY_REPORTS}\n  `repro report STUDY` builds one")
    pages: Pages = {}
    statuses = [_try(folder.name, pages) for folder in folders]
    statuses.append(_verify_readme(pages))
    return DIFFERENT if DIFFERENT in statuses else max(statuses)


def _try(study: str, pages: "Pages") -> int:
    try:
        return _verify_report(study, pages)
    except UserError as error:
        _say(f"{study}: cannot be verified: {error}")
        return CANNOT


def _verify_report(study: str, pages: "Pages | None" = None) -> int:
    """Verifies a kept report, and adds what was rebuilt of it to pages; returns the exit status."""
    from repro.kept.folder import PAGE, find_damage, read_kept, read_report
    from repro.kept.rebuilding import rebuild

    folder = paths.STUDY_REPORTS / study
    files = read_report(folder)
    changed = find_damage(folder, files)
    for line in changed:
        _say(f"{study}: {line}")
    rebuilt = rebuild(files[PAGE].decode(errors="replace"), read_kept(files, str(folder)))
    if pages is not None:
        pages[study] = rebuilt.sections
    return max(_tell(study, rebuilt), DIFFERENT if changed else 0)


def _verify_readme(pages: "Pages") -> int:
    """Verifies what the README quotes; a page that has been rebuilt already is not rebuilt again."""
    from repro.bundle.readme import find_quoted, find_unfounded, read_lines
    from repro.kept.folder import read_kept, read_report
    from repro.kept.page import read_section
    from repro.kept.rebuilding import rebuild_sections

    file = Path("README.md")
    if not file.is_file():
        return 0
    text = file.read_text(encoding="utf-8", errors="replace")
    lacking = [line for line in read_lines() if line not in text and line not in " ".join(text.split())]
    for line in lacking:
        _say(f"{file} lacks what its figures say: {line}")

    def sections(study: str) -> "Mapping[str, SectionText]":
        if study in pages:
            return pages[study]
        folder = paths.STUDY_REPORTS / study
        subject = read_kept(read_report(folder), str(folder)).analyse()
        return {name: read_section(source) for name, source in rebuild_sections(subject).items()}

    quoted = find_quoted(text)
    try:
        unfounded = find_unfounded(quoted, sections)
    except UserError as error:
        _say(f"{file}: cannot be verified: {error}")
        return DIFFERENT if lacking else CANNOT
    for line in unfounded:
        _say(f"{file}, {line}")
    _say(f"{file}: {len(quoted) - len(unfounded)} of {len(quoted)} quoted numbers stand on rebuilt pages")
    return DIFFERENT if lacking or unfounded else 0


def _verify_bundle(file: Path) -> int:
    from repro.bundle.verifying import check_bundle

    checked = check_bundle(file)
    for line in checked.changed:
        _say(f"{file.name}: {line}")
    status = _tell(file.name, checked.rebuilt) if checked.rebuilt is not None else DIFFERENT
    return DIFFERENT if checked.changed else status


def _compare(one: Path, other: Path) -> int:
    from repro.bundle.agreement import compare_bundles

    agreement = compare_bundles(one, other)
    _say("\n".join(agreement.lines))
    return 0 if agreement.holds else DIFFERENT


def _rerun(study: str, count: int, seed: int) -> int:
    require("study")
    from repro.bundle.rerun import rerun_study

    return 0 if rerun_study(study, count, seed, _say) else DIFFERENT


def _tell(name: str, rebuilt: "Rebuilt") -> int:
    """Says how a page stands to its rows; returns the exit status."""
    from repro.audit.counted import count_of
    from repro.audit.ledger.values import shorten

    for item in rebuilt.differences:
        _say(f"{name}: {item.where}: kept {item.kept}, rebuilt {item.rebuilt}")
    for item in rebuilt.rounded:
        _say(f"{name}: {item.where}: kept {item.kept}, rebuilt {item.rebuilt}, by one in the last digit")
    for item in rebuilt.reworded[:_MOST_PASSAGES]:
        kept, now = shorten(item.kept), shorten(item.rebuilt)
        _say(f'{name}: {item.where}: worded otherwise: kept "{kept}", rebuilt "{now}"')
    total = rebuilt.agree + len(rebuilt.differences) + len(rebuilt.rounded)
    said = f"{name}: {rebuilt.agree} of {total} numbers and verdicts rebuilt, {rebuilt.pictures} pictures to the byte"
    if rebuilt.redrawn:
        said += f", {len(rebuilt.redrawn)} not compared as other versions drew them"
    if rebuilt.reworded:
        said += f"; {count_of(len(rebuilt.reworded), 'passage')} worded otherwise than this version does"
    if rebuilt.unseen:
        said += f"; made by the case from artefacts, not from rows: {', '.join(rebuilt.unseen)}"
    _say(said)
    for line in rebuilt.elsewhere if rebuilt.rounded or rebuilt.redrawn or rebuilt.differences else ():
        _say(f"  {line}")
    return DIFFERENT if rebuilt.differences else 0


COMMANDS = (verify, export)
