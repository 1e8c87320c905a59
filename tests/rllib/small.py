"""Small configs, small envs, and what can be seen of an algorithm from outside."""

import gymnasium as gym
import numpy as np
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from gym_llmteacher import ActionGrounding, MultiDiscreteGrounding
from gym_llmteacher.rllib import TaughtEnv, TeacherPPOConfig
from tests.drive import NAMES, Drive, in_words
from tests.echo import Echo
from tests.rllib.teachers import RIGHT
from tests.tagging import Counter, prior_of

FALLING = {"shape": "llm4teach", "start": 2.0, "floor": 0.5, "decay_steps": 64, "cut_steps": 640}


class Tagged(Counter):
    """Puts priors into its infos by itself, each of which belongs to one observation."""

    def __init__(self, context):
        super().__init__()


def two_priors(obs):
    """Priors of two action dimensions, and their weights."""
    prior, weight = prior_of(obs)
    second = np.array([prior[0], 1 - prior[0]], np.float32)
    return np.concatenate([prior, second]), np.array([weight, 1 - weight / 2], np.float32)


class TaggedTwice(Tagged):
    """The same, with two action dimensions."""

    def __init__(self, context):
        super().__init__(context)
        self.action_space = gym.spaces.MultiDiscrete([3, 2])

    def _info(self, obs):
        prior, weight = two_priors(obs)
        return {"teacher_prior": prior, "teacher_weight": weight}

    def step(self, action):
        return super().step(action[0])


def describe(obs):
    return f"echo {int(obs[0])}"


def echo_grounding():
    return ActionGrounding(describe, ["0", "1", "2"], task="echo")


def drive_grounding():
    return MultiDiscreteGrounding(in_words, NAMES, task="drive home")


def config(runners=0, envs=2, coef=1.0, batch=64, cls=TeacherPPOConfig, **training):
    """PPO, very small; in Counter-like envs until an env is named."""
    made = (
        cls()
        .environment(Tagged)
        .env_runners(num_env_runners=runners, num_envs_per_env_runner=envs)
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[16]))
        .debugging(seed=3, log_level="ERROR")
    )
    own = {"train_batch_size_per_learner": batch, "minibatch_size": 32, "num_epochs": 2, "lr": 1e-3}
    if issubclass(cls, TeacherPPOConfig):
        own["teacher_coef"] = coef
    return made.training(**{**own, **training})


def echo(teacher=RIGHT, late_timeout=20.0, workers=2, **kwargs):
    """The same, in `Echo`, whose right action the teacher knows."""
    made = config(**kwargs).environment(
        TaughtEnv, env_config={"env": Echo, "grounding": echo_grounding()}
    )
    return made.teacher(teacher, workers=workers, late_timeout=late_timeout, smoothing=0.0)


def drive(teacher, **kwargs):
    """The same, in an env with two action dimensions."""
    made = config(**kwargs).environment(
        TaughtEnv, env_config={"env": Drive, "grounding": drive_grounding()}
    )
    return made.teacher(teacher, late_timeout=20.0, smoothing=0.0)


def learned(result):
    """What the learner logged of its teacher."""
    found = result["learners"]["default_policy"]
    return {k.removeprefix("teacher_"): v for k, v in found.items() if k.startswith("teacher_")}


def weights(algorithm):
    """All weights, by name."""
    return algorithm.learner_group.get_weights()["default_policy"]


def asked(algorithm):
    """How many situations were asked about so far, by runner."""
    totals = algorithm.env_runner_group.foreach_env_runner(lambda r: r.teacher_metrics())
    return [one.get("asked", 0.0) for one in totals]
