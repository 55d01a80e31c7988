"""All that is written of a judgement, beside each other in one folder."""

from pathlib import Path

from repro.judge.declaration import NAME, write_declaration
from repro.judge.judgement import Judgement
from repro.judge.showing.badge import show_badge, show_endpoint
from repro.judge.showing.page import show_page
from repro.judge.showing.summary import show_markdown
from repro.storage import written_file

PAGE, SUMMARY, BADGE, ENDPOINT = "index.html", "summary.md", "badge.svg", "badge.json"


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
    for name, text in texts.items():
        with written_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    write_declaration(found.declared, folder / NAME)
    return [folder / name for name in (*texts, NAME)]
