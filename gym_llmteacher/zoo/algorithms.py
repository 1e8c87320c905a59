"""Make the taught algorithms known to rl-zoo3, beside its own."""

from __future__ import annotations

from rl_zoo3.hyperparams_opt import HYPERPARAMS_CONVERTER, HYPERPARAMS_SAMPLER
from rl_zoo3.utils import ALGOS
from stable_baselines3.common.base_class import BaseAlgorithm

from gym_llmteacher.sb3.a2c import TeacherA2C
from gym_llmteacher.sb3.dqn import TeacherDQN
from gym_llmteacher.sb3.ppo import TeacherPPO
from gym_llmteacher.sb3.recurrent_ppo import TeacherRecurrentPPO

TAUGHT: dict[str, tuple[type[BaseAlgorithm], str]] = {
    "teacher_ppo": (TeacherPPO, "ppo"),
    "teacher_a2c": (TeacherA2C, "a2c"),
    "teacher_dqn": (TeacherDQN, "dqn"),
    "teacher_recurrent_ppo": (TeacherRecurrentPPO, "ppo_lstm"),
}
"""Name -> the class, and the zoo's name of the algorithm behind it."""


def parent_of(algo: str) -> str:
    """The zoo's own algorithm behind a taught one.

    >>> parent_of("teacher_recurrent_ppo"), parent_of("ppo")
    ('ppo_lstm', 'ppo')
    """
    return TAUGHT[algo][1] if algo in TAUGHT else algo


def register() -> None:
    """Add the taught algorithms, and search spaces for them: those of their parents.

    >>> register()
    >>> ALGOS["teacher_ppo"].__name__
    'TeacherPPO'
    """
    for name, (taught, parent) in TAUGHT.items():
        ALGOS[name] = taught
        HYPERPARAMS_SAMPLER[name] = HYPERPARAMS_SAMPLER[parent]
        HYPERPARAMS_CONVERTER[name] = HYPERPARAMS_CONVERTER[parent]
