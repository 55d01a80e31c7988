"""The response surface of a design: what the outcome would be at combinations of options that were not run.

A design of few runs leaves many surfaces possible. They are drawn from their posterior under the model

    y = main effects + pairs + higher orders + noise

of the means of the variants over seeds. Main effects are as they come (flat prior). Interactions of two details, as
differences of differences, have the horseshoe prior N(0, tau^2 lambda^2): a few that are large among many that are
small, or all alike, as the runs say. What is of higher order is N(0, f^2) for each combination by itself. lambda, tau
and f are drawn as well, half-Cauchy of scale 1, of that of the main effects, and of half of it. Where a design
cannot tell pairs apart, the model shares the contrast among them and keeps what it cannot know as spread. Noise is
drawn from the study's own error terms, so that coefficients are t-distributed: spare x seed for interactions, detail x
seed with a column's own floor for main effects (`error_terms`). Lack of fit is pairs and f here, and is not counted a
second time.

Source: Carvalho, Polson & Scott, The horseshoe estimator for sparse signals (2010); Makalic & Schmidt, A simple sampler
for the horseshoe estimator (2016); Chipman, Hamada & Wu, A Bayesian variable-selection approach for analyzing designed
experiments with complex aliasing (1997), on priors over aliased pairs; Gelman, Prior distributions for variance
parameters in hierarchical models (2006).
"""

from typing import NamedTuple

import numpy as np

from repro.audit.statistics.error_terms import ErrorTerm, combine_errors
from repro.audit.statistics.linear_model import ROUNDING, Floats
from repro.audit.statistics.mean_squares import NOTHING, MeanSquare

DRAWS, BURNT = 1_000, 40
"""Surfaces, and steps of each chain of the sampler that are left out before it gives some of them."""
CHAINS = 100
"""That run side by side where contrasts are few; a fifth of them, each five times as long, where they are many."""
MANY = 50
HIGHER = np.concatenate([[0.0], np.geomspace(0.01, 3, 15)])
"""Grid of f, in root mean squares of the main effects."""
HIGHER_SCALE = 0.5
"""Of its half-Cauchy prior."""
MOST_PAIRS = 200
"""Beyond them only those of the contrast's own detail are drawn; the others count as of higher order."""
MOST_POINTS = 4_096
"""Points of a design up to which their own higher orders are drawn; with more of them no one point says much."""


class Design(NamedTuple):
    """The points of a design that have values.

    Attributes:
        columns: (n, K) 0 or 1, less the share of all combinations that take each option.
        owners: (K,) the detail of each column, by number.
        means: (n,) of the variants over seeds, less what a seed does to all.
        seeds: (harmonic) mean number of seeds of a point.
    """

    columns: Floats
    owners: Floats
    means: Floats
    seeds: float


class Surfaces(NamedTuple):
    """Draws of a contrast of one detail's options, as a function of the other details.

    Attributes:
        main: (B,) with B = DRAWS, the contrast, averaged over all combinations.
        slopes: (B, K) what each column of another detail adds to it.
        cells: (B, n) higher orders at the points of the design; (B, 0) where these are too many.
        spread: (B,) f: standard deviation of the higher orders at a combination that was not run.
        told: (K,) share of each slope that the design can tell from everything else; 0 to 1.
        higher: degrees of freedom beyond pairs.
    """

    main: Floats
    slopes: Floats
    cells: Floats
    spread: Floats
    told: Floats
    higher: int


def average_points(columns: Floats, values: Floats, owners: Floats, shares: Floats) -> Design:
    """Averages values (n, S) of points over seeds; points without any are left out.

    Args:
        columns: (n, K) 0 or 1.
        values: NaN where there is none.
        owners: (K,) the detail of each column, by number.
        shares: (K,) of all combinations that take each option.
    """
    seen = np.isfinite(values).any(axis=1)
    shown, present = values[seen], np.isfinite(values[seen])
    shift = np.zeros(values.shape[1])
    for _ in range(1 if present.all() else 50):  # the additive model variant + seed, by turns
        means = np.nansum(shown - shift, axis=1, where=present) / present.sum(axis=1)
        apart = np.nansum(shown - means[:, None], axis=0, where=present) / np.maximum(present.sum(axis=0), 1)
        shift = apart - apart.mean()
    seeds = len(shown) / (1 / present.sum(axis=1)).sum() if len(shown) else 0.0
    return Design(columns[seen] - shares, owners, means, float(seeds))


