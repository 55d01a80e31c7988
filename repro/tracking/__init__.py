"""The index of what has been run: MLflow, imported in this package and nowhere else.

It holds nothing of its own: delete it, and `rebuild` makes it again from what DVC keeps.
"""

from repro.tracking.address import tracking_uri
from repro.tracking.logged import Logged, logged_variants
from repro.tracking.publish import Rebuilt, publish_variant, publish_workspace, rebuild
from repro.tracking.store import has_store, open_store
from repro.tracking.study_runs import link_runs, publish_runs

__all__ = [
    "Logged",
    "Rebuilt",
    "has_store",
    "link_runs",
    "logged_variants",
    "open_store",
    "publish_runs",
    "publish_variant",
    "publish_workspace",
    "rebuild",
    "tracking_uri",
]
