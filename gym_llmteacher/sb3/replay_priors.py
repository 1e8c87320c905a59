"""A replay buffer that keeps the teacher's prior with each transition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stable_baselines3.common.buffers import ReplayBuffer

from gym_llmteacher.sb3.prior_buffer import PriorBufferMixin

if TYPE_CHECKING:

    class _Replay(PriorBufferMixin, ReplayBuffer): ...
else:
    _Replay = PriorBufferMixin


class ReplayPriors(_Replay):
    """Put this before an SB3 replay buffer class."""

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        """Draw a minibatch, as SB3 does."""
        if not self.labelling:
            return super().sample(*args, **kwargs)
        with self._numbered():
            samples = super().sample(*args, **kwargs)
        return self._hand_out(samples)
