"""Which errors are trouble of the machine: no space, no permission, no memory, a graphics card that is gone.

They say nothing of the run that meets them. It is lost, and tried again; only its own failure is an outcome.
"""

import errno
import re
import signal
from collections.abc import Iterator

ERRNOS = frozenset(
    getattr(errno, name)
    for name in (
        *("ENOSPC", "EDQUOT", "EROFS", "EFBIG", "EIO", "ENXIO", "ENODEV", "ESTALE", "EBUSY", "ETXTBSY"),
        *("EACCES", "EPERM", "ENOMEM", "EAGAIN", "EMFILE", "ENFILE", "ENOLCK", "EINTR"),
        *(
            "ETIMEDOUT",
            "ECONNREFUSED",
            "ECONNRESET",
            "ECONNABORTED",
            "EPIPE",
            "EHOSTUNREACH",
            "ENETUNREACH",
            "ENETDOWN",
        ),
    )
    if hasattr(errno, name)
)
"""Of the disk and its rights, of memory and open files, and of the network."""

WORDS = re.compile(
    r"out of memory|not enough memory|can't allocate memory|cannot allocate memory|no space left|disk is full|"
    r"disk i/o error|input/output error|read-only file system|permission denied|too many open files|"
    r"can't start new thread|"
    # of NumPy: a file that is cut short; of Python: a worker of a pool that is killed from outside
    r"\d+ requested and \d+ written|process pool was terminated abruptly|"
    # of torch: its archives on a full disk, its workers killed from outside, its shared memory
    r"PytorchStreamWriter failed|inline_container\.cc.*unexpected pos|"
    r"DataLoader worker .*(killed by signal: (Killed|Terminated|Bus error)|exited unexpectedly)|"
    r"unable to (open|allocate|mmap|resize|write to) .*shared memory|received 0 items of ancdata|"
    # of graphics cards; what a program can do wrong by itself (an assertion, an illegal address) is not among them
    r"(CUBLAS|CUDNN|CUSPARSE|CUSOLVER)_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)|no NVIDIA driver|NVML.*(error|mismatch)|"
    r"no CUDA GPUs are available|no CUDA-capable device|CUDA-capable device\(s\) is/are busy|CUDA unknown error|"
    r"CUDA driver version is insufficient|uncorrectable (ECC|NVLink) error|GPU is lost|GPU has fallen off the bus|"
    r"unspecified launch failure|launch timed out|device not ready|system not yet initialized|operation not supported "
    r"on this OS|NCCL error|connection closed by peer",
    re.IGNORECASE,
)
"""What libraries say whose errors have no number."""

OWN_SIGNALS = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS})
"""By which a process ends itself; all others come from outside, SIGKILL also from a system that is out of memory."""


def is_trouble(error: BaseException) -> bool:
    """Tells whether an error, or what has led to it, is trouble of the machine.

    Example:
        >>> is_trouble(OSError(errno.ENOSPC, "No space left on device")), is_trouble(ValueError("no such option"))
        (True, False)
    """
    return any(_is_trouble(each) for each in _causes(error))


def is_own_end(signal_number: int) -> bool:
    """Tells whether a process that a signal has ended has failed by itself."""
    return signal_number in OWN_SIGNALS


def _is_trouble(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in ERRNOS
    return isinstance(error, OSError | RuntimeError) | _is_of_database(error) and bool(WORDS.search(str(error)))


def _is_of_database(error: BaseException) -> bool:
    return type(error).__name__ == "OperationalError"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and what it has been raised from, or, hidden from the user, in place of."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (current.__context__ if current.__suppress_context__ else None)
