"""Stage photographs: prepares the photographs that runs with the same data params share.

Run as `python -m repro.runs.photographs NAME`, from the params that `repro plan` has written for that name.
"""

import sys

from repro.runs.inputs import Sources, making


def main() -> None:
    """Writes the folder of prepared photographs."""
    (name,) = sys.argv[1:]
    with making("photographs", name) as values:
        from repro.cases.medfe.data.prepare import prepare_photographs
        from repro.cases.medfe.params.data import DataParams

        prepare_photographs(DataParams.model_validate(values["data"]), Sources(name, "").prepared)


if __name__ == "__main__":
    main()
