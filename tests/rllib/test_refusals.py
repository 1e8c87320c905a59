"""What cannot be, or is not supported, is refused before anything is trained."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import (
    Adaptive,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    NewText,
    SimulatedTeacher,
    StudentUncertain,
)
from gym_llmteacher.errors import (
    ConditionError,
    GroundingError,
    PriorError,
    ScheduleError,
    StudentError,
    TeacherSpecError,
)
from gym_llmteacher.rllib import TaughtEnv, TeacherPPOConfig
from gym_llmteacher.rllib.modules import EgoMapRLModule
from tests.echo import Echo
from tests.rllib.small import config, echo, echo_grounding
from tests.rllib.teachers import RIGHT

KEY = "planted-key-12345"


class Described(GroundingWrapper):
    def __init__(self, context):
        super().__init__(Echo(), echo_grounding())


class Advised(LLMTeacherWrapper):
    def __init__(self, context):
        super().__init__(Echo(), RIGHT, echo_grounding())


class Plain(Echo):
    def __init__(self, context):
        super().__init__()


class Continuous(Plain):
    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)


def without_coef():
    return TeacherPPOConfig().environment(Plain)


def old_stack():
    return config().api_stack(
        enable_rl_module_and_learner=False, enable_env_runner_and_connector_v2=False
    )


def several():
    return config().multi_agent(policies={"a", "b"}, policy_mapping_fn=lambda *_: "a")


REFUSED = {
    "no coefficient": (without_coef, ScheduleError, "teacher_coef is not set"),
    "Adaptive": (lambda: config(coef=Adaptive(1.0)), ScheduleError, "Adaptive, which follows"),
    "rising": (
        lambda: config(coef={"shape": "linear", "start": 0.1, "end": 1.0}),
        ScheduleError,
        "must not rise",
    ),
    "gates": (lambda: config(teacher_gates="confidence"), StudentError, "teacher_gates: not supp"),
    "replay": (
        lambda: config(teacher_replay_steps=100),
        StudentError,
        "replayed advice and judged teachers belong to",
    ),
    "divergence": (lambda: config(teacher_divergence="huh"), StudentError, "huh"),
    "old stack": (old_stack, StudentError, "old API stack"),
    "several agents": (several, StudentError, "several policies or agents"),
    "negative": (lambda: echo(workers=-1), TeacherSpecError, "no negative numbers"),
    "uncertain": (
        lambda: config().teacher(RIGHT, ask=NewText() & StudentUncertain(0.5)),
        ConditionError,
        "StudentUncertain in it",
    ),
    "no condition": (lambda: config().teacher(RIGHT, ask="often"), ConditionError, "often"),
    "key": (
        lambda: echo({"model": "openai/x", "api_key": KEY}),
        TeacherSpecError,
        "the teacher has a key",
    ),
    "key inside": (
        lambda: echo(SimulatedTeacher(LLMTeacher({"model": "openai/x", "api_key": KEY}), 0.5)),
        TeacherSpecError,
        "the teacher has a key",
    ),
    "key of an env": (
        lambda: config().environment(Plain, env_config={"m": {"model": "x", "api_key": KEY}}),
        TeacherSpecError,
        "env_config has a key",
    ),
    "password": (
        lambda: config().teacher(RIGHT, answers="redis://me:secret-word@host:6379/0"),
        TeacherSpecError,
        "the teacher has a key or a password",
    ),
    "no pickle": (
        lambda: echo(env_thread()),
        TeacherSpecError,
        "the teacher cannot be pickled",
    ),
    "nobody teaches": (
        lambda: config().environment(Described),
        TeacherSpecError,
        "the env describes itself, but nobody teaches",
    ),
    "two teach": (
        lambda: config().environment(Advised).teacher(RIGHT),
        TeacherSpecError,
        "the env has one in itself",
    ),
    "not described": (
        lambda: config().environment(Plain).teacher(RIGHT),
        GroundingError,
        "does not describe itself",
    ),
    "continuous": (lambda: config().environment(Continuous), GroundingError, "action space is Box"),
    "no env": (
        lambda: config().environment(TaughtEnv, env_config={"id": "Taxi"}),
        GroundingError,
        "env_config has id, expected 'env'",
    ),
}


def env_thread():
    """A teacher that cannot travel."""
    import threading

    teacher = LLMTeacher({"model": "openai/x"})
    teacher.thread = threading.current_thread()
    return teacher


@pytest.mark.parametrize("case", REFUSED)
def test_refused(build, case):
    make, error, words = REFUSED[case]
    with pytest.raises(error) as told:
        build(make())
    assert words in str(told.value)
    assert KEY not in str(told.value)
    assert "secret-word" not in str(told.value)


def test_a_slow_teacher_does_not_end_an_iteration_without_samples():
    assert config().sample_timeout_s is None


def test_an_env_without_priors_is_told_of_in_the_first_update(build):
    algorithm = build(config().environment(Plain))
    with pytest.raises(PriorError, match="no 'teacher_prior'"):
        algorithm.train()


def test_a_module_without_logits_of_the_actions_is_told_of(build):
    from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
    from ray.rllib.core.rl_module.rl_module import RLModuleSpec

    class Doubled(DefaultPPOTorchRLModule):
        def _forward_train(self, batch, **kwargs):
            out = super()._forward_train(batch, **kwargs)
            logits = out["action_dist_inputs"]
            return {**out, "action_dist_inputs": logits.repeat(1, 2)}

    made = config(use_kl_loss=False).rl_module(rl_module_spec=RLModuleSpec(module_class=Doubled))
    with pytest.raises(StudentError, match="6 numbers per row, expected 3"):
        build(made).train()


def test_the_map_encoder_reads_maps_alone(build):
    from ray.rllib.core.rl_module.rl_module import RLModuleSpec

    made = config().rl_module(rl_module_spec=RLModuleSpec(module_class=EgoMapRLModule))
    with pytest.raises(ValueError, match="expected a Box"):
        build(made)
