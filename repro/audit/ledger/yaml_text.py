"""YAML that anybody may have written, as plain values: what recurses, expands or is no YAML is refused in one line.

An alias costs a few bytes and stands for as much as its anchor holds, itself included; so values are counted as they
will be walked, while they are composed, and the text is left as soon as they are too many or too deep.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import Node

from repro.audit.ledger.values import shorten
from repro.errors import UserError

MOST_BYTES = 256 * 1024
"""Of a file, some seconds of reading; the longest that ships has a thirtieth of it."""
MOST_DEPTH = 40
MOST_VALUES = 50_000
"""With all that aliases stand for."""


class _TooMuchError(Exception):
    """Values that no declaration needs; the message says which."""


class _BoundedComposer(Composer):
    """Counts what it composes."""

    _depth = _values = 0

    def compose_node(self, parent: Any, index: Any) -> Node:
        """Returns a node; see the class above."""
        sizes: dict[int, int] = self.__dict__.setdefault("_sizes", {})
        alias, before = self.parser.check_event(AliasEvent), self._values
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _TooMuchError(f"nested more than {MOST_DEPTH} deep")
        node: Node = super().compose_node(parent, index)
        self._depth -= 1
        if alias and id(node) not in sizes:
            raise _TooMuchError(f"an alias stands inside what it stands for, in line {node.start_mark.line + 1}")
        self._values += sizes[id(node)] if alias else 1
        if self._values > MOST_VALUES:
            raise _TooMuchError(f"it holds more than {MOST_VALUES:,} values, counting what its aliases stand for")
        if not alias:
            sizes[id(node)] = self._values - before
        return node


def read_yaml(file: Path, *, comments: bool = False) -> Any:
    """Returns the values of a YAML file.

    Args:
        file: of at most `MOST_BYTES`.
        comments: whether they are kept, to write the file again.

    Raises:
        UserError: it cannot be read, is no YAML, or holds more than can be meant; one line, in the file's name.
    """
    return parse_yaml(read_text(file), str(file), comments=comments)


def read_text(file: Path) -> str:
    """Returns the text of a file that people write by hand.

    Raises:
        UserError: it is missing, no regular file (which may never end), too long, or no UTF-8.
    """
    try:
        check_regular(file, "expected a YAML file")
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UserError(f"{file} has more than {MOST_BYTES // 1024} KiB: it is no file of parameters or a study")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{shorten(str(file))} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is no YAML: byte {error.start} is no UTF-8") from None
    except ValueError as error:  # a zero byte in the name
        raise UserError(f"{str(file)!r} cannot be read ({error})") from None


def check_regular(file: Path, expected: str) -> None:
    """Checks that what is there is a file, which ends when it is read; one that is missing is not checked.

    Args:
        file: to be read.
        expected: a short sentence, for the message.

    Raises:
        UserError: it is a folder, a pipe or a device.
    """
    if file.exists() and not file.is_file():
        raise UserError(f"{file} is {'a folder' if file.is_dir() else 'no regular file'}; {expected}")


def parse_yaml(text: str, origin: str, *, comments: bool = False) -> Any:
    """Returns the values of a text in YAML.

    Args:
        text: one document.
        origin: what it is called in the message.
        comments: as of `read_yaml`.

    Raises:
        UserError: it is no YAML, or holds more than can be meant.

    Example:
        >>> parse_yaml("a: {b: [1, x]}", "a text")
        {'a': {'b': [1, 'x']}}
    """
    yaml = YAML() if comments else YAML(typ="safe", pure=True)
    yaml.Composer = _BoundedComposer
    with _explain(origin):
        return yaml.load(text)


@contextmanager
def _explain(origin: str) -> Iterator[None]:
    try:
        yield
    except _TooMuchError as error:
        raise UserError(f"{origin}: {error}") from None
    except RecursionError:
        raise UserError(f"{origin}: nested too deep") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise UserError(f"{origin} is no YAML: {shorten(str(error.problem or error.context))}{where}") from None
    except Exception as error:  # constructors raise whatever a text makes them: no number, no date, no such index
        raise UserError(f"{origin} is no YAML: {shorten(str(error)) or type(error).__name__}") from None
