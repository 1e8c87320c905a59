"""Hindsight: where a goal is relabelled with what was achieved, so is the advice.

SAC-GLAM (arXiv 2410.12481) relabels goals of a student that learns from a language model; advice
that was given for the old goal would teach the new one wrongly. The buffer keeps what is needed to
ask about another goal (`MissionGoals` puts it into ``info["teacher_goal_state"]``), and asks when
a row is drawn. What cannot be asked about has weight 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer

from gym_llmteacher.action_dims import action_sizes
from gym_llmteacher.learning.priors import Rows
from gym_llmteacher.prior import uniform_prior
from gym_llmteacher.sb3.replay_priors import ReplayPriors
from gym_llmteacher.sb3.vec_teacher import VecTeacher

Label = tuple[NDArray[np.float32], float]

if TYPE_CHECKING:

    class _Hindsight(ReplayPriors, HerReplayBuffer): ...
else:
    _Hindsight = ReplayPriors


class HindsightPriors(_Hindsight):
    """Put this before SB3's ``HerReplayBuffer``.

    ``relabel``: gives the labels of other goals; ``goal_states``: what it needs for that, an array
    of objects ``(size, n_envs)``, ``None`` where nothing is known.
    """

    relabel: Callable[[list[Any], list[NDArray[Any]]], list[Label | None]] | None
    goal_states: NDArray[Any]

    def make_room(self) -> None:
        super().make_room()
        self.relabel = None
        self.goal_states = np.full((self.buffer_size, self.n_envs), None, dtype=object)
        self._goals: tuple[NDArray[np.int64], NDArray[Any]] | None = None

    def _store(self, pos: int, rows: Rows | None) -> None:
        super()._store(pos, rows)
        for i in range(self.n_envs):
            self.goal_states[pos, i] = None if rows is None else rows.goal_states.get(i)

    def _sample_goals(
        self, batch_indices: NDArray[np.int64], env_indices: NDArray[np.int64]
    ) -> NDArray[Any]:
        goals: NDArray[Any] = super()._sample_goals(batch_indices, env_indices)
        self._goals = (batch_indices * self.n_envs + env_indices, goals)
        return goals

    def _labels(self, rows: NDArray[np.int64], samples: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        prior, weight = super()._labels(rows, samples)
        if self._goals is None:
            return prior, weight
        numbers, goals = self._goals
        self._goals = None
        # SB3 puts relabelled rows behind the others.
        first = len(rows) - len(numbers)
        if first < 0 or not np.array_equal(rows[first:], numbers):
            raise self._lost("has relabelled goals in another order than it drew them")
        old = self.observations["desired_goal"].reshape(-1, *goals.shape[1:])[numbers]
        changed = (old != goals).reshape(len(goals), -1).any(axis=1)
        where = first + np.flatnonzero(changed)
        for i, label in zip(where, self._asked(numbers[changed], goals[changed]), strict=True):
            prior[i], weight[i] = label
        return prior, weight

    def _asked(self, numbers: NDArray[np.int64], goals: NDArray[Any]) -> list[Label]:
        """Labels of rows with other goals, from memory or from the teacher."""
        states = self.goal_states.ravel()[numbers]
        nothing = (uniform_prior(*action_sizes(self.action_space)), 0.0)
        new = {
            (id(state), goal.tobytes()): (state, goal)
            for state, goal in zip(states, goals, strict=True)
            if state is not None and goal.tobytes() not in state.known
        }
        if new and self.relabel is not None:
            asked, about = zip(*new.values(), strict=True)
            found = self.relabel([state.what for state in asked], list(about))
            for state, goal, label in zip(asked, about, found, strict=True):
                if label is not None:
                    state.known[goal.tobytes()] = label
        return [
            nothing if state is None else state.known.get(goal.tobytes(), nothing)
            for state, goal in zip(states, goals, strict=True)
        ]


def goal_priors(env: VecEnv, states: list[Any], goals: list[NDArray[Any]]) -> list[Label | None]:
    """Ask whoever teaches behind ``env`` about other goals; ``None`` if that is not known yet."""
    teacher = unwrap_vec_wrapper(env, VecTeacher)
    if teacher is not None:
        return teacher.goal_priors(states, goals)
    found: list[Label | None] = env.env_method("goal_priors", states, goals, indices=[0])[0]
    return found
