"""Importing is cheap, and brings nothing along that is not asked for."""

import subprocess
import sys
import textwrap

import pytest

import gym_llmteacher


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def test_import_loads_no_heavy_module_and_registers_the_tasks():
    heavy = ("litellm", "habitat", "torch", "minigrid", "stable_baselines3", "matplotlib", "openai")
    out = run(f"""
        import sys
        import gymnasium
        before = set(sys.modules)
        import gym_llmteacher
        print([name for name in {heavy!r} if name in sys.modules])
        print(len(set(sys.modules) - before))
        print(sum(name.startswith("LLMTeacher/") for name in gymnasium.registry))
    """)
    assert out[0] == "[]"
    # Modules, not seconds: the machine may be busy.
    assert int(out[1]) < 10
    assert out[2] == "7"


def test_wrapping_and_training_do_without_litellm():
    out = run("""
        import sys
        import gymnasium as gym
        from gym_llmteacher import LLMTeacherWrapper, TeacherPPO
        env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
                                teacher={"script": "door_key_planner"})
        TeacherPPO("MlpPolicy", env, n_steps=16, batch_size=16).learn(16)
        print("litellm" in sys.modules, "habitat" in sys.modules)
    """)
    assert out[-1] == "False False"


def test_every_public_name_is_there():
    for name in gym_llmteacher.__all__:
        assert getattr(gym_llmteacher, name).__doc__
    assert set(gym_llmteacher.__all__) <= set(dir(gym_llmteacher))
    with pytest.raises(AttributeError, match="attribute nothing"):
        gym_llmteacher.nothing  # noqa: B018
