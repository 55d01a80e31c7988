"""Where the tracking store is, and how its address is shown: never with a password."""

import os
import re
from urllib.parse import quote, urlsplit

from repro import paths
from repro.errors import UserError

VARIABLE = "MLFLOW_TRACKING_URI"
OPTION = "--tracking-uri"
DATABASE = "sqlite:///"
SERVERS = ("http://", "https://")
_QUERY = re.compile(r"timeout=\d{1,4}(\.\d+)?", re.ASCII)
"""What may stand behind the name of a database: how long one waits for another program."""


def tracking_uri() -> str:
    """Returns the tracking store: MLFLOW_TRACKING_URI, or a database file in the project that the user works in."""
    return os.environ.get(VARIABLE) or f"{DATABASE}{quote(str(paths.home() / 'mlflow.db'))}"


def check_address(uri: str) -> None:
    """Checks that an address is that of a database or a server.

    Raises:
        UserError: it is neither, or no server can be found by it.
    """
    if not uri.startswith((DATABASE, *SERVERS)) or uri == DATABASE:
        raise UserError(
            f"{show_address(uri)}: neither a database nor a server\n"
            "  expected sqlite:///FILE or http(s)://HOST:PORT; unset it to log into mlflow.db in this project"
        )
    if not is_server(uri):
        file, _, query = uri.removeprefix(DATABASE).partition("?")
        if file.startswith((":memory:", "file:")) or (query and not _QUERY.fullmatch(query)):
            raise UserError(
                f"{show_address(uri)}: no address of a database file that can be opened\n"
                "  expected sqlite:///FILE or sqlite:///FILE?timeout=SECONDS"
            )
        return
    try:
        parts = urlsplit(without_password(uri))
        well_formed = bool(parts.hostname) and (parts.port is None or parts.port > 0) and not re.search(r"[?#]", uri)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise UserError(f"{show_address(uri)}: no address of a server\n  expected http(s)://HOST:PORT")


def show_address(uri: str) -> str:
    """Returns an address without its password, behind the name of what it was given in: the variable, or the option."""
    name = VARIABLE if os.environ.get(VARIABLE) == uri else OPTION
    return f"{name}={without_password(uri)}"


def is_server(uri: str) -> bool:
    """Tells whether a tracking store is a server, which other machines may write to as well."""
    return uri.startswith(SERVERS)


def without_password(uri: str) -> str:
    """Returns an address that may be shown: no user, no password, no query; also of an address that is malformed."""
    scheme, colon, rest = uri.partition("://") if "://" in uri else ("", "", uri)
    return scheme + colon + rest.rpartition("@")[2].partition("?")[0]
