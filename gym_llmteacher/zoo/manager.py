"""rl-zoo3's experiment manager, with a teacher in the envs that are trained in and in no other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from rl_zoo3.exp_manager import ExperimentManager
from rl_zoo3.hyperparams_opt import HYPERPARAMS_SAMPLER
from rl_zoo3.utils import get_class_by_name, get_wrapper_class
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from gym_llmteacher.zoo.algorithms import TAUGHT, parent_of
from gym_llmteacher.zoo.hyperparameters import TEACHER, config_for, shown, split_wrappers


class TeacherExperimentManager(ExperimentManager):
    """What `rl_zoo3.train` makes its experiments with.

    The saved ``config.yml`` names no teacher among the wrappers, so that whatever plays the student
    later, the zoo's own commands included, has no teacher either. Who taught is kept under
    ``teacher``, without keys.

    Beyond the zoo's YAML: ``learning_rate: [start, end]`` is linear between the two, and
    ``features_extractor_class`` in a dict of ``policy_kwargs`` may be a dotted name.
    """

    wrapper_arguments: dict[str, Any] = {}
    """Arguments of `LLMTeacherWrapper` from the command line; they win over the file's."""

    def __init__(self, args: Any, algo: str, env_id: str, *rest: Any, **kwargs: Any) -> None:
        super().__init__(args, algo, env_id, *rest, **kwargs)
        if kwargs.get("config") is None:
            self.config = str(config_for(algo, env_id))
        self._taught_wrapper: Callable[..., Any] | None = None

    def read_hyperparameters(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read what the zoo reads, and keep the teacher apart."""
        hyperparams, saved = super().read_hyperparameters()
        listed = hyperparams.get("env_wrapper")
        others, place, arguments = split_wrappers(listed)
        if self.algo in TAUGHT:
            arguments |= self.wrapper_arguments
            entry = {TEACHER: arguments}
            taught = [*others[:place], entry, *others[place:]]
            self._taught_wrapper = get_wrapper_class({"env_wrapper": taught})
            saved["teacher"] = shown(arguments)
        for values in (hyperparams, saved):
            if listed is not None and listed not in others:
                values["env_wrapper"] = others
            if self.algo not in TAUGHT:  # the same file serves the parent
                for name in [name for name in values if name.startswith("teacher_")]:
                    del values[name]
        return hyperparams, saved

    def create_envs(self, n_envs: int, eval_env: bool = False, no_log: bool = False) -> VecEnv:
        """Make envs; those for evaluation never have a teacher."""
        manager = self
        if self._taught_wrapper is not None and not eval_env:
            # A copy, since trials of a search may run side by side.
            manager = copy.copy(self)
            manager.env_wrapper = self._taught_wrapper
        envs: VecEnv = ExperimentManager.create_envs(manager, n_envs, eval_env, no_log)
        return envs

    def hyperparameters_optimization(self) -> None:
        """Search as the zoo does, keeping how the policy reads its observations.

        The zoo's search spaces replace ``policy_kwargs`` as a whole, features extractor included.
        """
        sample = HYPERPARAMS_SAMPLER[parent_of(self.algo)]
        kept = self._hyperparams.get("policy_kwargs") or {}

        def sampled(*args: Any) -> dict[str, Any]:
            found = sample(*args)
            return {**found, "policy_kwargs": {**kept, **found.get("policy_kwargs", {})}}

        if self.algo in TAUGHT:
            HYPERPARAMS_SAMPLER[self.algo] = sampled
        super().hyperparameters_optimization()

    def _preprocess_hyperparams(self, hyperparams: dict[str, Any]) -> Any:
        policy = hyperparams.get("policy_kwargs")
        if isinstance(policy, dict) and isinstance(policy.get("features_extractor_class"), str):
            extractor = get_class_by_name(policy["features_extractor_class"])
            # A new dict: the old one goes into config.yml.
            hyperparams["policy_kwargs"] = {**policy, "features_extractor_class": extractor}
        return super()._preprocess_hyperparams(hyperparams)

    @staticmethod
    def _preprocess_schedules(hyperparams: dict[str, Any]) -> dict[str, Any]:
        rate = hyperparams.get("learning_rate")
        if not isinstance(rate, list):
            return dict(ExperimentManager._preprocess_schedules(hyperparams))
        rest = {name: value for name, value in hyperparams.items() if name != "learning_rate"}
        start, end = map(float, rate)
        schedules = ExperimentManager._preprocess_schedules(rest)
        return {**schedules, "learning_rate": LinearSchedule(start, end, 1.0)}


def manager_with(arguments: dict[str, Any]) -> type[TeacherExperimentManager]:
    """A manager whose teacher gets these arguments of `LLMTeacherWrapper`.

    >>> manager_with({"smoothing": 0.1}).wrapper_arguments
    {'smoothing': 0.1}
    """
    return type("Manager", (TeacherExperimentManager,), {"wrapper_arguments": arguments})
