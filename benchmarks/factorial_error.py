"""Error terms of factorial designs by simulation: `python -m benchmarks.factorial_error --studies 2000`.

Studies of details that do nothing on average, in a complete table whose variants share their seeds. The effect of each
detail changes from seed to seed by a standard deviation given in those of a run; interactions of any order may lie
beneath. Printed per setting: the share of studies in which any detail is said to matter (Benjamini-Hochberg), the share
of 95 % intervals that cover, with its Monte Carlo error over studies, and the median width. The formulas are written
down once more here, for all studies at once; a test holds them against `repro.audit.statistics.error_terms`.
"""

import argparse
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

SPREADS = (0.0, 0.25, 0.5, 1.0)
"""Standard deviations of detail x seed, of an effect (option less baseline), in standard deviations of a run."""
SURFACES: Mapping[str, tuple[float, float, float]] = {
    "weak": (0.3, 0.1, 0.03),
    "strong": (1.0, 0.3, 0.1),
}
"""Standard deviations of interactions of two, three and four details (columns coded -1 and 1), in those of a run."""


class Squares(NamedTuple):
    """Mean squares of N studies: (N,) each, (N, K) by column; degrees of freedom are those of the design."""

    estimates: Floats
    unit: Floats
    details: Floats
    own: Floats
    spare: Floats
    pure: Floats
    lack: Floats
    beyond: Floats
    df: dict[str, int]


