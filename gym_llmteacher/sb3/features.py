"""Features for a map of integer codes with the agent drawn on it: one-hot, seen by the agent.

Raw integers do not learn (colour 4 is not twice colour 2). One-hot planes of the whole map do, but
slowly: with the same data, labels and updates, imitation of a planner on SimpleDoorKey agreed on
48 % of held-out states after 160 updates, and on 67 % with the map turned to the agent. All of the
map is turned, the coarse part and the agent's place as well: what was learned facing east is then
known facing north.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, cast

import gymnasium as gym
import numpy as np
import torch as th
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from gym_llmteacher.sb3.one_hot_linear import OneHotLinear
from gym_llmteacher.sb3.portable import Portable

HEADINGS = 4
MOST_CELLS = 20_000
FIRST_THING, N_THINGS, N_COLORS = 4, 4, 6
"""MiniGrid's codes: door, key, ball and box are types 4 .. 7; there are 6 colours."""


class EgoMapFeatures(BaseFeaturesExtractor, metaclass=Portable):
    """Turn and shift a map so that the agent is at its centre and looks one way; one-hot encode it.

    For observations ``(width, height, channels)`` of integer codes with tight bounds per channel,
    whose last channel is 1 + heading in the agent's cell and 0 elsewhere, such as those of the
    ``LLMTeacher/*`` envs. The agent's place on the turned map and its heading are appended.

    :param observation_space: Box of shape ``(width, height, channels)``; channel ``c`` holds codes
        0 .. ``high[..., c]``; code 0 is encoded as no plane at all
    :param features_dim: number of features handed to the policy and value networks
    :param radius: how many cells the agent looks at in each direction on the map
    :param match_colors: add a plane that marks things whose colour a thing of another kind has too
        (channels 0 and 1 are MiniGrid's type and colour): which key fits which door is a relation,
        the same in every colour, and slow to learn colour by colour
    :param blocks: the whole map is added coarsely, as ``blocks × blocks`` blocks, a plane each for
        "some cell of it looks like this"; 0 for none. Without it a student cannot know where it has
        not been yet: on DivergedDoorKey it learned a third of what it learns with it
    :raises ValueError: not such a Box

    Example::

        >>> from stable_baselines3 import PPO
        >>> import gym_llmteacher
        >>> model = PPO("MlpPolicy", "LLMTeacher/SimpleDoorKey-v0", n_steps=8, batch_size=8,
        ...             policy_kwargs={"features_extractor_class": EgoMapFeatures})
    """

    if TYPE_CHECKING:  # buffers: whatever a Module holds is a tensor or a Module
        strides: th.Tensor
        planes: th.Tensor
        set_planes: th.Tensor
        bits: th.Tensor
        turned: th.Tensor
        places: th.Tensor
        windows: th.Tensor

    def __init__(
        self,
        observation_space: gym.spaces.Box,
        features_dim: int = 128,
        radius: int = 5,
        match_colors: bool = True,
        blocks: int = 5,
    ) -> None:
        super().__init__(observation_space, features_dim)
        shape = observation_space.shape
        high = getattr(observation_space, "high", None)
        if len(shape) != 3 or high is None or high[..., -1].max() != HEADINGS or high.max() > 63:
            raise ValueError(
                f"the observation space is {observation_space}, expected a Box (width, height, "
                "channels) of integer codes below 64 whose last channel is 1 + heading (0 .. 4), "
                "such as the LLMTeacher/* envs give."
            )
        self.width, self.height, self.channels = shape
        # The heading is drawn at the centre: all its planes would say the same.
        codes = [int(high[..., c].max()) for c in range(self.channels - 1)]
        self.match_colors = match_colors
        if match_colors:
            codes.append(1)
        self.n_planes = sum(codes)
        # A cell's codes are the digits of one number, and a table has the planes of each: one
        # look-up per cell is several times as fast as scattering ones into planes.
        sizes = [n + 1 for n in codes]
        if np.prod(sizes) > MOST_CELLS or self.n_planes > 62:
            raise ValueError(
                f"a cell of {observation_space} can look {np.prod(sizes):,} ways, expected at most "
                f"{MOST_CELLS:,}: tighten the space's upper bounds, channel by channel."
            )
        strides = np.cumprod([1, *sizes])[:-1]
        self.register_buffer("strides", th.as_tensor(strides), persistent=False)
        self.register_buffer("planes", one_hot_table(sizes), persistent=False)
        self.register_buffer("set_planes", set_planes(self.planes, len(sizes)), persistent=False)
        bits = self.planes.long() << th.arange(self.n_planes)
        self.register_buffer("bits", bits.sum(dim=1), persistent=False)
        self.side = max(self.width, self.height)
        turned, places = turns(self.width, self.height)
        self.register_buffer("turned", turned, persistent=False)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("windows", windows(self.side, radius), persistent=False)
        n_cells = (2 * radius + 1) ** 2
        self.blocks = blocks
        n_inputs = (n_cells + blocks**2) * self.n_planes + 2 * self.side + HEADINGS
        self.linear = nn.Sequential(OneHotLinear(n_inputs, features_dim), nn.ReLU())

    def encode(self, observations: th.Tensor) -> th.Tensor:
        """Encode ``(batch, width, height, channels)`` as float32 ``(batch, n_inputs)``."""
        seen, rest = self._seen(observations)
        return th.cat([nn.functional.embedding(seen, self.planes).flatten(1), rest], dim=1)

    def _seen(self, observations: th.Tensor) -> tuple[th.Tensor, th.Tensor]:
        """Codes of the cells around the agent, int64 ``(batch, n_cells)``, and the other inputs."""
        batch = len(observations)
        cells = observations.reshape(batch, -1, self.channels).long()
        headings = cells[..., -1]
        at = headings.argmax(dim=1)
        heading = (headings.gather(1, at[:, None]).squeeze(1) - 1).clamp_min(0)
        channels = cells[..., :-1]
        if self.match_colors:
            channels = th.cat([channels, matched(cells[..., 0], cells[..., 1])[..., None]], dim=2)
        codes = (channels * self.strides).sum(dim=2)
        # Cells outside the map look like unseen ones: code 0.
        codes = nn.functional.pad(codes, (0, 1)).gather(1, self.turned[heading])
        place = self.places[heading, at]
        seen = nn.functional.pad(codes, (0, 1)).gather(1, self.windows[place])
        coarse = self._coarse(codes).flatten(1) if self.blocks else codes[:, :0].float()
        where = [
            nn.functional.one_hot(th.div(place, self.side, rounding_mode="floor"), self.side),
            nn.functional.one_hot(place % self.side, self.side),
            nn.functional.one_hot(heading, HEADINGS),
        ]
        return seen, th.cat([coarse, *[part.float() for part in where]], dim=1)

    def _coarse(self, codes: th.Tensor) -> th.Tensor:
        """Planes of blocks of cells, float32 ``(batch, blocks, blocks, n_planes)``.

        The planes of a cell are bits of one integer, so that a block is a few bitwise ors: ten
        times as fast as a pooling of planes.
        """
        size = -(-self.side // self.blocks)
        spare = size * self.blocks - self.side
        cells = self.bits[codes].view(-1, self.side, self.side)
        cells = nn.functional.pad(cells, (0, spare, 0, spare))
        cells = cells.view(-1, self.blocks, size, self.blocks, size)
        columns = reduce(th.bitwise_or, cells.unbind(dim=4))
        blocks = reduce(th.bitwise_or, columns.unbind(dim=2))
        numbers = th.arange(self.n_planes, device=codes.device)
        return (blocks[..., None] >> numbers & 1).float()

    def forward(self, observations: th.Tensor) -> th.Tensor:
        """Features float32 ``(batch, features_dim)``."""
        seen, rest = self._seen(observations)
        # A cell has at most one plane per channel: few are set, and only those are added up.
        rows, cells = seen.nonzero(as_tuple=True)
        planes = self.set_planes[seen[rows, cells]]
        ones = planes + cells[:, None] * self.n_planes
        found, channel = (planes >= 0).nonzero(as_tuple=True)
        rest_rows, rest_ones = rest.nonzero(as_tuple=True)
        layer = cast(OneHotLinear, self.linear[0])
        features = layer.look_up(
            len(seen),
            (rows[found], ones[found, channel]),
            (rest_rows, rest_ones + seen.shape[1] * self.n_planes),
        )
        return features.relu()


def turns(width: int, height: int) -> tuple[th.Tensor, th.Tensor]:
    """The map as it lies before an agent of each heading, in a square: ahead is x, right is y.

    :return: for each heading the cell ``x * height + y`` of the map in each cell of the square,
        int64 ``(4, side * side)``, where the number behind the last stands for what is outside the
        map; and for each heading where each cell of the map comes to lie, ``(4, width * height)``

    >>> turned, places = turns(2, 2)  # facing south, what is ahead of the first cell is the second
    >>> turned[1].tolist(), places[1].tolist()
    ([2, 0, 3, 1], [1, 3, 0, 2])
    """
    side = max(width, height)
    cells = np.full((side, side), width * height)
    cells[:width, :height] = np.arange(width * height).reshape(width, height)
    # Facing east nothing turns; each further heading is a quarter turn to the right.
    turned = np.stack([np.rot90(cells, -quarters).ravel() for quarters in range(HEADINGS)])
    places = np.argsort(turned, axis=1, kind="stable")[:, : width * height]
    return th.as_tensor(turned), th.as_tensor(places)


def windows(side: int, radius: int) -> th.Tensor:
    """For every cell of a square, the cells around it.

    :return: int64 ``(side * side, window * window)``; the number behind the last cell stands for
        everything outside the square
    """
    cells = np.full((side + 2 * radius,) * 2, side * side)
    cells[radius : radius + side, radius : radius + side] = np.arange(side**2).reshape(side, side)
    view = np.lib.stride_tricks.sliding_window_view(cells, (2 * radius + 1,) * 2)
    return th.as_tensor(view.reshape(side * side, -1).copy())


def one_hot_table(sizes: list[int]) -> th.Tensor:
    """One-hot planes of every way a cell can look; code 0 of a channel has no plane.

    :param sizes: number of codes per channel
    :return: float32 ``(prod(sizes), sum(sizes) - len(sizes))``; the first channel is the digit that
        changes fastest

    >>> one_hot_table([2, 3]).tolist()[1], one_hot_table([2, 3]).tolist()[4]
    ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    """
    digits = th.cartesian_prod(*[th.arange(n) for n in reversed(sizes)])
    digits = digits.reshape(-1, len(sizes)).flip(1)
    planes = [nn.functional.one_hot(digits[:, c], n)[:, 1:] for c, n in enumerate(sizes)]
    return th.cat(planes, dim=1).float()


def set_planes(planes: th.Tensor, most: int) -> th.Tensor:
    """Numbers of the planes that are set, int64 ``(n, most)``, -1 behind the last.

    :param planes: float ``(n, n_planes)`` of zeros and ones, at most ``most`` of them in a row

    >>> set_planes(th.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0]]), 2).tolist()
    [[2, -1], [0, 2]]
    """
    n = planes.shape[1]
    numbers = th.where(planes > 0, th.arange(n), n).sort(dim=1).values[:, :most]
    return th.where(numbers < n, numbers, -1)


def matched(types: th.Tensor, colors: th.Tensor) -> th.Tensor:
    """Mark things whose colour a thing of another kind has too.

    :param types: int64 ``(batch, cells)``, MiniGrid's object types
    :param colors: int64 ``(batch, cells)``, MiniGrid's colours
    :return: int64 ``(batch, cells)``, 1 or 0

    >>> door, key = 4, 5
    >>> matched(th.tensor([[door, key, key]]), th.tensor([[0, 0, 2]])).tolist()
    [[1, 1, 0]]
    """
    things = (types >= FIRST_THING) & (types < FIRST_THING + N_THINGS)
    kinds = (types - FIRST_THING).clamp(0, N_THINGS - 1)
    present = th.zeros((len(types), N_COLORS * N_THINGS), device=types.device)
    present.scatter_reduce_(1, colors * N_THINGS + kinds, things.float(), "amax")
    kinds_per_color = present.view(-1, N_COLORS, N_THINGS).sum(dim=2)
    return (things & (kinds_per_color.gather(1, colors) > 1)).long()
