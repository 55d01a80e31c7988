"""Parameters of generator and discriminators, one module per gap of the ledger."""

from pydantic import Field

from repro.cases.medfe.params.model.activations import Activations
from repro.cases.medfe.params.model.bilateral import BilateralDetails
from repro.cases.medfe.params.model.kernels import Kernels
from repro.cases.medfe.params.model.rescaling import Rescaling
from repro.cases.medfe.params.model.topology import Topology

__all__ = ["ModelParams"]


class ModelParams(BilateralDetails, Rescaling, Activations, Kernels, Topology):
    """The networks; widths of details are ratios of `base_width`."""

    base_width: int = Field(ge=2, le=256, description="channels of the first level; 64 in the release (scale)")
