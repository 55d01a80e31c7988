"""Stage `train`: the active variant, from its seed to a checkpoint."""

from repro import paths
from repro.stages.memory import keep_freed_memory
from repro.stages.shell import stage


def main() -> None:
    """Writes `paths.TRAIN`."""
    keep_freed_memory()
    with stage("train") as params:
        from repro.medfe.training.loop import train

        train(params, paths.PREPARED, paths.MASKS, paths.TRAIN, paths.state() / "training")


if __name__ == "__main__":
    main()
