"""Two processes that take the same steps together; `test_ranks.py` starts this file and compares with one process.

The processes are forks of one that has imported everything, so that it is done once.
"""

import os
import socket
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from repro.cases.medfe.params import Params
from repro.cases.medfe.training.batches import Batch
from repro.cases.medfe.training.distributed import process_group
from repro.cases.medfe.training.step import AdversarialTrainer
from repro.processes import Process, this_process
from rounding import in_double
from tiny import random_batch, tiny_params

STEPS = 2
BASE = {"training.batch_size": 4, "loss.local_region": "hole_box"}
VARIANTS: dict[str, dict[str, Any]] = {
    "ragan": {},
    "rahinge": {
        "loss.adv": "rahinge",
        "loss.global_region": "none",
        "model.norm": "instance",
        "model.norm_levels": "all",
    },
    "hinge": {"loss.adv": "hinge", "model.skip_addition": "hole_only", "optimisation.critic_steps": 2},
    "wgan_gp": {"loss.adv": "wgan_gp", "loss.local_network": "shared", "model.projection_weights": "shared"},
    "none": {"loss.adv": "none", "model.norm": "group"},
    "bf16": {"runtime.precision": "bf16", "model.discriminator_regularisation": "instance_norm"},
}
"""Each way in which the images of a batch can be coupled."""


def variant_params(name: str) -> Params:
    """Returns a variant whose batch two processes share."""
    return tiny_params(BASE | VARIANTS[name])


def rows_of(batch: Batch, process: Process) -> Batch:
    """Returns the rows of one process."""
    return Batch(*(item.chunk(process.ranks)[process.rank] for item in batch))


def take_steps(params: Params, process: Process) -> dict[str, dict[str, torch.Tensor]]:
    """Returns the terms of each step, and of the first one gradients and the generator's statistics, by name.

    In float64, but for bf16.
    """
    with nullcontext() if params.runtime.precision == "bf16" else in_double():
        return _take_steps(params, process)


def _take_steps(params: Params, process: Process) -> dict[str, dict[str, torch.Tensor]]:
    trainer = AdversarialTrainer(params, torch.device("cpu"), process)
    taken: dict[str, dict[str, torch.Tensor]] = {}
    for number in range(STEPS):
        terms = trainer.step(rows_of(random_batch(params, number), process), number)
        taken[f"terms {number}"] = {name: term.clone() for name, term in terms.items()}
        if number == 0:
            parameters = {name: item for name, item in trainer.named_parameters() if item.grad is not None}
            taken["gradients"] = {name: item.grad.clone() for name, item in parameters.items()}
            buffers = trainer.generator.named_buffers()
            taken["statistics"] = {name: item.clone() for name, item in buffers if "running" in name}
    taken["weights"] = trainer.generator.state_dict()
    return taken


def work(folder: Path) -> None:
    """Writes what this process computed for each variant."""
    torch.set_num_threads(1)
    process = this_process()
    with process_group(process, torch.device("cpu")):
        results = {name: take_steps(variant_params(name), process) for name in VARIANTS}
    torch.save(results, folder / f"{process.rank}.pt")


def main() -> None:
    """Starts two processes, as `torchrun` does, and waits for them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            work(Path(sys.argv[1]))
            return
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    raise SystemExit(max(codes))


if __name__ == "__main__":
    main()
