"""A number with its noun, as sentences on runs need it."""


def count_of(number: float, noun: str) -> str:
    """Returns a number with its noun.

    Example:
        >>> count_of(1, "run"), count_of(2, "run")
        ('1 run', '2 runs')
    """
    return f"{int(number)} {noun}{'s' * (int(number) != 1)}"
