"""Stage report: what has been logged becomes a notebook and one self-contained page."""

from repro import paths
from repro.pipeline.shell import stage


def main() -> None:
    """Runs the stage."""
    with stage("report", paths.REPORT):
        from repro.cases.medfe.report.build import build_report

        build_report(paths.REPORT)


if __name__ == "__main__":
    main()
