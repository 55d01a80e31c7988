"""Sections on what the results rest on: photographs, holes, what could not be computed, and the machine."""

import html

import pandas as pd

from repro.audit.ledger.values import flatten
from repro.audit.page.fragment import Fragment
from repro.audit.page.tables import table_html
from repro.cases.medfe.metrics.records import METRICS
from repro.cases.medfe.report.contents import Contents


def show_photographs(contents: Contents) -> Fragment:
    """Returns how many photographs and images each split holds, and which files were left out and why."""
    account = contents.prepared
    if not account:
        return Fragment("<p>The account of the photographs is not in this working tree.</p>")
    columns = {title: account[name] for name, title in _SPLIT_COLUMNS.items() if name in account}
    splits = table_html(pd.DataFrame(columns).rename_axis("split"), "The splits share no photograph.")
    return Fragment(f"<p>{_describe_source(contents)}</p>{splits}{_left_out(contents)}")


def show_not_computed(contents: Contents) -> Fragment:
    """Returns the figures that there are not, each with the reason."""
    reasons = contents.not_computed
    if not reasons:
        return Fragment("<p>Every metric was computed.</p>")
    titles = {metric.name: metric.title for metric in METRICS}
    items = "".join(
        f"<li><b>{titles.get(name, name)}</b>: not computed: {html.escape(text)}</li>" for name, text in reasons.items()
    )
    return Fragment(f"<ul>{items}</ul>")


def show_environment(contents: Contents) -> Fragment:
    """Returns the machine and the versions that the training recorded."""
    environment = flatten(contents.evidence.record.get("environment", {}))
    table = pd.DataFrame({"value": [str(value) for value in environment.values()]}, index=pd.Index(environment))
    return Fragment(table_html(table.rename_axis("recorded"), "As recorded by the training"))


_SPLIT_COLUMNS = {"photographs": "photographs", "images": "images", "upsampled_images": "images upsampled to size"}


def _describe_source(contents: Contents) -> str:
    account, settings = contents.prepared, contents.settings
    converted = account.get("files_converted", {})
    kinds = ", ".join(f"{count} {html.escape(kind)}" for kind, count in converted.items())
    several = account.get("photographs_of_several_files", 0)
    sentences = [
        f"Source <code>{html.escape(str(account.get('source')))}</code>: {account.get('files_read')} files were read.",
        f"Converted: {kinds}." if kinds else "",
        f"{several} photograph{'s' * (several > 1)} came in several files, and each counts once." if several else "",
        f"Holes: <code>{settings['masks.source']}</code> in training, "
        f"<code>{settings['masks.evaluation_source']}</code> in evaluation, the same for every variant and seed.",
    ]
    return " ".join(filter(None, sentences))


def _left_out(contents: Contents) -> str:
    account = contents.prepared
    count = account.get("files_left_out", 0)
    if not count:
        return "<p>No file was left out.</p>"
    reasons = pd.Series(account["left_out_reasons"]).rename("files").rename_axis("reason").to_frame()
    examples = "; ".join(f"{item['file']} ({item['reason']})" for item in account.get("left_out_examples", []))
    table = table_html(reasons, f"{count} files were left out")
    return f"{table}<p>Among them: {html.escape(examples)}.</p>"
