"""What is installed beside the base, which judges tables: each extra is a part of the toolkit with packages of its own.

Nothing is imported to find out, so that a command can say what it lacks before it has begun.
"""

from importlib.util import find_spec

from repro.errors import UserError

DISTRIBUTION = "repro-audit"
"""The name on the package index, where `repro` is another library."""
EXTRAS = {
    "study": ("dvc", "dvc_data", "filelock", "ipykernel", "nbconvert", "nbformat", "omegaconf", "papermill", "rocrate"),
    "mlflow": ("filelock", "mlflow", "sqlalchemy"),
    "parquet": ("pyarrow",),
    "wandb": ("wandb",),
    "medfe": ("PIL", "cv2", "filelock", "skimage", "torch", "torchmetrics", "torchvision"),
    "cluster": ("ray",),
}
"""The modules of each extra that the code imports."""


def require(*extras: str) -> None:
    """Checks that everything that some extras bring can be imported.

    Raises:
        UserError: a package is not there; it says how to install the extras that lack one.

    Example:
        >>> require()  # of the base alone
    """
    lacking = [extra for extra in extras if not all(map(find_spec, EXTRAS[extra]))]
    if lacking:
        raise _lacks(lacking)


def explain_missing(error: ModuleNotFoundError) -> Exception:
    """Returns what to raise for a module that is not there: which extra brings it, or the same error.

    Example:
        >>> print(explain_missing(ModuleNotFoundError(name="ray.util")))
        needs the extra cluster: pip install 'repro-audit[cluster]'
        >>> explain_missing(ModuleNotFoundError("no module of ours", name="paper"))
        ModuleNotFoundError('no module of ours')
    """
    module = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return error if extra is None else _lacks([extra])


def _lacks(extras: list[str]) -> UserError:
    named = f"extra {extras[0]}" if len(extras) == 1 else f"extras {' and '.join(extras)}"
    return UserError(f"needs the {named}: pip install '{DISTRIBUTION}[{','.join(extras)}]'")
