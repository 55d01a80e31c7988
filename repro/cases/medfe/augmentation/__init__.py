"""Random changes of a training sample each time it is drawn; the generator is passed in."""

from repro.cases.medfe.augmentation.images import augment_image
from repro.cases.medfe.augmentation.masks import augment_mask

__all__ = ["augment_image", "augment_mask"]
