"""Parameters of the training's length and of what it writes on its way; the scale sets them."""

from pydantic import Field

from repro.cases.medfe.params.group import Group


class TrainingParams(Group):
    """How long it trains, on how many images at once, and its bookkeeping."""

    steps: int = Field(ge=1, description="generator steps (scale)")
    batch_size: int = Field(ge=1, le=4096, description="images per step (scale; 1 in the release)")
    log_every_steps: int = Field(ge=1, description="one row of the history per so many steps")
    validate_every_steps: int = Field(ge=1, description="validation PSNR and sample images per so many steps")
    checkpoint_every_steps: int = Field(ge=1, description="how much a kill can cost")
