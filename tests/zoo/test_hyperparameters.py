"""Where hyperparameters come from, and that they arrive unchanged."""

import argparse

import pytest
import rl_zoo3.train
import yaml
from stable_baselines3.common.utils import LinearSchedule

from benchmarks.tasks import TASKS
from benchmarks.tasks_minigrid import LEVELS, MINIGRID_TASKS
from gym_llmteacher.envs import env_id
from gym_llmteacher.zoo.algorithms import register
from gym_llmteacher.zoo.hyperparameters import _OWN, _ZOO, config_for, shown, split_wrappers
from gym_llmteacher.zoo.manager import TeacherExperimentManager, manager_with

register()
OWN = yaml.safe_load((_OWN / "teacher_ppo.yml").read_text())
PAPER = {env_id(name): task for name, task in TASKS.items() if name.endswith("DoorKey")}


def manager(algo, env, tmp_path, arguments=None, config=None, **kwargs):
    cls = manager_with({"teacher": {"script": "mission_planner"}} | (arguments or {}))
    return cls(argparse.Namespace(), algo, env, str(tmp_path), n_timesteps=64, seed=0,
               device="cpu", config=config, **kwargs)  # fmt: skip


def test_an_env_of_the_zoo_keeps_the_zoos_own_entry(tmp_path):
    zoos = yaml.safe_load((_ZOO / "ppo.yml").read_text())["MiniGrid-DoorKey-5x5-v0"]
    hyperparams, saved = manager(
        "teacher_ppo", "MiniGrid-DoorKey-5x5-v0", tmp_path
    ).read_hyperparameters()
    assert hyperparams == zoos
    assert dict(saved) == {**zoos, "teacher": {"teacher": {"script": "mission_planner"}}}


@pytest.mark.parametrize("env", [*PAPER, *LEVELS])
def test_the_tuned_settings_are_those_of_the_comparisons(env, tmp_path):
    task = PAPER.get(env) or MINIGRID_TASKS[env]
    assert config_for("teacher_ppo", env).parent == _OWN
    taught = manager("teacher_ppo", env, tmp_path)
    read, _ = taught.read_hyperparameters()
    assert (read["n_timesteps"], read["n_envs"]) == (task.steps, task.n_envs)
    given, wrapper, *_ = taught._preprocess_hyperparams(dict(read))
    expected = {**task.ppo, "target_kl": None}
    if task.coef is not None:
        expected["teacher_coef"] = task.coef
    rate, wanted = given.pop("learning_rate"), expected.pop("learning_rate")
    assert isinstance(rate, LinearSchedule)
    assert [rate(x) for x in (1.0, 0.3, 0.0)] == pytest.approx([wanted(x) for x in (1.0, 0.3, 0.0)])
    assert {"target_kl": None, **given} == expected
    if env in LEVELS:
        assert wrapper(task.make().env).radius == 8


def test_nothing_else_is_in_the_file():
    assert set(OWN) == set(PAPER) | set(LEVELS)


def test_the_parent_gets_the_same_settings_without_a_teacher(tmp_path):
    plain = manager("ppo", "LLMTeacher/DivergedDoorKey-v0", tmp_path)
    hyperparams, saved = plain.read_hyperparameters()
    assert "teacher_coef" in OWN["LLMTeacher/DivergedDoorKey-v0"]
    assert not [name for name in [*hyperparams, *saved] if "teacher" in name]
    level = manager("ppo", "MiniGrid-UnlockPickup-v0", tmp_path)
    assert level.read_hyperparameters()[0]["env_wrapper"] == [
        {"gym_llmteacher.MapMemory": {"radius": 8}}
    ]
    level.setup_experiment()
    assert not level.create_envs(1).has_attr("teacher_metrics")


def test_the_command_line_wins_over_the_file_and_keys_are_not_kept(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "hyperparams = {'MiniGrid-Empty-5x5-v0': dict(n_timesteps=64, policy='MlpPolicy', "
        "env_wrapper=['minigrid.wrappers.FlatObsWrapper', {'gym_llmteacher.LLMTeacherWrapper': "
        "{'teacher': {'model': 'openai/x', 'api_key': 'sk-planted'}, 'smoothing': 0.25}}])}"
    )
    from_file = TeacherExperimentManager(argparse.Namespace(), "teacher_ppo",
        "MiniGrid-Empty-5x5-v0", str(tmp_path), config=str(path))  # fmt: skip
    hyperparams, saved = from_file.read_hyperparameters()
    assert (
        hyperparams["env_wrapper"] == saved["env_wrapper"] == ["minigrid.wrappers.FlatObsWrapper"]
    )
    assert saved["teacher"] == {
        "teacher": {"model": "openai/x", "api_key": "***"},
        "smoothing": 0.25,
    }
    typed = manager("teacher_ppo", "MiniGrid-Empty-5x5-v0", tmp_path, config=str(path))
    _, saved = typed.read_hyperparameters()
    assert saved["teacher"] == {"teacher": {"script": "mission_planner"}, "smoothing": 0.25}


def test_what_is_written_down_of_a_teacher():
    assert split_wrappers("a.B") == (["a.B"], 0, {})
    assert split_wrappers(None) == ([], 0, {})
    assert shown({"teacher": rl_zoo3, "answers": None}) == {"teacher": "module", "answers": None}