def draw_studies(
    signs: Floats,
    seeds: int,
    spreads: float | Floats,
    studies: int,
    orders: tuple[float, float, float] = (0.0, 0.0, 0.0),
    seed: int = 0,
) -> Floats:
    """Returns values (N, V, S): noise of a run, a shift for each seed, detail x seed, and interactions.

    Args:
        signs: (V, K) -1 or 1.
        seeds: that all variants share.
        spreads: of the effects over seeds, one or (K,).
        studies: how many.
        orders: standard deviations of interactions of two, three and four details, drawn anew in each study.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    variants, details = signs.shape
    values = generator.standard_normal((studies, variants, seeds)) + generator.standard_normal((studies, 1, seeds))
    # A column goes from -1 to 1: an effect is twice its coefficient.
    changes = generator.standard_normal((studies, details, seeds)) * np.reshape(spreads, (-1, 1)) / 2
    values += np.einsum("vk,nks->nvs", signs, changes)
    for order, spread in zip((2, 3, 4), orders, strict=True):
        if spread:
            products = np.array([signs[:, list(each)].prod(axis=1) for each in combinations(range(details), order)]).T
            drawn = generator.standard_normal((studies, products.shape[1])) * spread
            values += (drawn @ products.T)[:, :, None]
    return values


def find_squares(signs: Floats, values: Floats) -> Squares:
    """Returns the mean squares of complete tables (N, V, S) of a two-level design (V, K)."""
    variants, details = signs.shape
    seeds = values.shape[2]
    columns = (signs + 1) / 2
    model = np.hstack([np.ones((variants, 1)), columns])
    unit = np.linalg.inv(model.T @ model)[1:, 1:]
    by_seed = np.einsum("kv,nvs->nks", np.linalg.pinv(model)[1:], values)
    apart = by_seed - by_seed.mean(axis=2, keepdims=True)
    own = (apart**2).sum(axis=2) / np.diag(unit) / (seeds - 1)
    total = np.einsum("nks,kj,njs->n", apart, np.linalg.inv(unit), apart)
    doubly = values - values.mean(axis=1, keepdims=True) - values.mean(axis=2, keepdims=True)
    doubly += values.mean(axis=(1, 2), keepdims=True)
    pure, means = (doubly**2).sum(axis=(1, 2)), values.mean(axis=2)
    pairs = np.array([columns[:, i] * columns[:, j] for i, j in combinations(range(details), 2)]).T
    wide = np.hstack([model, pairs])
    spare = variants - 1 - details
    beyond = variants - int(np.linalg.matrix_rank(wide))
    df = {"details": details * (seeds - 1), "spare": spare * (seeds - 1), "lack": spare, "beyond": beyond}
    df["pure"] = (variants - 1) * (seeds - 1)
    rest = (pure - total) / df["spare"] if df["spare"] else np.full(len(values), np.nan)
    squares = (_residual(model, means) * seeds / max(spare, 1), _residual(wide, means) * seeds / max(beyond, 1))
    own_estimates = by_seed.mean(axis=2)
    return Squares(
        own_estimates, np.diag(unit) / seeds, total / df["details"], own, rest, pure / df["pure"], *squares, df
    )


def _residual(model: Floats, means: Floats) -> Floats:
    left, scale, _ = np.linalg.svd(model, full_matrices=False)
    left = left[:, scale > 1e-9 * scale[0]]
    rest: Floats = ((means - means @ left @ left.T) ** 2).sum(axis=1)
    return rest


def choose_errors(squares: Squares, method: str) -> tuple[Floats, Floats]:
    """Returns variance and degrees of freedom (N, K): by "pure", "pooled", "own or pooled", "lack" or "beyond"."""
    shape = squares.own.shape
    if method == "pure":
        return np.broadcast_to(squares.pure[:, None], shape), np.full(shape, float(squares.df["pure"]))
    if method == "pooled":
        return np.broadcast_to(squares.details[:, None], shape), np.full(shape, float(squares.df["details"]))
    seeds, df = np.maximum(squares.details[:, None], squares.own), np.full(shape, float(squares.df["details"]))
    if method == "own or pooled":
        return seeds, df
    lack, lack_df = (squares.lack if method == "lack" else squares.beyond)[:, None], squares.df[method]
    spare, spare_df = squares.spare[:, None], squares.df["spare"]
    total = seeds + lack - spare
    together = total**2 / (seeds**2 / df + lack**2 / lack_df + spare**2 / spare_df)
    largest = np.maximum(seeds, lack)
    alone = np.where(lack > seeds, lack_df, df)
    return np.where(total < largest, largest, total), np.where(total < largest, alone, together)


def rate_method(squares: Squares, method: str) -> dict[str, Any]:
    """Returns how often any detail matters, how often intervals cover zero, with Monte Carlo errors, and the width."""
    variance, df = choose_errors(squares, method)
    error = np.sqrt(variance * squares.unit)
    p = 2 * stats.t.sf(np.abs(squares.estimates) / error, df)
    details = p.shape[1]
    alarms = (np.sort(p, axis=1) <= 0.05 * np.arange(1, details + 1) / details).any(axis=1)
    reach = stats.t.ppf(0.975, df) * error
    covered = (np.abs(squares.estimates) < reach).mean(axis=1)
    return {
        "studies": len(p),
        "alarms": int(alarms.sum()),
        "coverage": float(covered.mean()),
        "coverage_error": float(covered.std() / np.sqrt(len(p))),
        "first": float((np.abs(squares.estimates) < reach)[:, 0].mean()),
        "width": float(2 * np.median(reach)),
    }


def designs() -> dict[str, Floats]:
    """Returns the designs of the tables, columns coded -1 and 1."""
    from repro.audit.study.designs import fractional_factorial, plackett_burman

    full = np.array(np.meshgrid(*[[-1.0, 1.0]] * 4, indexing="ij")).reshape(4, -1).T
    return {
        "Plackett-Burman 15, folded": plackett_burman(15),
        "Plackett-Burman 12 of 15, not folded": plackett_burman(15)[:16, :12],
        "fraction 2^(8-4)": fractional_factorial("a b c d abc abd acd bcd"),
        "full factorial 2^4": full,
    }


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="Simulate error terms of factorial designs.")
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    head = f"{'design':38}{'setting':22}{'method':16}{'any matters':>12}{'coverage':>18}{'of first':>10}{'width':>8}"
    print(head)
    for name, signs in designs().items():
        for spread in SPREADS:
            squares = find_squares(signs, draw_studies(signs, given.seeds, spread, given.studies))
            for method in ("pure", "pooled", "own or pooled", *(("lack",) if squares.df["lack"] > 0 else ())):
                _print(name, f"detail x seed {spread}", method, rate_method(squares, method))
    signs = designs()["Plackett-Burman 15, folded"]
    for seeds in (2, 3, 5):
        squares = find_squares(signs, draw_studies(signs, seeds, np.array([1.0] + [0.0] * 14), given.studies))
        for method in ("pure", "pooled", "own or pooled", "lack"):
            _print("Plackett-Burman 15, folded", f"one at 1, {seeds} seeds", method, rate_method(squares, method))
    folded = {f"{keep} of {columns}, folded": _fold(columns, keep) for columns, keep in ((15, 9), (11, 9), (15, 15))}
    for name, signs in folded.items():
        for surface, orders in SURFACES.items():
            for spread in (0.0, 0.5):
                squares = find_squares(signs, draw_studies(signs, given.seeds, spread, given.studies, orders))
                for method in ("pure", "pooled", "own or pooled", "lack", "beyond"):
                    label = method if method != "beyond" else f"beyond ({squares.df['beyond']})"
                    _print(f"Plackett-Burman {name}", f"{surface}, {spread}", label, rate_method(squares, method))


def _fold(columns: int, keep: int) -> Floats:
    from repro.audit.study.designs import plackett_burman

    return np.asarray(plackett_burman(columns)[:, :keep])


def _print(design: str, setting: str, method: str, rates: dict[str, Any]) -> None:
    covered = f"{rates['coverage']:.3f} +- {rates['coverage_error']:.3f}"
    alarms = rates["alarms"] / rates["studies"]
    print(f"{design:38}{setting:22}{method:16}{alarms:12.3f}{covered:>18}{rates['first']:10.3f}{rates['width']:8.2f}")


if __name__ == "__main__":
    main()
