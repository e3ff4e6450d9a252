"""Activations in place of pixels (Eq. 4): where they begin, and how far a step moves each channel.

Channels of one layer differ much in what they usually hold, which images of known classes tell, inverted from pixels.
Every activation is counted in deviations of its channel over those: it begins at their mean, with a little noise, and
Adam's learning rate is a share of a deviation, so that Z stays near what the layers above are used to.

Source: arXiv 2411.15611 Eq. 4 and Sec. 7.1.1.
Differs: the R of Eq. 4, "similar to style transfer", is no term of the loss. On the drawn world's development concepts
    it gained nothing to pull activations, or mean and deviation of each channel, or its Gram matrix, towards those of
    such images; what decides is where Z begins, what a step is counted in, and to stop early.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor

from stages.common.images import read_images, write_images
from stages.inversion.settings import Settings

FILE = "activations.safetensors"
TOLD_BY = Settings(parametrisation="pixels", steps=50, learning_rate=0.1)  # how images are inverted that tell the usual
REFERENCE = 32  # of them; with 8 or 16 fewer pictures were recognised
SPREAD = 0.3  # of the usual deviation: the noise at the start; chosen on the development concepts among 0, 0.3 and 1


@dataclass(frozen=True)
class Usual:
    """What activations behind a block usually are. It is a parametrisation, see stages/parametrisations/contract.py.

    Attributes:
        mean: [C, h, w] or [L, D], of one image.
        deviation: the same shape, above 0.
        floor: [], on the CPU, what no activation goes below: 0 behind a ReLU, else minus infinity.
    """

    OF_PIXELS = False

    mean: Tensor
    deviation: Tensor
    floor: Tensor

    def on(self, device: torch.device) -> "Usual":
        """The same on another device."""
        return replace(self, mean=self.mean.to(device), deviation=self.deviation.to(device))

    def drawn(self, generators: list[Generator]) -> Tensor:
        """What inversion begins with, [B, C, h, w] or [B, L, D] on the CPU: the mean and noise, each its own."""
        unit = torch.stack([torch.randn(self.mean.shape, generator=one) for one in generators])
        return (self.mean.cpu() + SPREAD * self.deviation.cpu() * unit).maximum(self.floor)

    def start(self, side: int, settings: Settings, generators: list[Generator]) -> list[Tensor]:
        """One leaf: `drawn` in units of the deviation. Neither `side` nor a setting says anything about it."""
        return [self.drawn(generators) / self.deviation.cpu()]

    def images(self, leaves: list[Tensor]) -> Tensor:
        """The activations."""
        return leaves[0] * self.deviation

    def gradients(self, leaves: list[Tensor], images: Tensor, gradient: Tensor, settings: Settings) -> list[Tensor]:
        """The gradient in the leaf's units."""
        return [gradient * self.deviation]

    def settle(self, leaves: list[Tensor]) -> None:
        """Not below the floor."""
        leaves[0].clamp_(min=self.floor.item())


def usual(activations: Tensor) -> Usual:
    """Mean and deviation over images; of feature maps over all places too, while each token has its own.

    Args:
        activations: [N, C, h, w] or [N, L, D] of N > 1 images.
    """
    over = (0, 2, 3) if activations.ndim == 4 else (0,)
    deviation, mean = torch.std_mean(activations, over, keepdim=True)
    shape, floor = activations.shape[1:], torch.tensor(0.0 if activations.min() >= 0 else -torch.inf)
    return Usual(mean[0].expand(shape).contiguous(), deviation[0].clamp_min(1e-6).expand(shape).contiguous(), floor)


def write_usual(folder: Path, known: Usual) -> None:
    """Write folder/usual.safetensors."""
    save_file({name: tensor.cpu() for name, tensor in vars(known).items()}, folder / "usual.safetensors")


def read_usual(folder: Path) -> Usual:
    """What `write_usual` left in a folder."""
    return Usual(**load_file(folder / "usual.safetensors"))


def is_pixels(images: Tensor) -> bool:
    """Whether these are images, not activations."""
    return images.ndim == 4 and images.shape[1] == 3


def write_inverted(folder: Path, images: Tensor) -> None:
    """Write images as 00.png ...; activations as activations.safetensors, float32, and as pictures for people."""
    write_images(folder, images if is_pixels(images) else as_pictures(images))
    if not is_pixels(images):
        save_file({"activations": images.detach().cpu().float().contiguous()}, folder / FILE)


def read_inverted(folder: Path) -> Tensor:
    """What `write_inverted` left in a folder, [N, ...]."""
    if (folder / FILE).exists():
        return load_file(folder / FILE)["activations"]
    return read_images(sorted(folder.glob("*.png")))


def as_pictures(activations: Tensor) -> Tensor:
    """Grey pictures of activations, for people: the mean over channels, black to white over all N; [N, 3, h, w].

    Tokens are shown without the class token, as the square that their patches make.
    """
    if activations.ndim == 3:
        side = round((activations.shape[1] - 1) ** 0.5)
        activations = activations[:, 1:].mT.unflatten(2, (side, side))
    grey = activations.float().mean(dim=1, keepdim=True)
    low, high = grey.aminmax()
    return ((grey - low) / (high - low).clamp_min(1e-12)).expand(-1, 3, -1, -1)
