"""The VGG terms against a VGG that is run layer by layer."""

from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import vgg16, vgg19

from repro.cases.medfe import release_losses
from repro.cases.medfe.losses.vgg import VggLoss, describe_vgg, gram, load_features, make_vgg_loss, name_layers
from repro.cases.medfe.params.loss.vgg import PerceptualLayers, Relu52, StyleLayers, VggInput
from repro.errors import UserError
from tiny import tiny_params

pytestmark = pytest.mark.numerical

NORMALISED = (
    torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1),
    torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1),
)


def images(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    return vgg16(weights=None).features.eval()


def test_the_names_of_vgg16_and_vgg19() -> None:
    names = list(name_layers(vgg16(weights=None).features).values())
    assert names[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert names[24:] == ["conv5_1", "relu5_1", "conv5_2", "relu5_2", "conv5_3", "relu5_3", "pool5"]
    assert "relu4_4" in name_layers(vgg19(weights=None).features).values()


def test_release_losses_layer_by_layer(features) -> None:
    output, target = images(1), images(2)

    def after(image: torch.Tensor, layers: int) -> torch.Tensor:
        return features[:layers](image)

    perceptual = sum(F.l1_loss(after(output, n), after(target, n)) for n in (2, 7, 12, 19, 26))

    def style_features(image: torch.Tensor) -> list[torch.Tensor]:
        again = features[23:26](after(image, 26))
        return [after(image, 9), after(image, 16), after(image, 23), again]

    style = sum(
        F.l1_loss(gram(mine), gram(theirs))
        for mine, theirs in zip(style_features(output), style_features(target), strict=True)
    )
    terms = release_losses(output, target, features)
    torch.testing.assert_close(terms.perceptual, perceptual)
    torch.testing.assert_close(terms.style, style)


@pytest.mark.parametrize("relu5_2", get_args(Relu52))
@pytest.mark.parametrize("style", get_args(StyleLayers))
@pytest.mark.parametrize("perceptual", get_args(PerceptualLayers))
def test_every_combination_of_layers(perceptual: str, style: str, relu5_2: str) -> None:
    chosen = {"loss.perceptual_layers": perceptual, "loss.style_layers": style, "loss.relu5_2": relu5_2}
    loss = make_vgg_loss(tiny_params(chosen | {"loss.vgg": "vgg19"}).loss)
    assert all(torch.isfinite(term) and term > 0 for term in loss(images(1), images(2)))


@pytest.mark.parametrize("relu5_2", get_args(Relu52))
@pytest.mark.parametrize("style", get_args(StyleLayers))
@pytest.mark.parametrize("vgg_input", get_args(VggInput))
def test_by_hand_is_the_literal_form(style: str, relu5_2: str, vgg_input: str) -> None:
    chosen = {"loss.style_layers": style, "loss.relu5_2": relu5_2, "loss.vgg_input": vgg_input, "loss.vgg": "vgg19"}
    loss = make_vgg_loss(tiny_params(chosen).loss).double()
    results = []
    for compare in (loss.compare_by_hand, loss.compare):
        output = images(1).double().requires_grad_()
        terms = compare(output, images(2).double())
        (slope,) = torch.autograd.grad(sum((index + 1) * term.sin().sum() for index, term in enumerate(terms)), output)
        results.append([*terms, slope])
    for given, expected in zip(*results, strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-10, atol=1e-12 * float(expected.detach().abs().max()))


def test_the_features_that_are_given_stay_as_they_are(features) -> None:
    before = [parameter.requires_grad for parameter in features.parameters()]
    release_losses(images(1), images(2), features)
    assert [parameter.requires_grad for parameter in features.parameters()] == before == [True] * len(before)


def test_gram_is_the_mean_inner_product() -> None:
    given = torch.randn(1, 2, 3, 4)
    expected = (given[0, 0] * given[0, 1]).sum() / (2 * 3 * 4)
    torch.testing.assert_close(gram(given)[0, 0, 1], expected)


def test_input_is_normalised_as_in_the_training_of_vgg(features) -> None:
    raw = VggLoss(features, "raw", "pool1_to_3", "pool1_to_3", "proper")
    normalised = VggLoss(features, "imagenet", "pool1_to_3", "pool1_to_3", "proper")
    output, target = images(1), images(2)
    by_hand = [((image + 1) / 2 - NORMALISED[0]) / NORMALISED[1] for image in (output, target)]
    torch.testing.assert_close(normalised(output, target), raw(*by_hand))


def test_the_same_image_costs_nothing_and_the_gradient_reaches_the_output() -> None:
    loss = make_vgg_loss(tiny_params().loss)
    assert loss is not None
    image = images(3).requires_grad_()
    assert sum(loss(image, image.detach())) == 0
    sum(loss(image, images(4))).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert all(not parameter.requires_grad for parameter in loss.parameters())


def test_random_weights_are_the_same_for_every_seed_and_keep_the_scale() -> None:
    loss = tiny_params({"loss.vgg_width": 0.25}).loss
    one, other = load_features(loss), load_features(loss)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert 0.1 < one(images(5)).std() < 10


def test_missing_weights_are_named_with_their_place(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    loss = tiny_params({"loss.vgg_weights": "imagenet", "loss.vgg_width": 1.0}).loss
    with pytest.raises(UserError, match=r"(?s)vgg16-397923af\.pth is not in .*vgg_weights=random"):
        make_vgg_loss(loss)


def test_which_vgg_runs_is_said() -> None:
    assert "random" in describe_vgg(tiny_params().loss)
    assert (
        describe_vgg(tiny_params({"loss.vgg_weights": "imagenet", "loss.vgg_width": 1}).loss)
        == "vgg16 with ImageNet weights"
    )
    zero = tiny_params({"loss.perceptual_weight": 0, "loss.style_weight": 0}).loss
    assert describe_vgg(zero).startswith("none")
    assert make_vgg_loss(zero) is None
