"""Stage `masks`: draws the holes of training and evaluation; needs to know how many images there are."""

from repro import paths
from repro.pipeline.shell import stage


def main() -> None:
    """Writes `paths.MASKS`."""
    with stage("masks", paths.MASKS) as params:
        from repro.cases.medfe.data.arrays import count_images
        from repro.cases.medfe.masks import make_masks

        make_masks(params.masks, params.data.image_px, count_images(paths.PREPARED), paths.MASKS)


if __name__ == "__main__":
    main()
