"""A number with its noun, as sentences need it."""


def count_of(number: float, noun: str) -> str:
    """Returns a whole number with its noun, which gets the plural's ending.

    Example:
        >>> count_of(1, "run"), count_of(2, "run"), count_of(3, "batch")
        ('1 run', '2 runs', '3 batches')
    """
    ending = "" if int(number) == 1 else "es" if noun.endswith("ch") else "s"
    return f"{int(number)} {noun}{ending}"
