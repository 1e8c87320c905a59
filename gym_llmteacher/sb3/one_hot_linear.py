"""A linear layer for inputs that are nearly all zero: it adds up the columns of the ones.

Of a map's one-hot planes around the agent, 1 in 100 is set. The product with a weight matrix is
then a sum of a few dozen of its columns, a look-up, and its gradient reaches only those.
"""

from __future__ import annotations

import torch as th
from torch import nn
from torch.nn import functional

from gym_llmteacher.sb3.portable import Portable


class OneHotLinear(nn.Linear, metaclass=Portable):
    """``nn.Linear`` whose inputs, all 0 or 1, are given as the numbers of those that are 1.

    Weights, their names and shapes are those of ``nn.Linear``, and so is what comes out, but for
    the order in which it is summed.

    >>> layer = OneHotLinear(3, 4)
    >>> rows, ones = th.tensor([0, 0, 1]), th.tensor([0, 2, 1])
    >>> th.allclose(layer.look_up(2, (rows, ones)), layer(th.tensor([[1.0, 0, 1], [0, 1, 0]])))
    True
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        # In memory the columns lie one after the other: each is read by itself.
        self.weight = nn.Parameter(self.weight.detach().t().contiguous().t())

    def look_up(self, batch: int, *parts: tuple[th.Tensor, th.Tensor]) -> th.Tensor:
        """Apply the layer.

        :param parts: the inputs that are 1, in parts of which each is sorted by rows: int64
            ``(n,)``, row of the batch, and int64 ``(n,)``, number of the input
        :return: float ``(batch, out_features)``
        """
        counts = th.cat([th.bincount(rows, minlength=batch) for rows, _ in parts])
        ones = th.cat([numbers for _, numbers in parts])
        sums = functional.embedding_bag(
            ones, self.weight.t(), counts.cumsum(0) - counts, mode="sum"
        )
        return sums.view(len(parts), batch, -1).sum(dim=0) + self.bias
