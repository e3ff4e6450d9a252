"""A stand-in for a model: the embedding of an image is a fixed linear map of its pixels."""

import torch
import torch.nn.functional as F

SIDE, WIDTH = 8, 6


class Linear:
    """What inversion asks of a model, and nothing else; it keeps the shapes of the images that it was shown."""

    image_size = SIDE
    device = torch.device("cpu")

    def __init__(self):
        self.map = torch.randn(3 * SIDE * SIDE, WIDTH, generator=torch.Generator().manual_seed(5))
        self.seen = []

    def inversion_loss(self, images, target):
        self.seen.append(tuple(images.shape))
        if images.shape[-1] != SIDE:
            images = F.interpolate(images, (SIDE, SIDE), mode="bilinear")
        embedded = F.normalize((images.flatten(1) - 0.5) @ self.map, dim=1)
        return 1 - (embedded * target).sum(1)

    def inversion_similarity(self, loss):
        return 1 - loss


def targets(n, seed=0):
    """n unit vectors to aim at."""
    return F.normalize(torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=1)
