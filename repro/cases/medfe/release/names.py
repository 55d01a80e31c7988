"""What the authors' tensors are called, and what ours are: one table, read both ways.

The shapes beside this file are those of their checkpoints; no code of theirs is here.
"""

import json
from pathlib import Path
from typing import Literal

Network = Literal["EN", "DE", "MEDFE"]
NETWORKS: tuple[Network, ...] = ("EN", "DE", "MEDFE")
"""Encoder, decoder, and what stands between them; each is one file of theirs."""

STREAM_KERNELS = (3, 5, 7)
STREAM_LAYERS = 5
RESIDUAL_BLOCKS = 4
BRANCHES = ("texture", "structure")
TENSORS = Path(__file__).with_name("tensors.json")


def release_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Returns every tensor of one of their files with its shape, in the file's order."""
    return {name: tuple(shape) for name, shape in json.loads(TENSORS.read_text())[network].items()}


def our_names(network: Network) -> dict[str, list[str]]:
    """Returns for each of their tensors the names in our generator; several where their weights are shared."""
    match network:
        case "EN":
            return _encoder()
        case "DE":
            return _decoder()
        case "MEDFE":
            return {f"pc_block.{theirs}": ours for theirs, ours in (_rescaling() | _streams()).items()} | _head()


def is_counting(name: str) -> bool:
    """Tells whether one of their tensors is a counting kernel of a partial convolution."""
    return "mask_conv" in name


def _encoder() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for level in range(6):
        theirs, ours, place = f"Encoder_{level + 1}.model", f"encoder.levels.{level}", min(level, 1)
        names |= _both(f"{theirs}.{place}", f"{ours}.convolution")
        if 0 < level < 5:
            names |= _both(f"{theirs}.2", f"{ours}.norm")
    for block in range(RESIDUAL_BLOCKS):
        for index, place in enumerate((1, 5)):
            ours = f"encoder.residual.blocks.{block}.convolutions.{index}.weight"
            names[f"middle.{block}.conv_block.{place}.weight"] = [ours]
    return names


def _decoder() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for level in range(6):
        names |= _both(f"Decoder_{level + 1}.model.1", f"decoder.levels.{level}.convolution")
        if level < 5:
            names |= _both(f"Decoder_{level + 1}.model.2", f"decoder.levels.{level}.norm")
    return names


def _rescaling() -> dict[str, list[str]]:
    projections = [f"{branch}.{place}.0.weight" for branch in BRANCHES for place in ("enter", "leave")]
    names = {
        "down_128.model.0.weight": ["texture_levels.paths.0.0.weight"],
        "down_128.model.3.weight": ["texture_levels.paths.0.3.weight"],
        "down_64.model.0.weight": ["texture_levels.paths.1.0.weight"],
        "down_32.model.0.weight": ["texture_levels.paths.2.0.weight"],
        "up.conv.weight": [f"structure_levels.paths.{index}.0.weight" for index in range(3)],
        "down.model.0.weight": projections,
        "fuse.model.0.weight": ["fuse.0.weight"],
        "base.down.0.weight": ["propagate.fuse.0.weight"],
    }
    names |= _both("base.model.0.fc.0", "equalise_channels.squeeze") | _both(
        "base.model.0.fc.2", "equalise_channels.excite"
    )
    for level, size in enumerate((128, 64, 32)):
        names[f"up_{size}.conv.weight"] = [f"add_to_skips.paths.{level}.project.0.weight"]
    for halvings, size in enumerate((16, 8, 4), start=1):
        for place in range(0, 3 * halvings, 3):
            names[f"down_{size}.model.{place}.weight"] = [f"add_to_skips.paths.{halvings + 2}.path.{place}.weight"]
    return names


def _streams() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for index, kernel in enumerate(STREAM_KERNELS):
        for layer in range(STREAM_LAYERS):
            theirs = f"cov_{kernel}.{layer}"
            streams = [f"{branch}.fill.streams.{index}" for branch in BRANCHES]
            names[f"{theirs}.conv.input_conv.weight"] = [f"{stream}.convolutions.{layer}.weight" for stream in streams]
            names[f"{theirs}.conv.mask_conv.weight"] = [f"{stream}.convolutions.{layer}.counting" for stream in streams]
            for part in ("weight", "bias"):
                names[f"{theirs}.bn.{part}"] = [f"{stream}.norms.{layer}.{part}" for stream in streams]
    return names


def _head() -> dict[str, list[str]]:
    return {
        f"loss.0.down_model.0.{part}": [f"{branch}.show.{part}" for branch in BRANCHES] for part in ("weight", "bias")
    }


def _both(theirs: str, ours: str) -> dict[str, list[str]]:
    return {f"{theirs}.{part}": [f"{ours}.{part}"] for part in ("weight", "bias")}
