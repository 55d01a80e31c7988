"""How far rounding may move what a network computes: the limit of tests that compare in few digits.

A tolerance that was read off one processor holds for that processor: another adds the same numbers in another order.
What holds for all is a bound on each sum, and how far the network carries it on is computed here, in float64.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Convolve = Callable[[Callable[[Tensor], Tensor]], Tensor]
"""Convolves after a function has been applied to features and weights; there is no bias."""

CONVOLUTION = torch.ops.aten.convolution.default
STEP = 2.0**-40
"""How large a unit is where its effect is computed: far above float64's own 2^-53, and small enough to be linear."""

DRAWS = 2

ELEMENTWISE = 4
"""Units for what follows the last convolution and rounds each value: an offset, a scale, an activation, its output."""


HALF_THE_DIGITS = 2.0**-26
HALF_THE_DIGITS_OF_FLOAT32 = 2.0**-12
"""Relative, of 53 and 24 bits: what only rounds differently differs in the last ones, a mistake in the first.

For whatever loses less than half of the digits, which is all that is compared with it.
"""


def unit_roundoff(dtype: torch.dtype) -> float:
    """Returns the largest relative error of one rounding."""
    return torch.finfo(dtype).eps / 2


def of_sums(convolve: Convolve, count: int) -> Tensor:
    """Returns the units by which sums of `count` products err that are kept in the digits that are tested.

    Each addition errs by at most a unit of the sum of absolute values. Errors go up and down independently, and so grow
    with the square root of their number (Higham and Mary 2019).
    """
    return count**0.5 * convolve(torch.abs)


def of_factors(convolve: Convolve, _count: int) -> Tensor:
    """Returns the units where only factors and results are rounded, as under autocast: sums are kept in float32.

    Either factor of a product errs by at most a unit, independently of the other products, and the result by one more.
    """
    squares = convolve(torch.square).clamp(min=0)  # an algorithm that subtracts may give less than nothing
    return 2 * squares.sqrt() + convolve(lambda item: item).abs()


class Rounding(TorchDispatchMode):
    """Moves every output of every convolution as far as `units` tells, up or down by chance.

    What else a network does rounds once where a convolution does so hundreds of times.
    """

    def __init__(self, units: Callable[[Convolve, int], Tensor], seed: int) -> None:
        super().__init__()
        self.units, self.generator = units, torch.Generator().manual_seed(seed)

    def __torch_dispatch__(self, function, _types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        if function is not CONVOLUTION:
            return result
        features, weight, _, *rest = arguments
        transposed = rest[3]
        count = (weight[:, 0] if transposed else weight[0]).numel()
        size = self.units(lambda change: function(change(features), change(weight), None, *rest), count)
        sign = 2 * torch.randint(2, result.shape, generator=self.generator).to(result.dtype) - 1
        return result + STEP * size * sign


def rounding_units(
    compute: Callable[[], Sequence[Tensor]], units: Callable[[Convolve, int], Tensor] = of_sums
) -> list[float]:
    """Returns how far rounding may move each result of `compute`, relative to its norm, in unit roundoffs.

    Args:
        compute: computes in float64, with torch's convolutions.
        units: what is rounded, `of_sums` or `of_factors`.
    """
    with torch.no_grad():
        exact = [item.clone() for item in compute()]
        squares = torch.zeros(len(exact), dtype=torch.float64)
        for seed in range(DRAWS):
            with Rounding(units, seed):
                moved = compute()
            squares += torch.stack([(a - b).square().sum() for a, b in zip(moved, exact, strict=True)])
    norms = torch.stack([item.norm() for item in exact])
    return ((squares / DRAWS).sqrt() / norms / STEP + ELEMENTWISE).tolist()


def relative_error(given: Tensor, exact: Tensor) -> float:
    """Returns the norm of the difference over that of `exact`."""
    return float((given.double() - exact).norm() / exact.norm())


@contextmanager
def in_double() -> Iterator[None]:
    """Makes trainings that begin inside compute in float64, also where a step asks for float32.

    Adam's first step is the sign of each gradient, and where that is zero but for rounding, float32 draws the sign by
    lot. In float64 such gradients vanish beside Adam's epsilon, and two ways to compute stay together.
    """
    before, single = torch.get_default_dtype(), torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.set_default_dtype(before)
        torch.Tensor.float = single
