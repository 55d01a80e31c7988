"""One run: a sample of points, its embedding, and how much of the global and the local structure is left in it."""

from collections.abc import Callable
from importlib.metadata import version
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from embedding.case import Data, Params
from repro.case import Job, Measurements, ProtocolRow, Row
from repro.errors import DivergedError
from repro.randomness import derive_seed, numpy_generator

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

NEAR = 10
LEVELS, DIMENSIONS, LONGEST = 4, 100, 32.0
"""Of the hierarchy: 2^4 classes in 100 dimensions; the halves at the first split lie 32 standard deviations apart."""
START_SD = 1e-4  # of t-SNE's start; linqiaozhi/DR_benchmark_initialization Benchmark_global/DR.R @b582609
PACKAGE = {"tsne": "random", "umap": "spectral"}  # what each package of 2018 did unasked; same source


def draw_sample(data: Data, seed: int) -> tuple[Floats, Classes, Floats]:
    """Returns points (N, D), as many of each class, their classes (N,), and the centres (C, D) that should be shown.

    Digits are drawn without replacement; their centres are the sample's means. The hierarchy is a binary tree, each
    split along an axis of its own and half as long as the one above; points are the leaves with unit Gaussian noise.
    """
    generator = numpy_generator(seed, "sample")
    if data.source == "hierarchy":
        centres = np.zeros((2**LEVELS, DIMENSIONS))
        for leaf, level in product(range(2**LEVELS), range(LEVELS)):
            node, right = divmod(leaf >> (LEVELS - 1 - level), 2)
            centres[leaf, 2**level - 1 + node] = (right - 0.5) * LONGEST / 2**level
        classes = np.repeat(np.arange(len(centres)), data.points // len(centres))
        return centres[classes] + generator.standard_normal((len(classes), DIMENSIONS)), classes, centres
    images, digits = load_digits(return_X_y=True)
    of_class = [generator.choice(np.flatnonzero(digits == k), data.points // 10, replace=False) for k in range(10)]
    points, classes = images[np.concatenate(of_class)], digits[np.concatenate(of_class)]
    return points, classes, class_means(points, classes)


def load_umap() -> Any:
    """Returns the class UMAP, whose compiled functions it has numba keep on disk: every run is a process of its own."""
    from numba.core.registry import CPUDispatcher  # takes seconds to import, and t-SNE does without
    from umap import UMAP, layouts, umap_, utils

    for item in [item for module in (layouts, umap_, utils) for item in vars(module).values()]:
        if isinstance(item, CPUDispatcher):
            item.enable_caching()
    return UMAP


def embed(points: Floats, params: Params) -> Floats:
    """Returns the embedding (N, 2) of points (N, D); one thread, so that a seed gives the same bits again.

    Both methods start from the same spectral layout, that of UMAP's graph, t-SNE at the scale of its PCA layout.
    """
    seed = derive_seed(params.seed, "embedding", params.stream) % 2**31
    if params.components:
        points = PCA(params.components, svd_solver="full").fit_transform(points)
    start = PACKAGE[params.method] if params.initialisation == "package" else params.initialisation
    shared = {"metric": params.metric, "random_state": seed, "n_jobs": 1}
    umap, tsne = {"n_neighbors": params.umap.neighbours, "min_dist": params.umap.min_dist, **shared}, params.tsne
    if params.method == "umap":
        return load_umap()(init=start, n_epochs=params.umap.epochs, **umap).fit_transform(points).astype(np.float64)
    if start == "spectral":
        start = load_umap()(init=start, n_epochs=0, **umap).fit_transform(points)  # the layout alone
        start *= START_SD / start[:, 0].std()
    embedded = TSNE(
        perplexity=tsne.perplexity,
        learning_rate=tsne.learning_rate,
        early_exaggeration=tsne.early_exaggeration,
        max_iter=tsne.iterations,
        init=start,
        **shared,
    ).fit_transform(points)
    return embedded.astype(np.float64)


def class_means(points: Floats, classes: Classes) -> Floats:
    """Returns the mean (C, D) of each class."""
    return np.array([points[classes == k].mean(axis=0) for k in np.unique(classes)])


def recall_neighbours(points: Floats, embedded: Floats) -> Floats:
    """Returns for each point (N,) the share of its nearest neighbours that the embedding keeps, in [0, 1]."""
    search = NearestNeighbors(n_neighbors=NEAR)  # a point is none of its own
    near, kept = (search.fit(space).kneighbors(return_distance=False) for space in (points, embedded))
    return np.array([len(np.intersect1d(a, b)) / NEAR for a, b in zip(near, kept, strict=True)])


def make_run(job: Job) -> Measurements:
    """Makes one run; the seed draws the sample, and with the stream, apart from it, what the methods draw."""
    params: Params = job.params
    with threadpool_limits(1):
        points, classes, centres = draw_sample(params.data, params.seed)
        embedded = embed(points, params)
        if not np.isfinite(embedded).all():
            raise DivergedError("the embedding is no longer finite")
        recall = recall_neighbours(points, embedded)
    np.save(job.folder / "embedding.npy", np.column_stack([embedded, classes]).astype(np.float32))
    pairs = {
        "classes": (pdist(centres), pdist(class_means(embedded, classes))),
        "points": (pdist(points), pdist(embedded)),
    }
    correlations: dict[str, Callable[..., Any]] = {"Pearson": pearsonr, "Spearman": spearmanr}
    found = {(b, c): float(correlations[c](*pairs[b])[0]) for b, c in product(pairs, correlations)}
    rows = [Row("all", "class_correlation", found["classes", "Pearson"])]
    rows += [Row("all", "point_correlation", found["points", "Pearson"])]
    rows += [Row(int(k), "neighbour_recall", float(recall[classes == k].mean())) for k in np.unique(classes)]
    protocols = [ProtocolRow({"between": b, "correlation": c}, "class_correlation", v) for (b, c), v in found.items()]
    versions = {name: version(name) for name in ("numba", "numpy", "scikit-learn", "scipy", "umap-learn")}
    return Measurements(rows, protocols, environment=versions)
