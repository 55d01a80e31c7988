"""What looks at the results mean for a study: said of its plan, before anybody computes with it.

A study that is looked at whenever seeds have been added, and stops when a verdict pleases, finds more than there is.
Hence looks are kept with the plan (`freezing.record_look`), and statistics ask whether there was more than one.
"""

from repro.audit.study.plan import Plan


def describe_looks(plan: Plan, seeds: int) -> str:
    """Says how often a study is looked at and what its verdicts hold for; in a sentence or two.

    Args:
        plan: with the looks so far.
        seeds: of the next look: with which every variant of the design has been run, or is to be.
    """
    declared = plan.declared.sequential
    if declared is not None:
        return (
            f"The study is sequential: seeds are added while it is looked at, and its verdicts hold at every look up "
            f"to {declared.most_seeds} seeds."
        )
    if plan.is_sequential(seeds):
        counts = " and ".join(map(str, sorted({*plan.seeds_looked_at(), seeds} - {0, 1})))
        return (
            f"The study has not declared that it is looked at more than once; looks at {counts} seeds make its "
            "p-values those of a sequential study."
        )
    return (
        "Its verdicts hold for one look, when all seeds are there; to look while seeds are added, declare sequential: "
        "{most_seeds: N} before the first look."
    )
