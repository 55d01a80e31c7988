"""Long tables of many runs as small text: a line for what was measured, a column for each run, compressed.

Units, metrics and protocols stand once instead of once a run, and a value as the run wrote it, so that a number that is
read back is the very same. The bytes depend on the content alone.
"""

import csv
import io
import lzma
from itertools import chain
from typing import Final

import numpy as np
import pandas as pd

from repro.errors import UserError
from repro.kept.values import show

ABSENT: Final = "-"
"""Stands where a run did not measure what the line says; nothing stands where it measured and got no number."""
RUN, VALUE = "run", "value"
MOST_BYTES: Final = 1 << 30
"""Of a table once it is unpacked; an archive that grows further is none of ours."""


def pack_table(table: pd.DataFrame) -> bytes:
    """Returns a long table as compressed text.

    Args:
        table: columns `run` and `value` (float); all others say what was measured. A run has each line once.
    """
    keys = [str(name) for name in table if name not in (RUN, VALUE)]
    runs = list(dict.fromkeys(table[RUN]))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*keys, *runs])
    if runs:
        lines = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
        firsts = np.unique(lines, return_index=True)[1]
        cells = np.full((len(firsts), len(runs)), ABSENT, dtype=object)
        cells[lines, pd.Index(runs).get_indexer(table[RUN])] = [show(value) for value in table[VALUE]]
        told = table[keys].iloc[firsts].itertuples(index=False)
        writer.writerows([*map(_show_key, key), *values] for key, values in zip(told, cells, strict=True))
    return lzma.compress(stream.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME)


def unpack_table(packed: bytes, name: str) -> pd.DataFrame:
    """Returns the long table, the runs in their order and the lines of each in theirs.

    Args:
        packed: of `pack_table`.
        name: of the file, for the message.

    Raises:
        UserError: it is no such table.
    """
    try:
        text = _decompress(packed).decode()
        header = next(csv.reader(io.StringIO(text)))
        wide = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=dict.fromkeys(_runs_of(header), str))
        return _lengthen(wide, _runs_of(header))
    except (lzma.LZMAError, EOFError, ValueError, StopIteration, csv.Error) as error:
        raise UserError(f"{name} is no table of runs ({error})") from None


def _show_key(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _runs_of(header: list[str]) -> list[str]:
    """Returns which columns are runs: those behind `metric`, which is the last that says what was measured."""
    return header[header.index("metric") + 1 :]


def _lengthen(wide: pd.DataFrame, runs: list[str]) -> pd.DataFrame:
    keys = [name for name in wide if name not in runs]
    there = [np.flatnonzero((wide[run] != ABSENT).to_numpy()) for run in runs]
    texts = chain.from_iterable(wide[run].to_numpy()[lines] for run, lines in zip(runs, there, strict=True))
    # by the parser that reads the tables of runs, whose last bit is not always the nearest
    values = pd.read_csv(
        io.StringIO("\n".join([VALUE, *(str(text) or '""' for text in texts)])),
        keep_default_na=False,
        na_values=[""],
        dtype={VALUE: float},
    )
    places = np.concatenate([*there, np.array([], dtype=np.intp)])
    table = wide[keys].iloc[places].reset_index(drop=True)
    table.insert(0, RUN, np.repeat(np.array(runs, dtype=object), [len(lines) for lines in there]))
    table[VALUE] = values[VALUE].to_numpy(dtype=float)
    return table


def _decompress(packed: bytes) -> bytes:
    reader = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    text = reader.decompress(packed, max_length=MOST_BYTES)
    if not reader.eof or reader.unused_data:
        raise ValueError("it goes on, ends early, or is larger than a table of runs can be")
    return text
