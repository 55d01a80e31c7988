"""One training step: the discriminators first, then the generator, which meets the updated ones."""

from contextlib import AbstractContextManager
from typing import assert_never

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from repro.cases.medfe.initialisation import initialise
from repro.cases.medfe.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty
from repro.cases.medfe.losses.pixels import pixel_loss, supervision_loss
from repro.cases.medfe.losses.vgg import VggLoss, make_vgg_loss
from repro.cases.medfe.model import Discriminators, Generator, GeneratorOutput
from repro.cases.medfe.model.discriminator import Scores, stack_judged
from repro.cases.medfe.model.generator import fill_hole
from repro.cases.medfe.params import Params
from repro.cases.medfe.params.optimisation import OptimisationParams, Schedule
from repro.cases.medfe.training.batches import Batch
from repro.cases.medfe.training.execution import autocast, memory_format, set_running
from repro.cases.medfe.training.seed import training_seed
from repro.processes import ALONE, Process
from repro.randomness import derive_seed

CONSTANT_SHARE = 1 / 6
"""Of the training, before the linear decay. Source: options @9adf889, 20 of 120 epochs."""

Terms = dict[str, Tensor]
"""Unweighted terms by name, detached."""


class Players(nn.Module):
    """The generator, the discriminators, their optimisers and the fixed VGG.

    Several processes have the same players, and take the same steps, each on its rows of the batch.
    """

    def __init__(self, params: Params, device: torch.device, process: Process = ALONE) -> None:
        super().__init__()
        self.params, self.device = params, device
        seed, optimisation = training_seed(params), params.optimisation
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "initialisation"))
            self.generator = Generator(params.model)
            self.discriminators = Discriminators(params.model, params.loss, params.data.image_px)
        initialise(self.generator, optimisation.initialisation, seed, "generator")
        same = optimisation.discriminator_initialisation == "same"
        initialise(self.discriminators, optimisation.initialisation if same else "default", seed, "discriminators")
        self.vgg: VggLoss | None = make_vgg_loss(params.loss)
        self.to(device).to(memory_format=memory_format(params.runtime))
        self.running = set_running(self.generator, self.discriminators, self.vgg, params.runtime, process)
        self.optimiser = _adam(self.generator, optimisation, 1)
        self.critic: Optimizer | None = None
        if params.loss.adv != "none":
            self.critic = _adam(self.discriminators, optimisation, optimisation.discriminator_ratio)

    def step(self, batch: Batch, step: int) -> Terms:
        """Trains both players on one batch and returns the terms."""
        factor = schedule_factor(self.params.optimisation.schedule, step / self.params.training.steps)
        with self._autocast():
            output = GeneratorOutput(*(item.float() for item in self.running.fill(batch.image, batch.hole)))
        terms: Terms = {}
        if self.critic is not None:
            _set_rate(self.critic, factor)
            for _ in range(self.params.optimisation.critic_steps):
                terms |= self._step_discriminators(self.critic, output.image.detach(), batch)
        _set_rate(self.optimiser, factor)
        return terms | self._step_generator(output, batch)

    def _step_discriminators(self, critic: Optimizer, output: Tensor, batch: Batch) -> Terms:
        loss = self.params.loss
        real, fake = self._judged(batch.image, batch), self._judged(output, batch)
        with self._autocast():
            scores = self.running.judge(torch.cat([real, fake]), batch.corners.repeat(2, 1))
        terms = {}
        for name, logits in zip(self._names("discriminator"), scores.present(), strict=True):
            of_real, of_fake = (self.running.collect(half) for half in logits.float().chunk(2))
            terms[name] = discriminator_loss(loss.adv, of_real, of_fake)
        if loss.adv == "wgan_gp" or self.params.model.discriminator_regularisation == "gradient_penalty":
            penalties = gradient_penalty(
                lambda images: self.discriminators(images, batch.corners).present(), real, fake, batch.mix
            )
            terms |= dict(zip(self._names("gradient_penalty"), penalties, strict=True))
        total = loss.discriminator_factor * torch.stack(list(terms.values())).sum()
        critic.zero_grad(set_to_none=True)
        total.backward()
        critic.step()
        return {name: term.detach() for name, term in terms.items()}

    def _step_generator(self, output: GeneratorOutput, batch: Batch) -> Terms:
        loss, model = self.params.loss, self.params.model
        terms = {
            "pixel": pixel_loss(output.image, batch.image, batch.hole, loss.pixel_form),
            "structure": supervision_loss(output.structure, batch.structure, model.target_resize),
            "texture": supervision_loss(output.texture, batch.image, model.target_resize),
        }
        if self.running.compare is not None:
            with self._autocast():
                vgg = self.running.compare(output.image, batch.image)
            terms |= {"perceptual": vgg.perceptual, "style": vgg.style}
        if self.critic is not None:
            terms |= self._adversarial(output.image, batch)
        total = torch.stack([self._weight(name) * term for name, term in terms.items()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.optimiser.step()
        return {name: term.detach() for name, term in terms.items()} | {"total": total.detach()}

    def _adversarial(self, output: Tensor, batch: Batch) -> Terms:
        self.discriminators.requires_grad_(False)
        with self._autocast():
            with torch.no_grad():
                real: Scores = self.running.score(self._judged(batch.image, batch), batch.corners)
            fake: Scores = self.running.score(self._judged(output, batch), batch.corners)
        self.discriminators.requires_grad_(True)
        collected = ([self.running.collect(item.float()) for item in scores.present()] for scores in (real, fake))
        pairs = zip(self._names("adversarial"), *collected, strict=True)
        return {name: generator_loss(self.params.loss.adv, r, f) for name, r, f in pairs}

    def _weight(self, term: str) -> float:
        loss = self.params.loss
        match term:
            case "pixel":
                return loss.pixel_weight
            case "structure":
                return loss.structure_weight * loss.branch_factor
            case "texture":
                return loss.texture_weight * loss.branch_factor
            case "perceptual":
                return loss.perceptual_weight
            case "style":
                return loss.style_weight
            case _:
                return loss.adv_weight

    def _names(self, term: str) -> list[str]:
        loss = self.params.loss
        regions = {"global": loss.global_region != "none", "local": loss.local_region != "none"}
        return [f"{term}_{region}" for region, present in regions.items() if present]

    def _judged(self, image: Tensor, batch: Batch) -> Tensor:
        filled = fill_hole(batch.image, batch.hole, self.params.model.hole_fill)
        return stack_judged(image, filled, batch.image, batch.hole, self.params.loss.adv_input)

    def _autocast(self) -> AbstractContextManager[None]:
        return autocast(self.params.runtime.precision, self.device)


def schedule_factor(schedule: Schedule, progress: float) -> float:
    """Returns the factor of the learning rate at a share `progress` in [0, 1) of the training."""
    match schedule:
        case "constant_then_linear":
            return min(1.0, (1 - progress) / (1 - CONSTANT_SHARE))
        case "constant":
            return 1.0
        case "step":
            return 0.1 ** int(3 * progress)
        case "finetune":
            return 1.0 if progress < 0.75 else 0.25
        case _:
            assert_never(schedule)


def _adam(network: nn.Module, optimisation: OptimisationParams, ratio: float) -> Adam:
    rate = ratio * optimisation.learning_rate
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = Adam(trained, lr=rate, betas=optimisation.betas, fused=True)
    for group in optimiser.param_groups:
        group["initial_lr"] = rate
    return optimiser


def _set_rate(optimiser: Optimizer, factor: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = factor * group["initial_lr"]
