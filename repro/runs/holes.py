"""Stage holes: draws the holes that runs with the same data and mask params share.

Run as `python -m repro.runs.holes NAME PHOTOGRAPHS`, from the params that `repro plan` has written for that
name; PHOTOGRAPHS names the prepared photographs, whose number it needs.
"""

import sys

from repro.runs.inputs import Sources, making


def main() -> None:
    """Writes the folder of holes."""
    name, photographs = sys.argv[1:]
    with making("holes", name) as values:
        from repro.cases.medfe.data.arrays import count_images
        from repro.cases.medfe.masks import make_masks
        from repro.cases.medfe.params.masks import MasksParams

        sources = Sources(photographs, name)
        masks, images = MasksParams.model_validate(values["masks"]), count_images(sources.prepared)
        make_masks(masks, values["data"]["image_px"], images, sources.masks)


if __name__ == "__main__":
    main()
