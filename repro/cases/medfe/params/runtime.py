"""Parameters of the machine and of chance; none is a detail, but they move bits: part of a variant's identity."""

from typing import Literal

from pydantic import Field

from repro.cases.medfe.params.group import Group

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bf16"]


class RuntimeParams(Group):
    """Device, precision, layout, threads, and the draw of the random numbers."""

    device: Device = Field(description="auto: the GPU where there is one")
    precision: Precision = Field(description="bf16: autocast of the networks; the weights stay float32")
    threads: int = Field(ge=1, le=256, description="CPU threads of torch; their number can change the last bits")
    deterministic: bool = Field(description="only algorithms that give the same bits twice on the same machine")
    channels_last: bool = Field(description="channels innermost in memory, which matrix units of GPUs want")
    compile: bool = Field(description="networks compiled by torch before their first step; needs a C++ compiler")
    stream: int = Field(
        ge=0,
        description="another draw of the training's random numbers, and nothing else: the negative control of an audit",
    )
