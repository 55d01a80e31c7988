"""Writes the evidence of a variant in its real form, with invented numbers and pictures, in a fraction of a second."""

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd

from repro.cases.medfe.metrics.records import COLUMNS, IMAGE_METRICS

BUCKETS = ("01-10", "10-20", "20-30", "30-40", "40-50", "50-60")
PHOTOGRAPHS = ("astronaut", "coffee", "rocket")
CROPS = 2
BASELINE_DB = {"constant": 10.4, "known_mean": 13.2, "telea": 20.1, "navier_stokes": 19.8, "biharmonic": 22.4}
TERMS = ("pixel", "structure", "texture", "perceptual", "style", "adversarial", "discriminator")


def write_evidence(
    results: Path, variant: str = "0123456789", seed: int = 0, model_db: float = 17.0, **details: object
) -> Path:
    """Writes `train/`, `evaluate/` and `baselines/`; details are loss parameters, e.g. adv="hinge"."""
    params = {
        "data": {"source": "photos", "image_px": 64, "structure": {"method": "rtv"}},
        "masks": {"source": "strokes", "evaluation_source": "strokes", "seed": 0},
        "loss": {"adv": "ralsgan", "style_weight": 0.5, **details},
        "evaluation": {"checkpoint": "last", "output": "composite", "rounding": "none"},
        "model": {"base_width": 16},
        "training": {"steps": 400, "batch_size": 8},
        "runtime": {"device": "cpu", "threads": 2},
        "seed": seed,
    }
    _write_training(results / "train", params)
    published = {"key": "0" * 64, "variant": variant, "seed": seed, "params": params}
    (results / "published.json").write_text(json.dumps(published))
    rows = _image_rows({"model": model_db + 0.1 * seed}, outputs=("composite", "raw"))
    _write_evaluation(results / "evaluate", rows)
    baselines = results / "baselines"
    baselines.mkdir(parents=True)
    _image_rows(BASELINE_DB, outputs=("composite",)).to_csv(baselines / "images.csv", index=False)
    return results


def write_inputs(data: Path) -> None:
    """Writes the account of the photographs, as the first stage leaves it."""
    prepared = data / "prepared"
    prepared.mkdir(parents=True)
    account = {
        "source": "photos",
        "image_px": 64,
        "resize": "centre_crop",
        "photographs": {"train": 9, "validation": 2, "test": 3},
        "images": {"train": 288, "validation": 4, "test": 6},
        "upsampled_images": {"train": 0, "validation": 0, "test": 1},
        "files_read": 15,
        "files_converted": {"grey": 1, "palette": 2},
        "files_left_out": 2,
        "left_out_reasons": {"not an image": 1, "same bytes as another file": 1},
        "left_out_examples": [{"file": "notes <old>.txt", "reason": "not an image"}],
        "left_out_file": "left_out.csv",
        "photographs_of_several_files": 1,
        "several_files_examples": {"motorcycle": ["motorcycle_left.png", "motorcycle_right.png"]},
    }
    (prepared / "report.json").write_text(json.dumps(account))


def _write_training(folder: Path, params: Mapping[str, object]) -> None:
    (folder / "samples").mkdir(parents=True)
    (folder / "checkpoint.pt").write_bytes(b"weights")
    steps = np.arange(10, 410, 10)
    columns = {name: (1 + k) * np.exp(-steps / 150) + 0.05 * np.sin(steps + k) for k, name in enumerate(TERMS)}
    history = pd.DataFrame({"step": steps, **columns})
    history["validation_psnr_hole_db"] = [10 + step / 60 if step % 100 == 0 else None for step in steps]
    history.to_csv(folder / "history.csv", index=False)
    environment = {"python": "3.11.2", "packages": {"torch": "2.15.0"}, "device": "cpu", "threads": 2}
    record = {"params": {key: params[key] for key in params if key != "evaluation"}, "environment": environment}
    (folder / "record.json").write_text(json.dumps({**record, "vgg": "vgg16 with random weights", "seconds": 151.2}))
    (folder / "metrics.json").write_text(json.dumps({"steps": 400}))
    _write_picture(folder / "samples" / "step_0000400.png", rows=2, columns=4)


def _write_evaluation(folder: Path, rows: pd.DataFrame) -> None:
    folder.mkdir(parents=True)
    rows.to_csv(folder / "images.csv", index=False)
    rows.assign(rounding="none").to_csv(folder / "protocols.csv", index=False)
    composite = rows[rows["output"] == "composite"]
    metrics = {metric.name: float(composite[metric.name].mean()) for metric in IMAGE_METRICS}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    reasons = {"lpips": "no weights on disk", "fid": "6 images are fewer than 2048"}
    (folder / "not_computed.json").write_text(json.dumps(reasons))
    means = rows.groupby(["method", "bucket"])[list(metrics)].mean().reset_index()
    means.to_csv(folder / "buckets.csv", index=False)
    _write_picture(folder / "grid.png", rows=6, columns=6)


def _image_rows(methods: Mapping[str, float], outputs: tuple[str, ...]) -> pd.DataFrame:
    generator = np.random.default_rng(7)
    rows = []
    for method, level_db in methods.items():
        for image in range(len(PHOTOGRAPHS) * CROPS):
            for place, bucket in enumerate(BUCKETS):
                psnr_hole_db = level_db + 2.5 - place + generator.normal(scale=0.8)
                rows += [
                    {
                        "method": method,
                        "image": image,
                        "photograph": PHOTOGRAPHS[image // CROPS],
                        "bucket": bucket,
                        "hole_ratio": 0.05 + 0.1 * place + 0.001 * image,
                        "output": output,
                        **dict.fromkeys(COLUMNS, level_db / 100),
                        "psnr_hole_db": psnr_hole_db,
                        "psnr_db": psnr_hole_db + 6 - (1.5 if output == "raw" else 0),
                        "ssim": 0.95 - 0.08 * place + level_db / 1000,
                        "l1_hole": 0.5 / level_db,
                        "l1": 0.03 / level_db * (1 + place),
                        "lpips": None,
                    }
                    for output in outputs
                ]
    return pd.DataFrame(rows)


def _write_picture(file: Path, rows: int, columns: int) -> None:
    across, down = np.meshgrid(np.linspace(0, 1, 64 * columns), np.linspace(0, 1, 64 * rows))
    matplotlib.image.imsave(file, np.stack([across, down, 0.5 + 0.5 * np.sin(20 * across * down)], axis=-1))
