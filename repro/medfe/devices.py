"""The device, its flags, and what is recorded of it with each run."""

import os
import platform
from importlib.metadata import version
from typing import Any

import torch

from repro.errors import UserError
from repro.medfe.params.runtime import RuntimeParams

PACKAGES = (
    "torch",
    "torchvision",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "pillow",
)


def set_up_device(runtime: RuntimeParams) -> torch.device:
    """Sets torch's threads and flags for this process and returns the device that the params ask for.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    torch.set_num_threads(runtime.threads)
    if runtime.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads memory before writing it
        torch.backends.cudnn.benchmark = False
    available = torch.cuda.is_available()
    if runtime.device == "cuda" and not available:
        raise UserError("runtime.device=cuda, but torch sees no GPU here; use runtime.device=auto or cpu")
    return torch.device("cuda" if available and runtime.device != "cpu" else "cpu")


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Returns versions, device, threads and flags, as JSON can hold them."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {package: version(package) for package in PACKAGES},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "cudnn": torch.backends.cudnn.version(),
    }
