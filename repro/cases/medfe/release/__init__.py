"""The authors' checkpoints and loss values: read, checked, computed with, and written back in their layout."""

from repro.cases.medfe.release.importing import export_release, import_release, load_release
from repro.cases.medfe.release.losses import ReleaseTerms, release_losses

__all__ = ["ReleaseTerms", "export_release", "import_release", "load_release", "release_losses"]
