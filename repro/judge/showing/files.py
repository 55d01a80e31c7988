"""All that is written of a judgement, beside each other in one folder."""

from pathlib import Path

from repro.errors import UserError
from repro.judge.declaration import NAME, write_declaration
from repro.judge.judgement import Judgement
from repro.judge.showing.badge import show_badge, show_endpoint
from repro.judge.showing.page import show_page
from repro.judge.showing.summary import show_markdown
from repro.storage import written_file

PAGE, SUMMARY, BADGE, ENDPOINT = "index.html", "summary.md", "badge.svg", "badge.json"


def check_files(folder: Path) -> None:
    """Checks, before the work, that what would be replaced in a folder was written by this.

    Raises:
        UserError: one of the files that people call alike is there, and not what is written first beside it.
    """
    foreign = [name for name in (PAGE, SUMMARY, BADGE) if (folder / name).exists()]
    if foreign and not (folder / ENDPOINT).exists():
        raise UserError(
            f"{folder / foreign[0]} was not made by this command, and would be replaced\n  name another folder: --out"
        )


def write_files(found: Judgement, folder: Path) -> list[Path]:
    """Writes page, summary, badge and declaration; nothing before all of them are made.

    Returns:
        The files, the page first.
    """
    texts = {
        PAGE: show_page(found),
        SUMMARY: f"{show_markdown(found)}\n",
        BADGE: show_badge(found),
        ENDPOINT: show_endpoint(found),
    }
    write_declaration(found.declared, folder / NAME)  # first what tells that the folder, and the others, are ours
    for name, text in reversed(texts.items()):
        with written_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in (*texts, NAME)]
