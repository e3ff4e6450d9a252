"""How alike the maps of a picture's own prompt and of a random other one are: their correlation.

A control. A model that sees what is salient whatever it is asked has maps that agree, and its Dice is then none of the
text's doing.

Source: Pearson's correlation over all pixels of a map.
"""

import numpy as np

TASK = "segmentation"
HIGHER_IS_BETTER = False
ROLES = ("target", "retention")
OF = "prompts"


def compute(own: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Correlation of the two maps of each model.

    Args:
        own: [P, H, W] float32, of the prompt that names what is shown.
        random: [P, H, W] float32, of another prompt.

    Returns:
        [P] float64 in [-1, 1]; 0 where one of the two is the same everywhere.
    """
    first, second = (_centred(maps) for maps in (own, random))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(axis=1)
    return np.divide(products, norms, out=np.zeros(len(own)), where=norms > 0).clip(-1, 1)


def _centred(maps: np.ndarray) -> np.ndarray:
    """Maps as rows [P, H * W] of mean 0; a constant one is 0 to the last bit."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    is_constant = flat.max(axis=1) == flat.min(axis=1)
    return np.where(is_constant[:, None], 0, flat - flat.mean(axis=1, keepdims=True))
