"""The seed that a training's random streams derive from."""

from repro.cases.medfe.params import Params
from repro.randomness import derive_seed


def training_seed(params: Params) -> int:
    """Returns the seed of initialisation, order, masks, augmentation and regions.

    It is `seed` under `runtime.stream` 0. Any other stream is what another seed would be, and nothing else: an audit
    that finds an effect of it has found noise.
    """
    stream = params.runtime.stream
    return params.seed if stream == 0 else derive_seed(params.seed, "stream", stream)
