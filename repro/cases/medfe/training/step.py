"""One training step: the discriminators first, then the generator, against the updated discriminators.

Source: the authors' release @9adf889 for this order; terms and weights as the details say.
"""

from contextlib import AbstractContextManager
from typing import assert_never

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from repro.cases.medfe.checkpoint import load_weights
from repro.cases.medfe.initialisation import initialise
from repro.cases.medfe.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty
from repro.cases.medfe.losses.pixels import pixel_loss, supervision_loss
from repro.cases.medfe.losses.vgg import VggLoss, make_vgg_loss
from repro.cases.medfe.model import Discriminators, Generator, GeneratorOutput
from repro.cases.medfe.model.discriminator import Scores, stack_discriminator_input
from repro.cases.medfe.params import Params
from repro.cases.medfe.params.optimisation import OptimisationParams, Schedule
from repro.cases.medfe.training.batches import Batch
from repro.cases.medfe.training.execution import autocast, memory_format, prepare_networks
from repro.cases.medfe.training.training_state import AdversarialState, load_optimiser, pack_optimiser
from repro.processes import ALONE, Process
from repro.randomness import derive_seed

CONSTANT_SHARE = 1 / 6
"""Of the training, before the linear decay. Source: options @9adf889, 20 of 120 epochs."""

Terms = dict[str, Tensor]
"""Unweighted terms by name, detached."""


class AdversarialTrainer(nn.Module):
    """Trains the generator against the discriminators, with the optimiser of each and the fixed VGG.

    Of several processes each holds the same weights and takes the same steps, on its own rows of the batch.
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
        self.networks = prepare_networks(self.generator, self.discriminators, self.vgg, params.runtime, process)
        self.generator_optimiser = _adam(self.generator, optimisation, 1)
        self.discriminator_optimiser: Optimizer | None = None
        if params.loss.adv != "none":
            ratio = optimisation.discriminator_ratio
            self.discriminator_optimiser = _adam(self.discriminators, optimisation, ratio)

    def step(self, batch: Batch, step: int) -> Terms:
        """Takes one step of discriminators and generator on a batch and returns the terms of both."""
        factor = schedule_factor(self.params.optimisation.schedule, step / self.params.training.steps)
        with self._autocast():
            output = GeneratorOutput(*(item.float() for item in self.networks.generator(batch.image, batch.hole)))
        terms: Terms = {}
        if self.discriminator_optimiser is not None:
            _set_rate(self.discriminator_optimiser, factor)
            for _ in range(self.params.optimisation.critic_steps):
                terms |= self._step_discriminators(self.discriminator_optimiser, output.image.detach(), batch)
        _set_rate(self.generator_optimiser, factor)
        return terms | self._step_generator(output, batch)

    def pack(self) -> AdversarialState:
        """Returns weights and optimiser states; the VGG is not trained and left out."""
        optimiser = self.discriminator_optimiser
        return {
            "generator": self.generator.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "generator_optimiser": pack_optimiser(self.generator_optimiser),
            "discriminator_optimiser": None if optimiser is None else pack_optimiser(optimiser),
        }

    def unpack(self, state: AdversarialState) -> None:
        """Goes back to what `pack` returned.

        Raises:
            ValueError: it belongs to other networks; these may then hold some of it.
        """
        load_weights(self.generator, state["generator"])
        load_weights(self.discriminators, state["discriminators"])
        load_optimiser(self.generator_optimiser, state["generator_optimiser"])
        if (self.discriminator_optimiser is None) != (state["discriminator_optimiser"] is None):
            raise ValueError("the optimiser of the discriminators is missing or one too many")
        if self.discriminator_optimiser is not None and state["discriminator_optimiser"] is not None:
            load_optimiser(self.discriminator_optimiser, state["discriminator_optimiser"])

    def _step_discriminators(self, optimiser: Optimizer, output: Tensor, batch: Batch) -> Terms:
        loss = self.params.loss
        real, fake = self._discriminator_input(batch.image, batch), self._discriminator_input(output, batch)
        with self._autocast():
            scores = self.networks.discriminators(torch.cat([real, fake]), batch.corners.repeat(2, 1))
        terms = {}
        for name, logits in zip(self._names("discriminator"), scores.present(), strict=True):
            of_real, of_fake = (self.networks.gather_scores(half) for half in logits.float().chunk(2))
            terms[name] = discriminator_loss(loss.adv, of_real, of_fake)
        if loss.adv == "wgan_gp" or self.params.model.discriminator_regularisation == "gradient_penalty":
            penalties = gradient_penalty(
                lambda images: self.discriminators(images, batch.corners).present(), real, fake, batch.mix
            )
            terms |= dict(zip(self._names("gradient_penalty"), penalties, strict=True))
        total = loss.discriminator_factor * torch.stack(list(terms.values())).sum()
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()
        return {name: term.detach() for name, term in terms.items()}

    def _step_generator(self, output: GeneratorOutput, batch: Batch) -> Terms:
        loss, model = self.params.loss, self.params.model
        terms = {
            "pixel": pixel_loss(output.image, batch.image, batch.hole, loss.pixel_form),
            "structure": supervision_loss(output.structure, batch.structure, model.target_resize),
            "texture": supervision_loss(output.texture, batch.image, model.target_resize),
        }
        if self.networks.vgg is not None:
            with self._autocast():
                vgg = self.networks.vgg(output.image, batch.image)
            terms |= {"perceptual": vgg.perceptual, "style": vgg.style}
        if self.discriminator_optimiser is not None:
            terms |= self._adversarial(output.image, batch)
        total = torch.stack([self._weight(name) * term for name, term in terms.items()]).sum()
        self.generator_optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.generator_optimiser.step()
        return {name: term.detach() for name, term in terms.items()} | {"total": total.detach()}

    def _adversarial(self, output: Tensor, batch: Batch) -> Terms:
        self.discriminators.requires_grad_(False)
        with self._autocast():
            with torch.no_grad():
                real = self._score(batch.image, batch)
            fake = self._score(output, batch)
        self.discriminators.requires_grad_(True)
        collected = (
            [self.networks.gather_scores(item.float()) for item in scores.present()] for scores in (real, fake)
        )
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

    def _score(self, image: Tensor, batch: Batch) -> Scores:
        return self.networks.frozen_discriminators(self._discriminator_input(image, batch), batch.corners)

    def _discriminator_input(self, image: Tensor, batch: Batch) -> Tensor:
        fill, seen = self.params.model.hole_fill, self.params.loss.adv_input
        return stack_discriminator_input(image, batch.image, batch.hole, fill, seen)

    def _autocast(self) -> AbstractContextManager[None]:
        return autocast(self.params.runtime.precision, self.device)


def training_seed(params: Params) -> int:
    """Returns the seed of initialisation, order, masks, augmentation and regions.

    It is `seed` under `runtime.stream` 0. Any other stream is what another seed would be, and nothing else: it is the
    negative control of an audit, which has found noise if it finds an effect of it.
    """
    stream = params.runtime.stream
    return params.seed if stream == 0 else derive_seed(params.seed, "stream", stream)


def schedule_factor(schedule: Schedule, progress: float) -> float:
    """Returns the factor of the learning rate at the fraction `progress` in [0, 1) of the training."""
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
