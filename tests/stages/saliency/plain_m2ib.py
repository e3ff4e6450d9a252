"""M2IB the plain way, one image after the other and word by word as it is described: slow, and nothing to misread.

The image is repeated, once for each sample of noise, and goes through the whole network with the block's output
replaced; the text is encoded anew in each step; all weights have gradients; torch's own Adam; KL by torch's own
distributions, in float64.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from stages.common.segmenting import Settings
from stages.models.contract import TwoEncoders
from stages.saliency.contract import over_places


def plain_map(model: TwoEncoders, image: Tensor, prompt: str, settings: Settings, seed: int) -> Tensor:
    """The map of one image [3, H, W] for one prompt: [h, w]."""
    block, given = model.blocks[settings.block - 1], []
    with _hook(block, lambda activations: given.append(activations)), torch.no_grad():
        model.embed_images(image[None])
    alpha = nn.Parameter(torch.full_like(given[0], 5.0))
    chance = torch.Generator().manual_seed(seed)
    repeated = image.repeat(settings.samples, 1, 1, 1)

    def bottleneck(activations: Tensor) -> Tensor:
        share = torch.sigmoid(alpha)
        noise = torch.randn(settings.samples, *alpha.shape[1:], generator=chance)
        return share * activations + (1 - share) * noise

    optimiser = torch.optim.Adam([alpha], lr=settings.learning_rate)
    with _hook(block, bottleneck), with_gradients(model):
        for _ in range(settings.steps):
            cosines = model.embed_images(repeated) @ model.embed_texts([prompt])[0]
            loss = settings.beta * kl(given[0], alpha).mean() - cosines.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return over_places(kl(given[0], alpha.detach()))[0].float()


def kl(activations: Tensor, alpha: Tensor) -> Tensor:
    """Of N(lambda x, (1 - lambda)^2) and N(0, 1), in float64."""
    passes, stays = torch.sigmoid(alpha.double()), torch.sigmoid(-alpha.double())
    return kl_divergence(Normal(passes * activations.double(), stays), Normal(0.0, 1.0))


@contextmanager
def with_gradients(model: TwoEncoders) -> Iterator[None]:
    """Within it, all weights of both encoders require gradients, and texts are not kept."""
    parameters = [*model.parameters_of("both").values()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
            parameter.grad = None


@contextmanager
def _hook(block: nn.Module, change: object) -> Iterator[None]:
    def replaced(module: object, taken: object, given: Tensor | tuple) -> Tensor | tuple | None:
        is_bare = isinstance(given, Tensor)
        made = change(given if is_bare else given[0])
        return made if made is None or is_bare else (made, *given[1:])

    handle = block.register_forward_hook(replaced)
    try:
        yield
    finally:
        handle.remove()