def draw_surfaces(design: Design, contrast: Floats, term: ErrorTerm, seed: int = 0) -> Surfaces | None:
    """Draws surfaces, and returns how a contrast of one detail's options runs along them; None if it cannot be told.

    Args:
        design: the points with their means.
        contrast: (K,) weights of the columns, all of one detail.
        term: the error term of the design.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    model = np.hstack([np.ones((len(design.means), 1)), design.columns])
    inverse, wanted = np.linalg.pinv(model), np.concatenate([[0.0], contrast])
    if len(model) < 2 or np.abs(wanted @ inverse @ model - wanted).max() > 1e-8:
        return None
    pairs, products = _multiply_pairs(design, contrast)
    space = _split_space(model, inverse, products, design.means)
    size = float(np.sqrt(np.mean((inverse[1:] @ design.means) ** 2))) or 1.0
    gamma, noise, f = _draw_pairs(generator, space, size, term.split.spare, design.seeds)

    given = wanted @ inverse
    main, cells = given @ design.means - gamma @ (products.T @ given), np.zeros((len(noise), 0))
    if len(model) <= MOST_POINTS:
        cells = _draw_cells(generator, space, model @ inverse, gamma, noise, f)
        main -= cells @ given
    main += _draw_main_errors(generator, design, contrast, float(given @ given), term, len(noise))
    slopes, told = np.zeros((len(noise), len(contrast))), np.ones(len(contrast))
    for place, (i, j) in enumerate(pairs):
        for own, other in ((i, j), (j, i)):
            if contrast[own]:
                slopes[:, other] += contrast[own] * gamma[:, place]
                told[other] = min(told[other], float((space.right[:, place] ** 2).sum()))
    return Surfaces(main, slopes, cells, f, told, space.df)


def _multiply_pairs(design: Design, contrast: Floats) -> tuple[list[tuple[int, int]], Floats]:
    width = design.columns.shape[1]
    pairs = [(i, j) for i in range(width) for j in range(i + 1, width) if design.owners[i] != design.owners[j]]
    if len(pairs) > MOST_PAIRS:
        pairs = [(i, j) for i, j in pairs if contrast[i] or contrast[j]]
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    return pairs, design.columns[:, first] * design.columns[:, second]


class _Space(NamedTuple):
    """What main effects leave of the means, and the pairs in it: products = left * scale @ right.

    Attributes:
        left: (n, m), m contrasts that pairs reach.
        scale: (m,)
        right: (m, M)
        residual: (n,) of the means.
        along: (m,) the residual in these contrasts.
        beyond: sum of squares in those that no pair reaches.
        df: how many these are.
    """

    left: Floats
    scale: Floats
    right: Floats
    residual: Floats
    along: Floats
    beyond: float
    df: int


def _split_space(model: Floats, inverse: Floats, products: Floats, means: Floats) -> _Space:
    rest, residual = products - model @ (inverse @ products), means - model @ (inverse @ means)
    left, scale, right = np.linalg.svd(rest, full_matrices=False)
    kept = scale > 1e-8 * max(1.0, float(scale.max(initial=0.0)))
    left, scale, right = left[:, kept], scale[kept], right[kept]
    along = left.T @ residual
    df = len(model) - int(np.linalg.matrix_rank(model)) - len(scale)
    return _Space(left, scale, right, residual, along, float(((residual - left @ along) ** 2).sum()), df)


def _draw_pairs(
    generator: np.random.Generator, space: _Space, size: float, spare: MeanSquare, seeds: float
) -> tuple[Floats, Floats, Floats]:
    """Draws pairs (B, M), the noise of a point's mean (B,) and f (B,) from their posterior, by Gibbs sampling.

    Each step draws pairs given the scales by Matheron's rule: a draw from the prior, moved by what its data lack to
    the data there are.
    """
    contrasts, pairs = len(space.scale), space.right.shape[1]
    chains = CHAINS if contrasts <= MANY else CHAINS // 5
    reach = space.scale[:, None] * space.right
    floor = (ROUNDING * (size + np.abs(space.residual).max(initial=0.0))) ** 2
    local, aside = np.ones((chains, pairs)), np.ones((chains, pairs))
    tau2, xi = np.full(chains, size**2), np.ones(chains)
    f = np.full(chains, HIGHER_SCALE * size)
    gammas, noises, higher = [], [], []
    for step in range(BURNT + DRAWS // chains):
        noise = spare.df * spare.value / generator.chisquare(spare.df, chains) / seeds
        variance = noise + f**2 + floor
        prior = np.maximum(tau2[:, None] * local, floor)
        gamma = np.sqrt(prior) * generator.standard_normal(prior.shape)
        if contrasts:
            lacking = space.along - gamma @ reach.T
            lacking -= np.sqrt(variance)[:, None] * generator.standard_normal((chains, contrasts))
            spread = (reach * prior[:, None, :]) @ reach.T
            spread += variance[:, None, None] * np.eye(contrasts)
            gamma += prior * (np.linalg.solve(spread, lacking[:, :, None])[:, :, 0] @ reach)
        # Scales as in Makalic and Schmidt: b over a gamma variate of shape a is inverse gamma (a, b).
        local = (1 / aside + gamma**2 / (2 * tau2[:, None])) / generator.standard_exponential(gamma.shape)
        aside = (1 + 1 / local) / generator.standard_exponential(gamma.shape)
        tau2 = (1 / xi + (gamma**2 / local).sum(axis=1) / 2) / generator.standard_gamma((pairs + 1) / 2, chains)
        xi = (1 / size**2 + 1 / tau2) / generator.standard_exponential(chains)
        left_over = ((space.along - gamma @ reach.T) ** 2).sum(axis=1) + space.beyond
        f = _draw_higher(generator, left_over, contrasts + space.df, noise + floor, size)
        if step >= BURNT:
            gammas.append(gamma)
            noises.append(noise)
            higher.append(f)
    return np.concatenate(gammas), np.concatenate(noises), np.concatenate(higher)


def _draw_cells(
    generator: np.random.Generator, space: _Space, hat: Floats, gamma: Floats, noise: Floats, f: Floats
) -> Floats:
    """Draws higher orders (B, n) at the points: what these differ by beyond pairs is they and noise, by variance.

    Args:
        generator: of the draws.
        space: what main effects leave.
        hat: (n, n), takes means to what main effects make of them.
        gamma: (B, M) pairs.
        noise: (B,) of a point's mean.
        f: (B,) standard deviation of the higher orders.
    """
    variance = (noise + f**2)[:, None]
    cells = f[:, None] * generator.standard_normal((len(noise), len(hat)))
    strayed = cells + np.sqrt(noise)[:, None] * generator.standard_normal(cells.shape)
    strayed -= strayed @ hat.T
    left_over = space.residual - (gamma @ space.right.T * space.scale) @ space.left.T - strayed
    return np.asarray(
        cells + f[:, None] ** 2 * np.divide(left_over, variance, out=np.zeros_like(left_over), where=variance > 0)
    )


def _draw_higher(generator: np.random.Generator, left_over: Floats, df: int, noise: Floats, size: float) -> Floats:
    """Draws f (C,) on its grid, given the sum of squares (C,) that pairs leave and the noise (C,) in it."""
    edges = np.concatenate([[0.0], (HIGHER[1:] + HIGHER[:-1]) / 2, [np.inf]])
    prior = np.log(np.diff(np.arctan(edges / HIGHER_SCALE)))
    variance = noise[:, None] + (size * HIGHER) ** 2
    fit = prior - 0.5 * (df * np.log(variance) + left_over[:, None] / variance)
    return np.asarray(size * HIGHER[(fit + generator.gumbel(size=fit.shape)).argmax(axis=1)])


def _draw_main_errors(
    generator: np.random.Generator, design: Design, contrast: Floats, unit: float, term: ErrorTerm, draws: int
) -> Floats:
    """Draws what seeds leave open of the contrast: t-distributed, of detail x seed with the floor of its columns.

    Args:
        generator: of the draws.
        design: for its seeds.
        contrast: (K,) its columns.
        unit: its variance, if that of a point's mean were 1.
        term: the error term.
        draws: B.
    """
    split = term.split
    own = max(split.own[np.flatnonzero(contrast)], default=np.nan)
    variance, df, _ = combine_errors(split.details, float(own), NOTHING, split.spare)
    return np.asarray(generator.standard_t(df, draws) * np.sqrt(variance / design.seeds * unit))
