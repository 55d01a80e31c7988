"""Values that leave several details without effect, for their `unless`."""

NO_ADVERSARY = {"loss.adv": ("none",)}
"""No discriminator is trained, and none is asked."""

NO_RESIDUAL_BLOCKS = {"model.residual_blocks": (0,)}
