"""Pins every package, transitive ones too, without any address: by version in pyproject.toml, beside it by hash.

`python .ci/pin.py` writes what the lock file says, `python .ci/pin.py --upgrade` what is newest. The lock file
itself names the registry that it was made with, so it stays out of git; requirements.lock, with the SHA-256 of every
archive, does not: `uv pip install --require-hashes -r requirements.lock`.
"""

import re
import subprocess
import sys
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BLOCK = re.compile(r"constraint-dependencies = \[\n.*?^\]\n", re.DOTALL | re.MULTILINE)
EXPORT = ("--all-extras", "--all-groups", "--no-emit-project", "--no-annotate", "--no-header")
LOCK = PYPROJECT.with_name("requirements.lock")
LOCK_HEAD = "# Written by .ci/pin.py: every package of all extras and groups, with the SHA-256 of its archives.\n"


def main() -> None:
    """Rewrites the block of pins."""
    text = PYPROJECT.read_text()
    if "--upgrade" in sys.argv:
        PYPROJECT.write_text(BLOCK.sub("constraint-dependencies = [\n]\n", text))
    _uv("lock", *(["--upgrade"] if "--upgrade" in sys.argv else []))
    pins = [line.strip() for line in _uv("export", "--frozen", *EXPORT, "--no-hashes").splitlines() if "==" in line]
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    PYPROJECT.write_text(BLOCK.sub(lambda _: f"constraint-dependencies = [\n{lines}]\n", text))
    LOCK.write_text(LOCK_HEAD + _uv("export", *EXPORT))  # after the pins, which it follows
    print(f"{len(pins)} pins written")


def _uv(*arguments: str) -> str:
    command = ["uv", *arguments]
    return subprocess.run(command, cwd=PYPROJECT.parent, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
