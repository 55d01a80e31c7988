"""One limit of time for all that asking somebody takes: names, connections, and an answer that drips byte by byte."""

import threading
from collections.abc import Callable
from queue import Empty, Queue
from typing import TypeVar

Answer = TypeVar("Answer")


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Returns what a function returns, and raises what it raises, if that takes no longer in all.

    The limits of sockets hold for each of many steps, and none for the look-up of a name. What takes too long is left
    alone, in a thread that ends with the process.

    Raises:
        TimeoutError: it takes longer.

    Example:
        >>> within(5, lambda: 3)
        3
    """
    answers: Queue[tuple[Answer | None, BaseException | None]] = Queue()

    def answer() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=answer, daemon=True).start()
    try:
        found, error = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"it takes longer than {seconds:g} s") from None
    if error is not None:
        raise error
    return found  # type: ignore[return-value]  # what was asked for, as there was no error
