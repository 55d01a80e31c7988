"""A notebook is run by papermill, in this very Python, and becomes one page that needs nothing from outside."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import repro
from repro.audit.ledger.values import shorten
from repro.errors import UserError
from repro.own_folder import passing_folder
from repro.storage import written_file

KERNEL_START_S = 600
"""How long a kernel may take to start; on a cold network disk the imports alone take minutes."""
LOG = "notebook.log"
"""What tells the whole of a failure is called, among what a project keeps of its work."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>{body}</main>
</body>
</html>
"""


def render_page(notebook: Path) -> str:
    """Returns a run notebook as one HTML page: outputs and text without code, style and pictures inside it."""
    import nbformat
    from nbconvert import HTMLExporter

    content: Any = nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs = [item for item in cell.outputs if item.output_type != "stream"]  # warnings of libraries
    exporter: Any = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]
    exporter.exclude_input, exporter.exclude_output_prompt, exporter.exclude_anchor_links = True, True, True
    body, _ = exporter.from_notebook_node(content)
    return fill_page(content.metadata["title"], body)


def fill_page(title: str, body: str) -> str:
    """Returns HTML of a title and a body as a page with its style inside."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return PAGE.format(title=title, style=style, body=body)


def run_notebook(source: Any, output: Path, log: Path) -> None:
    """Runs a notebook.

    Args:
        source: the notebook: its file, or the notebook itself.
        output: where it is written with its outputs.
        log: the file that tells the whole of a failure.

    Raises:
        UserError: one of its cells has failed, or no kernel has started, or it was ended.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    with passing_folder("repro-report") as folder, _own_kernel(folder):
        try:
            papermill.execute_notebook(
                source,
                output,
                cwd=Path.cwd(),
                kernel_name="python3",
                progress_bar=False,
                log_output=False,
                start_timeout=KERNEL_START_S,
            )
        except PapermillExecutionError as error:
            if error.ename == UserError.__name__:
                raise UserError(error.evalue) from None
            raise _failed(error, log) from None
        except RuntimeError as error:
            if str(error) == "Kernel died":  # while it ran, as papermill has it
                raise UserError(
                    f"{output}: Jupyter's kernel was ended while it ran, as happens where memory runs out\n"
                    "  end other programs, and run the same command again"
                ) from None
            if not str(error).startswith(("Kernel didn't respond", "Kernel died before")):
                raise
            raise UserError(
                f"{output}: Jupyter's kernel has not started ({error}; waited at most {KERNEL_START_S} s)\n"
                "  run the same command again: what has been read from a cold disk once starts faster;"
                " alone it starts by: python -m ipykernel_launcher"
            ) from None


def _failed(error: Any, log: Path) -> UserError:
    """Returns what a cell has raised as an error for the user, and keeps where it was raised in a file."""
    with written_file(log) as partial:
        partial.write_text(_COLOURS.sub("", str(error)), encoding="utf-8")
    return UserError(
        f"the notebook has failed in its cell {error.exec_count}: {error.ename}: {shorten(error.evalue)}\n"
        f"  the whole of it stands in {log}"
    )


@contextmanager
def _own_kernel(folder: Path) -> Iterator[None]:
    """Makes this very Python the kernel `python3`, whatever kernels and settings the user has installed."""
    kernel = folder / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
    kernel.write_text(json.dumps({"argv": command, "display_name": "Python 3", "language": "python"}))
    package = str(Path(repro.__file__).parents[1])
    changed = {
        "JUPYTER_PATH": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
