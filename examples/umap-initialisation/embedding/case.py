"""What Becht et al. (2019) left open when they compared UMAP with t-SNE, and where each option was read.

Source: Becht et al., Nature Biotechnology 37, 38-44; Kobak & Linderman, Nature Biotechnology 39, 156-157. Read were the
code of both and the abstracts, not the first one's Methods: "silent" is said of what its abstract leaves to its code.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from repro import Choice, Metric, PaperCase
from repro.audit.ledger.source import paper, related, release, replication

BECHT = "ebecht/DR_benchmark Benchmark_global/DR.R @72efc79"
KOBAK = "linqiaozhi/DR_benchmark_initialization Benchmark_global/DR.R @b582609"
SKLEARN, OLD = related("scikit-learn 1.9.1: default"), related("scikit-learn 0.16: default")
UMAP_LEARN, OPENTSNE = related("umap-learn 0.5.12: default"), related("openTSNE 1.0.4: initialization")

METHODS = {
    "tsne": (paper("Becht et al. 2019, quoted by Kobak & Linderman 2021, abstract: compared with"),),
    "umap": (paper("Becht et al. 2019, abstract: the most meaningful organization of cell clusters"),),
}
STARTS = {
    "package": (release(f"{BECHT}: init is not passed"),),
    "random": (replication(f"{KOBAK}: UMAP_random, FItSNE_random"),),
    "pca": (replication(f"{KOBAK}: FItSNE_fixed, scaled to sd 1e-4"), SKLEARN, OPENTSNE),
    "spectral": (replication(f"{KOBAK}: UMAP_fixed, Laplacian eigenmaps"), UMAP_LEARN, OPENTSNE),
}
COMPONENTS = {
    0: (release(f"{BECHT}: UMAP and FIt-SNE take what they are given"),),
    50: (release(f"{BECHT}: Rtsne's default initial_dims"), related("scikit-learn 1.9.1: advice in TSNE")),
}
DISTANCES = {
    "euclidean": (release(f"{BECHT}: metric"),),
    "cosine": (related("Seurat, RunUMAP of today: default"),),
    "correlation": (related("Seurat 2.3.4, RunUMAP: default"),),
}
PERPLEXITIES = {
    30.0: (release(f"{BECHT}: Rtsne's default"), SKLEARN),
    50.0: (related("opt-SNE, Belkina et al. 2019, table 2: 30-50"),),
    100.0: (related("ebecht/DR_benchmark matters_arising_2021/reply_to_Kobak_and_Linderman.R @49563fa"),),
}
RATES = {
    50.0: (release(f"{BECHT}: Rtsne's eta = 200, a quarter in scikit-learn's unit"), SKLEARN),
    200.0: (related("scikit-learn 0.20 and 0.22: default"),),
    1000.0: (OLD,),
}
EXAGGERATIONS = {
    12.0: (release(f"{BECHT}: default of Rtsne and FIt-SNE"), SKLEARN),
    4.0: (OLD, related("opt-SNE, Belkina et al. 2019, table 2: 4-12")),
}
NEIGHBOURS = {15: (release(f"{BECHT}: cytometry"), UMAP_LEARN), 30: (release(f"{BECHT}: RNA sequencing"),)}
GAPS = {0.2: (release(f"{BECHT}: min_dist"),), 0.1: (UMAP_LEARN,)}
ONLY_TSNE, ONLY_UMAP = {"method": ("tsne",)}, {"method": ("umap",)}


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(_Group):
    """The task, no detail: scikit-learn's digits, or a binary tree of Gaussian classes."""

    source: Literal["digits", "hierarchy"]
    points: int


class Tsne(_Group):
    """What t-SNE alone has, in scikit-learn's units."""

    perplexity: Annotated[
        float, Choice("Which perplexity?", "t-SNE", "silent", PERPLEXITIES, free=True, only_if=ONLY_TSNE)
    ]
    learning_rate: Annotated[float, Choice("Which learning rate?", "t-SNE", "silent", RATES, only_if=ONLY_TSNE)]
    early_exaggeration: Annotated[float, Choice("Exaggerated?", "t-SNE", "silent", EXAGGERATIONS, only_if=ONLY_TSNE)]
    iterations: int


class Umap(_Group):
    """What UMAP alone has, in umap-learn's units."""

    neighbours: Annotated[int, Choice("How many neighbours?", "UMAP", "silent", NEIGHBOURS, only_if=ONLY_UMAP)]
    min_dist: Annotated[float, Choice("How close may points lie?", "UMAP", "silent", GAPS, only_if=ONLY_UMAP)]
    epochs: int


class Params(_Group):
    """One embedding of one sample of points."""

    data: Data
    method: Annotated[Literal["tsne", "umap"], Choice("Which method?", "method", "stated", METHODS)]
    initialisation: Annotated[
        Literal["package", "random", "pca", "spectral"], Choice("Where does it start?", "start", "silent", STARTS)
    ]
    components: Annotated[int, Choice("How many principal components go in?", "input", "silent", COMPONENTS)]
    metric: Annotated[
        Literal["euclidean", "cosine", "correlation"], Choice("Which distance?", "input", "silent", DISTANCES)
    ]
    tsne: Tsne
    umap: Umap
    stream: int
    seed: int


WHY = "Kobak & Linderman take UMAP and t-SNE for equal at differences of 0.03 to 0.11 (graphs_benchmark.R @9c32ff8)"
HOW = "Pearson correlation, over pairs of {0}, of their distances in the embedding with those in the data"
CLASSES = HOW.format("class means") + "; in the hierarchy, with those of the true centres"
POINTS = HOW.format("points") + ", as Becht et al. and Kobak & Linderman compute it"
RECALL = "share of a point's 10 nearest neighbours in the data that are so in the embedding; a unit is a class"
CASE = PaperCase(
    name="umap-initialisation",
    title="What the comparison of UMAP with t-SNE leaves open",
    params=Params,
    metrics=(
        Metric("class_correlation", "Distances between classes", "higher", 3, CLASSES, margin=0.1, why=WHY),
        Metric("point_correlation", "Distances between points", "higher", 3, POINTS, margin=0.1, why=WHY),
        Metric("neighbour_recall", "Neighbours kept", "higher", 3, RECALL, margin=0.05, why="half a neighbour of ten"),
    ),
    folder=Path(__file__).parents[1] / "ablations",
    make_run="embedding.run:make_run",
    vocabulary=("embedding.case",),
)
