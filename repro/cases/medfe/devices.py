"""The device, its flags, and what is recorded of it with each run."""

import os
import platform
import shutil
from importlib.metadata import version
from typing import Any

import torch

from repro.cases.medfe.params.runtime import RuntimeParams
from repro.errors import UserError
from repro.processes import ALONE, Process

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


COMPILERS = ("c++", "g++", "clang++")


def set_up_device(runtime: RuntimeParams, process: Process = ALONE) -> torch.device:
    """Sets torch's threads and flags for this process and returns the device that the params ask for.

    Args:
        runtime: the params.
        process: of several on one machine, each takes a GPU of its own.

    Raises:
        UserError: a GPU is asked for and there is none, or not one for each process.
    """
    torch.set_num_threads(runtime.threads)
    torch.backends.cudnn.benchmark = not runtime.deterministic
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 means float32
    if runtime.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads memory before writing it
    available = torch.cuda.is_available()
    if runtime.device == "cuda" and not available:
        raise UserError("runtime.device=cuda, but torch sees no GPU here; use runtime.device=auto or cpu")
    if not available or runtime.device == "cpu":
        return torch.device("cpu")
    if process.ranks == 1:
        return torch.device("cuda")
    if process.local_ranks > torch.cuda.device_count():
        raise UserError(
            f"{process.local_ranks} processes, but torch sees {torch.cuda.device_count()} GPUs here; "
            "give torchrun as many processes as GPUs, or use runtime.device=cpu"
        )
    torch.cuda.set_device(process.local_rank)
    return torch.device("cuda", process.local_rank)


def check_compiler() -> None:
    """Checks that `runtime.compile` can work here.

    Raises:
        UserError: there is no C++ compiler.
    """
    named = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([named] if named else COMPILERS)):
        raise UserError(
            f"runtime.compile=true, but there is no C++ compiler here ({', '.join([named] if named else COMPILERS)})\n"
            "  install one, name it in the environment variable CXX, or use runtime.compile=false"
        )


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
        "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
        "cudnn": torch.backends.cudnn.version(),
    }
