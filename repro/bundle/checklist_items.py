"""The checklists that a replication package is submitted with: numbers and subjects of their items, in few own words.

Sources: NeurIPS Paper Checklist (16 items, as of 2025); ACM Artifact Review and Badging 1.1 (badges and what they ask
of artifacts); the Machine Learning Reproducibility Checklist 2.0 (Pineau et al.), which the reproducibility challenge
goes by, its items numbered here by section and place.
"""

from typing import Final, NamedTuple


class Item(NamedTuple):
    """One item.

    Attributes:
        number: in the checklist.
        subject: in few words.
        facts: names of what evidence says of it (`checklist_facts`); empty: evidence cannot know.
        open: what is left to say all the same; empty: nothing.
    """

    number: str
    subject: str
    facts: tuple[str, ...] = ()
    open: str = ""


TITLES: Final = {
    "neurips": "NeurIPS Paper Checklist",
    "acm": "ACM Artifact Review and Badging 1.1",
    "mlrc": "ML Reproducibility Checklist 2.0",
}
ITEMS: Final[dict[str, tuple[Item, ...]]] = {
    "neurips": (
        Item("1", "claims", ("claims",), "whether abstract and introduction say no more"),
        Item("2", "limitations", ("limits",), "what else limits the work"),
        Item("3", "theory and proofs"),
        Item("4", "reproducibility of results", ("reproduce", "params", "seeds")),
        Item("5", "open data and code", ("code", "data"), "the public address of both"),
        Item("6", "settings and hyperparameters", ("params", "chosen")),
        Item("7", "error bars and significance", ("errors", "seeds")),
        Item("8", "compute", ("compute",), "compute of trials before the study"),
        Item("9", "code of ethics"),
        Item("10", "broader impact"),
        Item("11", "safeguards"),
        Item("12", "licences of existing assets", ("licences",), "terms of data and models that no file names"),
        Item("13", "new assets", ("package",), "what else is released"),
        Item("14", "crowdsourcing and human subjects"),
        Item("15", "review board approval"),
        Item("16", "use of language models"),
    ),
    "acm": (
        Item("Functional, documented", "inventory and description", ("package", "params")),
        Item("Functional, consistent", "the artefact belongs to the paper's results", ("claims", "reproduce")),
        Item("Functional, complete", "all parts are there", ("package", "data"), "data that cannot be passed on"),
        Item("Functional, exercisable", "it runs, and results can be made again", ("reproduce", "compute")),
        Item(
            "Reusable",
            "structure and standards for reuse",
            ("package", "licences"),
            "whether norms of the field are met",
        ),
        Item("Available", "archive with a permanent identifier", (), ""),
        Item("Results Reproduced", "by others, with the authors' artefacts", (), ""),
        Item("Results Replicated", "by others, without them", (), ""),
    ),
    "mlrc": (
        Item("1.1", "model and algorithm described", ("chosen",), "the mathematical setting"),
        Item("1.2", "assumptions stated", ("limits",), "assumptions of the method"),
        Item("1.3", "complexity analysed"),
        Item("2.1", "theoretical claims stated"),
        Item("2.2", "theoretical claims proved"),
        Item("3.1", "statistics of the data", ("units",), "numbers of examples by set"),
        Item("3.2", "splits", ("params",), "how the splits were drawn"),
        Item("3.3", "excluded data and preprocessing", ("params", "failures"), "what was left out before the study"),
        Item("3.4", "address of the data", ("data",), "a public address"),
        Item("3.5", "new data: how collected"),
        Item("4.1", "dependencies", ("environment",)),
        Item("4.2", "training code", ("code",), "a public address"),
        Item("4.3", "evaluation code", ("code",), "a public address"),
        Item("4.4", "trained models", (), ""),
        Item("4.5", "results with the command that makes them", ("reproduce",)),
        Item("5.1", "hyperparameters: ranges, choice, final values", ("chosen", "params")),
        Item("5.2", "number of training and evaluation runs", ("seeds", "failures")),
        Item("5.3", "measures defined", ("metrics",)),
        Item("5.4", "central tendency and variation", ("errors",)),
        Item("5.5", "runtime or energy", ("compute",)),
        Item("5.6", "infrastructure", ("environment", "compute")),
    ),
}
