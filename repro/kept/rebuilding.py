"""Every number of a page once more, from the rows that are kept: which agree, and which do not, with both values."""

from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

from repro.audit.page.subject import Subject
from repro.kept.folder import AUDIT_SECTIONS, describe_statistics
from repro.kept.page import NUMBER, SectionText, find_sections, read_frame, read_section
from repro.kept.study import KeptStudy

NOTHING: Final = "nothing"


class Difference(NamedTuple):
    """What a page says at one place, and what follows from the rows."""

    where: str
    kept: str
    rebuilt: str


class Rebuilt(NamedTuple):
    """A page held against its rows.

    Attributes:
        sections: what follows from the rows, section by section.
        agree: how many numbers and verdicts are the same.
        rounded: places that differ by one unit of the last digit shown, where versions or instructions are others.
        differences: places that differ.
        pictures: how many pictures are the same, to the byte.
        redrawn: pictures that are not, where other versions drew them.
        unseen: sections of the page that its case has made from artefacts, which are not kept here.
        reworded: passages that this version would not put like that, or not at all; they decide nothing.
        elsewhere: what the page was computed with and this machine has otherwise, as "name: there, here".
    """

    sections: Mapping[str, SectionText]
    agree: int
    rounded: list[Difference]
    differences: list[Difference]
    pictures: int
    redrawn: list[str]
    unseen: list[str]
    reworded: list[Difference]
    elsewhere: list[str]


def rebuild_sections(subject: Subject) -> dict[str, str]:
    """Returns the HTML of every section that follows from the rows, by its name."""
    return {name: section.make(subject) for name, section in AUDIT_SECTIONS.items()}


def rebuild(page: str, kept: KeptStudy) -> Rebuilt:
    """Analyses the kept rows again and compares all that a page says with what comes out."""
    now = {name: read_section(source) for name, source in rebuild_sections(kept.analyse()).items()}
    then = {name: read_section(source) for name, source in find_sections(page).items()}
    here = describe_statistics()
    elsewhere = [
        f"{name}: {there} there, {here.get(name, NOTHING)} here"
        for name, there in kept.computed_with.items()
        if here.get(name) != there
    ]
    agree, rounded, differences, pictures, redrawn = 0, list[Difference](), list[Difference](), 0, list[str]()
    reworded = list[Difference]()
    for name, section in now.items():
        heading = AUDIT_SECTIONS[name].heading or name
        if name not in then:
            if not (section.said or section.pictures):
                continue  # it has nothing to say of this study
            differences.append(Difference(heading, NOTHING, "a section of the page"))
            continue
        same, others = _compare(heading, then[name], section)
        agree += same
        reworded += _compare_words(heading, then[name].words, section.words)
        for item in others:
            (rounded if elsewhere and _is_rounding(item) else differences).append(item)
        drawn = [picture.sha256 for picture in section.pictures]
        for place, picture in enumerate(then[name].pictures):
            if place < len(drawn) and drawn[place] == picture.sha256:
                pictures += 1
            elif elsewhere and place < len(drawn):
                redrawn.append(f"{heading}: {picture.where}")
            else:
                differences.append(Difference(f"{heading}: {picture.where}", "a picture", "another picture"))
    unseen = [name for name in then if name not in now]
    headings, added = read_frame(page)
    ours = {section.heading for section in AUDIT_SECTIONS.values()}
    added += [heading for heading in headings if heading not in ours][len(unseen) :]  # a case names its own
    reworded += [Difference("between the sections", words, NOTHING) for words in added]
    return Rebuilt(now, agree, rounded, differences, pictures, redrawn, unseen, reworded, elsewhere)


def _compare(heading: str, then: SectionText, now: SectionText) -> tuple[int, list[Difference]]:
    """Returns how many values of a section agree, and where it says something else."""
    agree, found = 0, []
    for place in dict.fromkeys([*then.said, *now.said]):
        one, other = then.said.get(place), now.said.get(place)
        values, rebuilt = (one.values if one else ()), (other.values if other else ())
        if values == rebuilt:
            agree += len(values)
            continue
        where = f"{heading}: {(one or other).where}"  # type: ignore[union-attr]
        if len(values) == len(rebuilt):
            agree += sum(left == right for left, right in zip(values, rebuilt, strict=True))
            found += [
                Difference(where, left, right) for left, right in zip(values, rebuilt, strict=True) if left != right
            ]
        else:
            found.append(Difference(where, " ".join(values) or NOTHING, " ".join(rebuilt) or NOTHING))
    return agree, found


def _compare_words(heading: str, then: list[str], now: list[str]) -> list[Difference]:
    """Returns the passages of a section that only one of two versions has, in pairs by their order."""
    theirs, ours = ((Counter(one) - Counter(other)).elements() for one, other in ((then, now), (now, then)))
    return [Difference(heading, *pair) for pair in zip_longest(theirs, ours, fillvalue=NOTHING)]


def _is_rounding(item: Difference) -> bool:
    """Tells whether two numbers have as many decimals and differ by one in the last of them."""
    texts = [text.replace("\N{MINUS SIGN}", "-").rstrip("%") for text in (item.kept, item.rebuilt)]
    if not all(NUMBER.fullmatch(text) for text in texts) or "e" in "".join(texts):
        return False
    decimals = [len(text.partition(".")[2]) for text in texts]
    return decimals[0] == decimals[1] and abs(float(texts[0]) - float(texts[1])) < 1.5 * 10 ** -decimals[0]
