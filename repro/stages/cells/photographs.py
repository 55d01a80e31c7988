"""Stage photographs: prepares the photographs that cells with the same data params share.

Run as `python -m repro.stages.cells.photographs NAME`, from the params that `repro plan` has written for that name.
"""

import sys

from repro.stages.cells.sources import Sources, making


def main() -> None:
    """Writes the folder of prepared photographs."""
    (name,) = sys.argv[1:]
    with making("photographs", name) as values:
        from repro.medfe.data.prepare import prepare_photographs
        from repro.medfe.params.data import DataParams

        prepare_photographs(DataParams.model_validate(values["data"]), Sources(name, "").prepared)


if __name__ == "__main__":
    main()
