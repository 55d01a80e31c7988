"""Stage `evaluate`: measures the trained model on the test holes, beside the baselines."""

from repro import paths
from repro.pipeline.shell import stage


def main() -> None:
    """Writes `paths.EVALUATE`."""
    with stage("evaluate", paths.EVALUATE) as params:
        from repro.cases.medfe.evaluation.model import evaluate_model

        evaluate_model(
            paths.TRAIN / paths.CHECKPOINT,
            paths.PREPARED,
            paths.MASKS,
            paths.BASELINES,
            params.evaluation,
            params.runtime,
            paths.EVALUATE,
        )


if __name__ == "__main__":
    main()
