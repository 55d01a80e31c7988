"""Stage `baselines`: fills and measures the test holes by the classical methods."""

from repro import paths
from repro.pipeline.shell import stage


def main() -> None:
    """Writes `paths.BASELINES`."""
    with stage("baselines", paths.BASELINES) as params:
        from repro.cases.medfe.evaluation.baselines import evaluate_baselines

        evaluate_baselines(paths.PREPARED, paths.MASKS, params.evaluation, paths.BASELINES)


if __name__ == "__main__":
    main()
