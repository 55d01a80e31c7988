"""What stands in the place of an output: files and folders, or something that no run and no stage has made there.

Whoever opens a pipe to read it waits for ever, DVC among them; and a link that leads nowhere ends it.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def find_foreign(output: Path) -> Path | None:
    """Returns the first of a place and what is below it that is neither a file nor a folder; None: nothing."""
    if not os.path.lexists(output):
        return None
    below = (Path(root, name) for root, folders, files in os.walk(output) for name in (*folders, *files))
    return next((item for item in (output, *below) if not (item.is_file() or item.is_dir())), None)


def remove(output: Path) -> None:
    """Removes what stands in a place, whatever it is; of a link the link."""
    if output.is_dir() and not output.is_symlink():
        with suppress(FileNotFoundError):  # another process removes it as well
            shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)
