"""A judgement in sentences, which the terminal, the page and the summary share."""

from pathlib import Path

from repro.audit.statistics.verdicts import EQUIVALENT, MATTERS
from repro.judge.judgement import Judgement
from repro.judge.lines import count_verdicts
from repro.judge.settling import NextBatch, Question, Step
from repro.judge.source import SERVED

EXPLORATORY = "exploratory: found, not planned"
NOISE, SLOPES = "noise", "slopes"
"""The headings under which `tell_noise` and `tell_slopes` stand."""


def name_table(found: Judgement) -> str:
    """Returns what a table is called: the name of its file, or the place that its runs are in."""
    table = found.declared.table
    return table if table.startswith(SERVED) else Path(table).name


def tell_counts(found: Judgement) -> list[str]:
    """Returns how many options have each verdict, as "1 matters", "3 matter", "4 equivalent"; or "no verdict"."""
    counts = {} if found.refused else count_verdicts(found)
    verb = {MATTERS: "matter"}
    return [f"{number} {verb.get(name, name) if number > 1 else name}" for name, number in counts.items()] or [
        "no verdict"
    ]


def tell_counted(found: Judgement, between: str = ", ") -> str:
    """Returns the counts in one line, with the caution that verdicts on found runs carry."""
    return between.join(tell_counts(found)) + ("" if found.refused else f" ({EXPLORATORY})")


def tell_noise(found: Judgement) -> str:
    """Returns how far runs of one variant differ; empty where none was repeated."""
    sd, df, groups = found.noise
    return f"SD {sd:.4g} of a run within variants, pooled on {df} df ({groups} groups)" if df else ""


def list_sections(found: Judgement) -> list[tuple[str, list[str]]]:
    """Returns what is said beside the verdicts on options: headings, each with its sentences; empty ones left out."""
    noise = tell_noise(found)
    sections = [
        (SLOPES, tell_slopes(found)),
        (NOISE, [noise] if noise else []),
        ("what would settle it", list(found.next_runs)),
        ("what to run next", tell_batch(found)),
        ("what was found and done", found.said),
    ]
    return [(heading, sentences) for heading, sentences in sections if sentences]


def tell_slopes(found: Judgement) -> list[str]:
    """Returns a sentence for each numeric detail and each option beside them."""
    return [
        f"{row['verdict']}: {row['detail']} from {row['lowest']} to {row['highest']}: {row['reason']} "
        f"(n = {row['configurations']} configurations)"
        for row in found.slopes.to_dict("records")
    ]


def tell_batch(found: Judgement) -> list[str]:
    """Returns what to run next, a sentence for each step."""
    batch = found.batch
    if batch is None:
        return []
    chosen = [step for step in batch.steps if step.chosen]
    asked = sum(len(step.questions) for step in batch.steps) + len(batch.hopeless)
    limit = "" if batch.budget is None else f" of a budget of {batch.budget}"
    total = f"{len(batch.runs)} runs{limit}, expected to settle {batch.expected:.1f} of {asked} open comparisons"
    if chosen:
        total += ", if each true difference is what was estimated"
    elif batch.steps:
        total += ": none fits"
    if not asked:
        total = f"{len(batch.runs)} runs{limit}" + ("" if batch.steps else ": no comparison is open")
    sentences = [total]
    for step in batch.steps:
        told = "; ".join(_tell_question(question, found.word) for question in step.questions[:4])
        more = f"; and {len(step.questions) - 4} more" if len(step.questions) > 4 else ""
        cut = "" if step.chosen else ", beyond the budget"
        colon = ": " if told else ""
        sentences.append(f"{len(step.runs)} runs{cut}{colon}{told}{more}{_tell_runs(batch, step)}")
    if batch.hopeless:
        names = ", ".join(f"{question.detail}={question.option}" for question in batch.hopeless[:4])
        more = ", ..." if len(batch.hopeless) > 4 else ""
        sentences.append(f"no number up to {max(q.bound for q in batch.hopeless)} is expected to settle: {names}{more}")
    return [*sentences, *batch.said]


def _tell_question(question: Question, word: str) -> str:
    likelier = MATTERS if question.differs >= question.equivalent else EQUIVALENT
    further = f"{question.further} further {word}{'s' * (question.further != 1)}"
    return f"{question.detail}={question.option}: {further}, then {likelier} with a chance of {question.chance:.0%}"


def _tell_runs(batch: NextBatch, step: Step) -> str:
    """Names the runs of a step, the seeds of each variant together."""
    seeds: dict[str, list[str]] = {}
    for run in step.runs:
        seeds.setdefault(", ".join(f"{name}={value}" for name, value in run.options.items()), []).append(run.seed)
    named = [f"{name} with {batch.seed} {', '.join(own)}" if all(own) else name for name, own in seeds.items()]
    return f" ({'; '.join(named[:4])}{'; ...' * (len(named) > 4)})" if named else ""
