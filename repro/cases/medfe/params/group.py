"""What every group of parameters has in common."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """A frozen group of parameters that refuses keys it does not know; no field has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
