"""A Gymnasium vector env, to be played as all other envs are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.playing.drivers import Driver, Stepped
from gym_llmteacher.prior import Pending


class VectorEnvs(Driver):
    """A Gymnasium vector env, which resets by itself.

    :param env: with ``NEXT_STEP`` or ``SAME_STEP`` autoreset
    :param seed: of the first reset
    :raises TeacherSpecError: autoreset is disabled
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], seed: int | None) -> None:
        mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        if mode == AutoresetMode.DISABLED:
            raise TeacherSpecError(
                "play got a vector env that does not reset by itself (autoreset_mode DISABLED), "
                "expected one that does: SyncVectorEnv(..., autoreset_mode=AutoresetMode.NEXT_STEP)"
            )
        self.env, self._seed, self._same_step = env, seed, mode == AutoresetMode.SAME_STEP
        self.n_envs, self.action_space = env.num_envs, env.single_action_space
        self.live = np.ones(self.n_envs, dtype=np.bool_)
        self.seeds = [None if seed is None else seed + i for i in range(self.n_envs)]

    def start(self) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        obs, infos = self.env.reset(seed=self._seed)
        return obs, self._split(infos)

    def step(self, actions: NDArray[Any], last: NDArray[np.bool_]) -> Stepped:
        obs, rewards, terminated, truncated, infos = self.env.step(actions)
        over, rows = np.logical_or(terminated, truncated) & self.live, self._split(infos)
        ends = self._split(infos["final_info"]) if "final_info" in infos else rows
        starts = over if self._same_step else ~self.live
        if not self._same_step:
            self.live = ~over  # the step after an episode's end only resets
        self.seeds = [None if o else s for o, s in zip(over | last, self.seeds, strict=True)]
        terminated, truncated = terminated & over, truncated & over & ~terminated
        return Stepped(obs, rows, np.asarray(rewards), terminated, truncated, ends, starts)

    def _split(self, infos: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The info of each env; what an env did not give is left out."""
        rows: list[dict[str, Any]] = [{} for _ in range(self.n_envs)]
        for name, values in infos.items():
            if name.startswith("_"):
                continue
            there = infos.get(f"_{name}", np.ones(self.n_envs, dtype=np.bool_))
            if isinstance(values, np.ndarray) and len(values) == self.n_envs:
                for i in np.flatnonzero(there).tolist():
                    value = values[i]
                    scalar = isinstance(value, np.floating)
                    rows[i][name] = float(value) if scalar else value
        return rows

    def said(self, i: int) -> Pending:
        adviser = getattr(self.env, "adviser", None)
        if adviser is not None:
            said = adviser.said[i]
        elif hasattr(self.env, "call") and all(self.env.call("has_wrapper_attr", "said")):
            said = self.env.call("said")[i]
        else:
            said = Pending((), ())
        assert isinstance(said, Pending)
        return said

    def late(self, pending: Mapping[int, Pending]) -> Iterable[tuple[int, Any, Any]]:
        if hasattr(self.env, "late_priors"):
            for i, (prior, weight) in self.env.late_priors(pending).items():
                yield i, prior, weight
        elif (envs := getattr(self.env, "envs", None)) is not None:
            for i, asked in pending.items():
                yield from envs[i].get_wrapper_attr("late_priors")({i: asked})
        else:
            raise TeacherSpecError(
                f"the teachers inside {self.env} answer late (workers > 0), and cannot be waited "
                "for from outside. Cure: workers=0, or VectorTeacher(envs, teacher)."
            )
