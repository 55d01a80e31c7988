"""Several processes as one training: each takes its rows of every batch, together they compute what one would.

Three things couple the images of a batch, and are communicated here: gradients, the statistics of batch norms, and the
scores that a relativistic loss compares with the mean of all others.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store

from repro.processes import Process

TIMEOUT = timedelta(days=7)
"""How long a process waits for the first one, which may wait for a lock; one that dies is noticed at once."""

PROCESS_LOST = "a process of this training was ended; the same command goes on from the last checkpoint"


@contextmanager
def process_group(process: Process, device: torch.device) -> Iterator[None]:
    """Connects the processes that `torchrun` has started; where one of them dies, the others end with one line.

    The backend is gloo on CPUs and NCCL on GPUs.
    """
    if process.ranks == 1:
        yield
        return
    store, rank, ranks = next(dist.rendezvous("env://", timeout=TIMEOUT))  # type: ignore[attr-defined]  # is public
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=TIMEOUT)
    before = signal.signal(signal.SIGTERM, lambda *_: _exit(store))
    try:
        yield
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        _exit(store)
    finally:
        signal.signal(signal.SIGTERM, before)
    dist.destroy_process_group()


def gather(item: Tensor) -> Tensor:
    """Returns (number of processes, *shape): the items (*shape) of all processes; each gets its own gradient back."""
    gathered: Tensor = _AllGather.apply(item)
    return gathered


def synchronise_norms(network: nn.Module) -> None:
    """Replaces the batch norms of a network, in place, by ones that see the batch of all processes."""
    replaced: dict[nn.Module, nn.Module] = {}
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, replaced.setdefault(child, GlobalBatchNorm(child)))


class GlobalBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batch of all processes, of which each has the same share.

    Departs: torch's `SyncBatchNorm` does this on GPUs only. Like our own for one process, the identity where a
    training batch has one value per channel.
    """

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked

    def forward(self, features: Tensor) -> Tensor:
        """Normalises (B, C, H, W) over B, H and W of all processes."""
        if not self.training:
            return super().forward(features)
        exact = features if features.dtype == torch.float64 else features.float()
        variances, means = gather(torch.stack(torch.var_mean(exact, dim=(0, 2, 3), correction=0))).unbind(1)
        count = len(means) * exact.numel() // exact.shape[1]
        if count == 1:
            return features
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        self._track(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        normalised = (exact - _as_map(mean)) * _as_map(scale)
        return (normalised + _as_map(self.bias) if self.affine else normalised).to(features.dtype)

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class _AllGather(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, item: Tensor) -> Tensor:
        gathered = item.new_empty((dist.get_world_size() * item.shape[0], *item.shape[1:]))
        dist.all_gather_into_tensor(gathered, item.contiguous())
        return gathered.view(dist.get_world_size(), *item.shape)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous()
        dist.all_reduce(total)
        return total[dist.get_rank()]


def _as_map(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)


def _is_lost_connection(error: RuntimeError) -> bool:
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()


def _exit(store: Store) -> None:
    """Ends this process; the first one of those that are left says why."""
    if store.add("repro/told", 1) == 1:
        print(f"train: {PROCESS_LOST}", file=sys.stderr, flush=True)
    raise SystemExit(2)
