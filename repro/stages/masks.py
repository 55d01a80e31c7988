"""Stage `masks`: draws the holes of training and evaluation; needs to know how many images there are."""

from repro import paths
from repro.stages.shell import stage


def main() -> None:
    """Writes `paths.MASKS`."""
    with stage("masks") as params:
        from repro.medfe.data.arrays import open_split
        from repro.medfe.masks import make_masks

        images = {
            "validation": len(open_split(paths.PREPARED, "validation").images),
            "test": len(open_split(paths.PREPARED, "test").images),
        }
        make_masks(params.masks, params.data.image_px, images, paths.MASKS)


if __name__ == "__main__":
    main()
