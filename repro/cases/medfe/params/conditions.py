"""Values that leave several details without effect, for their `unless`."""

NO_ADVERSARY = {"loss.adv": ("none",)}
"""No discriminator is trained, and none is asked."""

NO_RESIDUAL_BLOCKS = {"model.residual_blocks": (0,)}

PARTIAL_ENCODER = {"model.encoder_convolution": ("partial",)}
"""A partial convolution leaves out what is in the hole, and takes the mask instead of channels that show it."""
