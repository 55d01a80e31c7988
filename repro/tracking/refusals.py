"""What a tracking store refuses, as an error for the user, without the password."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from repro.errors import UserError
from repro.tracking.address import show_address
from repro.tracking.database import database_file, explain

NO_SERVER = "is it a server of MLflow, and is it well? its own log says more"


@contextmanager
def explain_refusals(uri: str) -> Iterator[None]:
    """Turns what a store refuses into an error for the user that does not show the password.

    Raises:
        UserError: the server refuses access (401, 403), or cannot do what it is asked for; the database is locked,
            cannot be written, or is none.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        database = database_file(uri)
        if database is not None:
            raise explain(database, error) from None
        shown = show_address(uri)
        if isinstance(error, MlflowException) and error.error_code in (
            "UNAUTHENTICATED",
            "CUSTOMER_UNAUTHORIZED",
            "PERMISSION_DENIED",
        ):
            raise UserError(
                f"{shown}: the server refuses access ({error.error_code})\n"
                "  set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to an account that may write there"
            ) from None
        said = _hide_password(uri, " ".join(str(error).split()))[:300]
        raise UserError(f"{shown}: {said}\n  {NO_SERVER}") from None


def _hide_password(uri: str, text: str) -> str:
    account = uri.partition("://")[2].rpartition("@")[0]
    password = account.partition(":")[2]
    for secret in filter(None, (account, unquote(account), password, unquote(password))):
        text = text.replace(secret, "***")
    return text
