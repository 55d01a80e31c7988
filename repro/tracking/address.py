"""Where the tracking store is, and how its address is shown: never with a password."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from repro import paths
from repro.errors import UserError

VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE = "sqlite:///"
SERVERS = ("http://", "https://")


def tracking_uri() -> str:
    """Returns the tracking store: MLFLOW_TRACKING_URI, or a database file in the project that the user works in."""
    return os.environ.get(VARIABLE) or f"{DATABASE}{paths.home() / 'mlflow.db'}"


def check_address(uri: str) -> None:
    """Checks that an address is that of a database or a server.

    Raises:
        UserError: it is neither, or no server can be found by it.
    """
    if not uri.startswith((DATABASE, *SERVERS)) or uri == DATABASE:
        raise UserError(
            f"{VARIABLE}={without_password(uri)}: neither a database nor a server\n"
            "  expected sqlite:///FILE or http(s)://HOST:PORT; unset it to log into mlflow.db in this project"
        )
    if not is_server(uri):
        return
    try:
        parts = urlsplit(without_password(uri))
        well_formed = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise UserError(f"{VARIABLE}={without_password(uri)}: no address of a server\n  expected http(s)://HOST:PORT")


def is_server(uri: str) -> bool:
    """Tells whether a tracking store is a server, which other machines may write to as well."""
    return uri.startswith(SERVERS)


def without_password(uri: str) -> str:
    """Returns an address that may be shown: no user, no password, no query; also of an address that is malformed."""
    scheme, colon, rest = uri.partition("://") if "://" in uri else ("", "", uri)
    return scheme + colon + rest.rpartition("@")[2].partition("?")[0]


@contextmanager
def explain_refusals(uri: str) -> Iterator[None]:
    """Turns what a server refuses into an error for the user that does not show the password.

    Raises:
        UserError: the server refuses access (401, 403), or cannot do what it is asked for.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not is_server(uri):
            raise
        shown = f"{VARIABLE}={without_password(uri)}"
        if error.error_code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"):
            raise UserError(
                f"{shown}: the server refuses access ({error.error_code})\n"
                "  set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to an account that may write there"
            ) from None
        raise UserError(f"{shown}: {_hide_password(uri, ' '.join(str(error).split()))[:300]}") from None


def _hide_password(uri: str, text: str) -> str:
    account = uri.partition("://")[2].rpartition("@")[0]
    password = account.partition(":")[2]
    for secret in filter(None, (account, unquote(account), password, unquote(password))):
        text = text.replace(secret, "***")
    return text
