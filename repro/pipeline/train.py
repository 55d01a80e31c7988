"""Stage `train`: the active variant, from its seed to a checkpoint."""

from repro import paths
from repro.pipeline.memory import keep_freed_memory
from repro.pipeline.shell import stage


def main() -> None:
    """Writes `paths.TRAIN`."""
    keep_freed_memory()
    with stage("train", paths.TRAIN) as params:
        from repro.cases.medfe.training.loop import train

        train(params, paths.PREPARED, paths.MASKS, paths.TRAIN, paths.state() / "training")


if __name__ == "__main__":
    main()
