"""Advice taught again: gradient steps on what the teacher said in earlier rollouts.

What a teacher says of an observation stays true when the policy has changed, unlike rewards and
advantages. Learning from all of it, and not from the last rollout alone, is dataset aggregation
(Ross et al. 2011, arXiv 1011.0686).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch as th
from numpy.typing import NDArray

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.dims import by_dim
from gym_llmteacher.learning.losses import teaching_loss
from gym_llmteacher.learning.memory import AdviceMemory
from gym_llmteacher.sb3.distributions import log_probs_of
from gym_llmteacher.sb3.numbers import whole
from gym_llmteacher.sb3.on_policy import TaughtOnPolicy

Augment = Callable[[Any, NDArray[np.float32]], tuple[Any, NDArray[np.float32]]]
"""From observations and their priors to others of which the same is known, as many."""

_ONLY_ARRAY = ""
"""The column of observations that are no dictionary."""
_BATCH_SIZE = 64  # for algorithms without minibatches


class AdviceReplay(TaughtOnPolicy):
    """A `TaughtOnPolicy` that can teach again; for policies without a recurrent state.

    :param args: the algorithm's own, by name, order and default
    :param teacher_replay_steps: see `TeacherPPO`
    :param teacher_replay_size: see `TeacherPPO`
    :param teacher_augment: see `TeacherPPO`
    :raises StudentError: numbers that cannot be, gates (they need advantages, which get old), or
        an augmentation of nothing
    """

    def __init__(
        self,
        *args: Any,
        teacher_replay_steps: int = 0,
        teacher_replay_size: int = 10_000,
        teacher_augment: Augment | None = None,
        **kwargs: Any,
    ) -> None:
        self.teacher_replay_steps = whole("teacher_replay_steps", teacher_replay_steps, 0)
        self.teacher_replay_size = whole("teacher_replay_size", teacher_replay_size, 1)
        if teacher_augment is not None and not callable(teacher_augment):
            raise StudentError(
                f"teacher_augment is {teacher_augment!r}, expected a function (observations, "
                "priors) -> (observations, priors), such as gym_llmteacher.mirror_map."
            )
        if teacher_augment is not None and not teacher_replay_steps:
            raise StudentError(
                "teacher_augment changes advice that is taught again, and teacher_replay_steps is "
                "0: nothing is. Pass teacher_replay_steps=100, or no teacher_augment."
            )
        self.teacher_augment = teacher_augment
        self._advice: AdviceMemory | None = None
        self._highest_coef = 0.0
        super().__init__(*args, **kwargs)
        if self.teacher_gates and teacher_replay_steps:
            raise StudentError(
                f"teacher_gates={self.teacher_gates!r} weigh advice by the advantages of its "
                f"rollout, which say nothing later; teacher_replay_steps is "
                f"{teacher_replay_steps}. Choose one of the two."
            )

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_advice"]

    def _setup_learn(
        self, total_timesteps: int, callback: Any = None, reset_num_timesteps: bool = True,
        *args: Any, **kwargs: Any,
    ) -> Any:  # fmt: skip
        if reset_num_timesteps:
            self._advice, self._highest_coef = None, 0.0
        result = super()._setup_learn(
            total_timesteps, callback, reset_num_timesteps, *args, **kwargs
        )
        if self._last_priors is not None:  # if it fails, then now
            self._augmented(_columns(self._last_obs), self._last_priors.prior)
        return result

    def train(self) -> None:
        """Update the policy, then teach again."""
        coef = self.current_coef
        super().train()
        if not coef:
            self._advice = None  # for good, or not taught yet
        elif self.teacher_replay_steps:
            self._remember()
            self._highest_coef = max(self._highest_coef, coef)
            # Steps of Adam do not get smaller with the loss: there are fewer of them instead.
            self._replay(round(self.teacher_replay_steps * coef / self._highest_coef))

    def _remember(self) -> None:
        """Take what was taught from the rollout, which the update has flattened."""
        buffer: Any = self._prior_buffer
        if self._advice is None:
            self._advice = AdviceMemory(self.teacher_replay_size)
        weights = buffer.teacher_weights
        taught = weights.reshape(len(weights), -1).any(axis=1)
        rows = {
            **_columns(buffer.observations),
            "teacher prior": buffer.teacher_priors,
            "teacher weight": weights,
        }
        self._advice.add({name: values[taught] for name, values in rows.items()})

    def _replay(self, steps: int) -> None:
        assert self._advice is not None
        policy: Any = self.policy
        sizes = action_sizes(self.action_space)
        losses = []
        for _ in range(min(steps, len(self._advice))):
            observations, prior, weight = self._drawn(getattr(self, "batch_size", _BATCH_SIZE))
            # Masks are not remembered: who matches the prior matches what a mask leaves of it.
            dims = log_probs_of(policy.get_distribution(observations), sizes, weight)
            loss = th.stack([
                teaching_loss(log_probs, prior, weight, self._divergence)
                for log_probs, prior, weight in by_dim(dims, prior, weight)
            ]).sum()  # fmt: skip
            policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            th.nn.utils.clip_grad_norm_(policy.parameters(), self.max_grad_norm)
            policy.optimizer.step()
            losses.append(loss.item())
        self.logger.record("teacher/replay_steps", len(losses))
        if losses:
            self.logger.record("teacher/replay_loss", float(np.mean(losses)))

    def _drawn(self, n: int) -> tuple[Any, th.Tensor, th.Tensor]:
        """A minibatch; half of it goes through ``teacher_augment``."""
        assert self._advice is not None
        rows = self._advice.sample(n)
        prior, weight = rows.pop("teacher prior"), rows.pop("teacher weight")
        half = n // 2
        after, changed = self._augmented(
            {name: values[:half] for name, values in rows.items()}, prior[:half]
        )
        rows = {name: np.concatenate([after[name], rows[name][half:]]) for name in rows}
        prior = np.concatenate([changed, prior[half:]])
        tensors = {name: self._on_device(values) for name, values in rows.items()}
        return tensors.get(_ONLY_ARRAY, tensors), self._on_device(prior), self._on_device(weight)

    def _augmented(
        self, before: dict[str, NDArray[Any]], prior: NDArray[np.float32]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.float32]]:
        if self.teacher_augment is None or not len(prior):
            return before, prior
        observations, changed = self.teacher_augment(before.get(_ONLY_ARRAY, before), prior)
        after = _columns(observations)
        shapes = [
            {name: np.shape(values) for name, values in rows.items()}
            for rows in ({**before, "priors": prior}, {**after, "priors": changed})
        ]
        if shapes[0] != shapes[1]:
            raise StudentError(
                f"teacher_augment was given arrays of shapes {shapes[0]} and returned {shapes[1]}, "
                "expected (observations, priors) of the same shapes."
            )
        return after, changed

    def _on_device(self, values: NDArray[Any]) -> th.Tensor:
        return th.as_tensor(values, device=self.device)


def _columns(observations: Any) -> dict[str, Any]:
    return observations if isinstance(observations, dict) else {_ONLY_ARRAY: observations}
