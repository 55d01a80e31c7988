"""Stage publish: the results of the working tree become a finished run in the tracking store.

What it writes says only what was published, so that it is the same on every machine.
"""

from repro import paths
from repro.pipeline.shell import stage


def main() -> None:
    """Runs the stage."""
    with stage("publish", paths.PUBLISHED) as params:
        from repro.cases.medfe.case import CASE
        from repro.evidence import describe_published
        from repro.storage import write_json
        from repro.tracking import publish_workspace

        write_json(paths.PUBLISHED, describe_published(publish_workspace(CASE, params)))


if __name__ == "__main__":
    main()
