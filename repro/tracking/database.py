"""The file of a tracking store that is an SQLite database: its address in SQLAlchemy's language, and what ails it.

Three programs read the address, each in its own way: SQLAlchemy takes `?` for a query and unescapes `%2F`, MLflow makes
the folders that it seems to name, and this project puts relative ones into the folder that the user works in.
"""

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote

from repro import paths
from repro.audit.ledger.yaml_text import check_regular
from repro.errors import UserError
from repro.refusals import LONGEST_PARTIAL, ROOM, check_file
from repro.tracking.address import DATABASE

PATIENCE_S = 20.0
"""How long another program may hold the database; as long as MLflow waits itself."""

LONGEST_PATH = 512 - 20 - LONGEST_PARTIAL
"""Bytes of a path that SQLite opens, less what its journal and a file that is half-written have more."""
VERSION_TABLE = "alembic_version"
"""What every database of MLflow holds."""


def database_file(uri: str) -> Path | None:
    """Returns the file of an SQLite address, None of another; a relative one lies in the project that is worked in."""
    if not uri.startswith(DATABASE):
        return None
    return paths.home() / unquote(uri.removeprefix(DATABASE).partition("?")[0])


def database_address(file: Path, query: str = "") -> str:
    """Returns the address by which SQLAlchemy opens a file, and MLflow makes no folder.

    Args:
        file: absolute.
        query: of the address, e.g. timeout=30.

    Raises:
        UserError: there is none for this name.

    Example:
        >>> database_address(Path("/audits/why?/mlflow.db"))
        'sqlite:///%2Faudits%2Fwhy%3F%2Fmlflow.db'
    """
    from sqlalchemy.engine import make_url

    for name in (str(file), quote(str(file), safe="")):
        if make_url(f"{DATABASE}{name}").database == str(file):
            return f"{DATABASE}{name}?{query}" if query else f"{DATABASE}{name}"
    raise UserError(f"{file}: SQLAlchemy cannot open a database in a folder of this name\n  rename the folder")


def check_database(file: Path, *, writes: bool = True) -> None:
    """Checks within seconds what MLflow would try again for two minutes; a database that is not there can be made.

    Args:
        file: absolute.
        writes: whether something is going to be logged.

    Raises:
        UserError: another program holds it, it is no database, or it may not be read or written.
    """
    check_regular(file, "expected a database, or nothing, where one is made")
    if len(os.fsencode(file)) > LONGEST_PATH:
        raise UserError(
            f"{file.parent}: SQLite opens no database below a path of more than {LONGEST_PATH} bytes\n"
            "  move the project, or name a file elsewhere"
        )
    if writes or not file.exists():
        check_file(file)
    if not file.is_file():
        return
    address = f"{file.as_uri()}?mode={'rw' if writes else 'ro'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_S, isolation_level=None)) as connection:
            if writes:
                connection.execute("BEGIN IMMEDIATE")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master").fetchall()}
    except sqlite3.Error as error:
        raise explain(file, error) from None
    if tables and VERSION_TABLE not in tables:  # MLflow would put its own beside them
        raise UserError(f"{file} is another program's database, with the table {min(tables)!r}\n  name another file")


def explain(file: Path, error: Exception) -> UserError:
    """Returns what a database has raised, as an error for the user; only what is no database is to be moved away."""
    said = re.split(r" ?\[SQL:| ?\(Background on", " ".join(str(error).split()))[0][:200]
    again = "what was run is kept; then: repro publish"
    if re.search(r"database( table)? is (locked|busy)", said):
        return UserError(f"{file} is locked: another program is writing to it\n  end that program; {again}")
    if "is full" in said:
        return UserError(f"{file} cannot be written ({said})\n  {ROOM}; {again}")
    if re.search(r"readonly database|unable to open|disk I/O|[Pp]ermission", said):
        return UserError(f"{file} cannot be written ({said})\n  make it and its folder writable; {again}")
    if re.search(r"not a database|malformed|no such (table|column)|schema|revision", said):
        return UserError(
            f"{file} is no database of this MLflow ({said})\n  move it away, and make it again: repro publish"
        )
    return UserError(f"{file}: MLflow says: {said}")
