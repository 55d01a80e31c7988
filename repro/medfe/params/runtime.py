"""Parameters of the machine; they can move the last bits, so they belong to a variant's identity."""

from typing import Literal

from pydantic import Field

from repro.medfe.params.group import Group

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bf16"]


class RuntimeParams(Group):
    """Device, precision and threads."""

    device: Device = Field(description="auto: the GPU where there is one")
    precision: Precision = Field(description="bf16: autocast of the networks; the weights stay float32")
    threads: int = Field(ge=1, le=256, description="CPU threads of torch; their number can change the last bits")
    deterministic: bool = Field(description="only algorithms that give the same bits twice on the same machine")
