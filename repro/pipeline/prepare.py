"""Stage `prepare`: photographs of the chosen source become squares and structure targets in `data/prepared`."""

from repro import paths
from repro.pipeline.shell import stage


def main() -> None:
    """Runs the stage."""
    with stage("prepare", paths.PREPARED) as params:
        from repro.cases.medfe.data.prepare import prepare_photographs
        from repro.cases.medfe.split_folders import check_photographs

        check_photographs({"data": params.data.model_dump(mode="json")})
        prepare_photographs(params.data, paths.PREPARED)


if __name__ == "__main__":
    main()
