"""The exceptions that a user is meant to read: what is wrong, where, what was expected, how to mend it."""


class UserError(Exception):
    """Something that the user can put right; shown without a traceback, with exit status 2."""


class DivergedError(UserError):
    """A training whose numbers are no longer finite: a result of its params, not a fault of the program."""
