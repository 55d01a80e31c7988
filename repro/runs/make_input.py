"""Stage: makes an input that runs share, from the params that `repro sweep` has written for it.

Run as `python -m repro.runs.make_input NAME KEY [NEEDED=KEY ...]`; no two processes make the same input.
"""

import sys
from pathlib import Path

from repro import paths
from repro.case import import_attribute, load_case
from repro.processes import alone
from repro.refusals import check_folder, one_message
from repro.runs.inputs import folder_of, input_named, params_file, read_params


def main() -> None:
    """Makes the input that the command line names; a `UserError` ends the process with exit status 2."""
    name, key, *needed = sys.argv[1:]
    with one_message(name):
        lock = paths.state() / "locks" / f"{name}-{key}.lock"
        check_folder(folder_of(name, key))
        with alone(lock, f"{name}: another process makes {key}; waiting for it to end"):
            make_input(name, key, dict(item.split("=") for item in needed))


def make_input(name: str, key: str, needed: dict[str, str]) -> Path:
    """Makes an input, and returns its folder.

    Args:
        name: of the input.
        key: hash of its params, whose file is named by it.
        needed: keys of the inputs that it reads, by name.

    Raises:
        UserError: the case has no such input, or cannot make it.
    """
    case = load_case()
    item, folder = input_named(case, name), folder_of(name, key)
    values = read_params(case, params_file(name, key))
    inputs = {other: folder_of(other, its_key) for other, its_key in needed.items()}
    if item.check:
        import_attribute(item.check, f"check of {name}")(values)
    import_attribute(item.make, f"input {name}")(values, inputs, folder)
    return folder


if __name__ == "__main__":
    main()
