"""A variant in the words of `dvc exp run -S`: what is started is what was checked, or nothing is.

DVC gives each override to Hydra, whose grammar reads more than YAML does: `a,b` is a sweep, `${x}` an interpolation,
`1:2` stays text. Overrides are therefore written from the checked values, quoted in that grammar, and tried with DVC's
own code on a copy of the params file before anything starts.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from repro.audit.ledger.parsing import Tree, parse_tree, read_values
from repro.audit.ledger.values import flatten, show_value
from repro.errors import UserError

_WORDS = ("null", "true", "false", "inf", "nan")
"""What Hydra takes for something other than text."""


def write_overrides(checked: BaseModel, keys: Iterable[str], file: Path) -> list[str]:
    """Returns what `-S` is given for some keys of a checked variant.

    Args:
        checked: the variant.
        keys: dotted, as the user has named them; a group stands for all that is in it.
        file: the params file that DVC is going to change.

    Raises:
        UserError: a stage would read another variant from what DVC writes.
    """
    wanted = flatten(checked.model_dump(mode="json"))
    named = [key for name in keys for key in wanted if key == name or key.startswith(f"{name}.")]
    overrides = [f"{key}={quote_hydra(wanted[key])}" for key in named]
    try:
        written = flatten(_as_dvc_writes(type(checked), file, overrides).model_dump(mode="json"))
        said = [f"{key} would be {show_value(written[key])!r}" for key in wanted if written[key] != wanted[key]]
    except UserError as error:
        said = [str(error).splitlines()[0]]
    if said:
        raise UserError(
            f"{' '.join(overrides)}: `dvc exp run -S` cannot carry this; {said[0]}\n"
            f"  write it into {file}, then: dvc exp run"
        )
    return overrides


def quote_hydra(value: Any) -> str:
    r"""Returns a value in the grammar of Hydra's overrides, so that it is read as itself.

    Source: Hydra 1.3, "Override grammar, basic": inside quotes a quote, and backslashes before it, are escaped.

    Example:
        >>> quote_hydra("a,b"), quote_hydra([3, 5]), quote_hydra(None), quote_hydra("it's")
        ("'a,b'", '[3,5]', 'null', "'it\\'s'")
    """
    match value:
        case None | bool() | int() | float():
            return json.dumps(value)
        case list() | tuple():
            return "[" + ",".join(map(quote_hydra, value)) + "]"
        case _:
            if re.fullmatch(r"[A-Za-z_][\w./-]*", value, re.ASCII) and value.lower() not in _WORDS:
                return str(value)
            escaped = re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(value))
            return f"'{escaped}'"


def _as_dvc_writes(tree: type[Tree], file: Path, overrides: list[str]) -> Tree:
    """Returns the params that a stage reads from what DVC's own code makes of a params file.

    Raises:
        UserError: DVC refuses, or they are not allowed.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides
    from omegaconf.errors import OmegaConfBaseException

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        shutil.copyfile(file, copy)
        try:
            apply_overrides(copy, overrides)
        except (DvcException, OmegaConfBaseException) as error:
            raise UserError(f"DVC: {' '.join(str(error.__cause__ or error).split())[:120]}") from None
        return parse_tree(tree, read_values(copy), str(file))
