"""Trainings from the command line whose students are shown subgoals."""

import io
import json

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console
from stable_baselines3 import PPO

from gym_llmteacher import (
    ScriptedTeacher,
)
from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.experiments.checkpoint import restore, snapshot
from gym_llmteacher.experiments.compare import compare
from gym_llmteacher.experiments.config import Running
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.report import evaluation_table, table_rows
from gym_llmteacher.experiments.saved import load_student, played_in
from gym_llmteacher.experiments.student import make_student, make_train_env
from gym_llmteacher.experiments.teaching import guided, guided_play, sums_of, taught
from gym_llmteacher.experiments.train import scores_of, teachers_of
from gym_llmteacher.sb3.loop_free import LoopFreePolicy
from gym_llmteacher.testing import FakeLLMServer
from tests.alone import without_this_package
from tests.resuming import in_parts, same_students
from tests.subgoal_runs import KEY, PLANNER, TASK, cli, config_for, draw_nothing

OFTEN_WRONG = {"simulated": PLANNER, "accuracy": 0.6}


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch):
    draw_nothing(monkeypatch)


def test_each_student_sees_the_teachers_plan():
    config = config_for(subgoals={"encoding": "look", "bonus": "paper"})
    for kind, has_prior in (("teacher", True), ("ppo", False)):
        model = make_student(config, kind, 0)
        assert isinstance(model.policy, LoopFreePolicy)
        env = model.get_env()
        obs = env.reset()
        assert (obs["observation"].shape, obs["subgoal"].shape) == ((2, 10, 10, 4), (2, 21))
        assert obs["subgoal"][:, 0].tolist() == [1, 1]
        info = env.unwrapped.reset_infos[0]
        assert ("teacher_prior" in info, info["subgoal"]) == (has_prior, "explore")
    assert model.gamma == env.envs[0].get_wrapper_attr("bonus").__dict__.get("gamma", 0.99)
    potential = config_for(subgoals={"bonus": "potential"})
    assert make_train_env(potential, "ppo", 0).get_attr("bonus")[0].gamma == model.gamma


def test_envs_without_maps_have_words_beside_their_numbers():
    config = config_for(
        subgoals={"encoding": "words"}, env="FrozenLake-v1", teacher="script:frozen_lake_planner"
    )
    model = make_student(config, "teacher", 0).learn(256)
    assert type(model.policy).__name__ == "MultiInputActorCriticPolicy"
    assert model.observation_space["subgoal"].shape == (33,)


def test_playing_shows_what_training_shows_and_pays_nothing():
    config = config_for(subgoals={"bonus": "paper", "dropout": 0.0})
    earned, seen = [], []
    for wrap in (guided(config), guided_play(config), guided_play(config, shown=False)):
        env = wrap(taught(config)(make_env(TASK)))
        obs, info = env.reset(seed=3)
        rewards, shown, over = [], [], False
        while not over:
            shown.append(obs["subgoal"].any())
            obs, reward, terminated, truncated, info = env.step(int(info["teacher_prior"].argmax()))
            rewards.append(reward)
            over = terminated or truncated
        assert info["is_success"]
        earned.append(sum(rewards))
        seen.append(np.mean(shown))
    assert earned[0] > earned[1] + 0.5
    assert earned[1] == earned[2] < 1
    assert seen == [1.0, 1.0, 0.0]


def test_where_none_is_shown_nobody_is_asked():
    asked = []
    planner = ScriptedTeacher.named("door_key_planner")
    teacher = ScriptedTeacher(lambda here: asked.append(1) or planner.function(here))
    config = config_for(subgoals={"dropout": 0.5}, teacher=teacher, students=("ppo",))
    model = make_student(config, "ppo", 0)
    scores_of(config, model, shown=False)
    assert asked == []
    scores_of(config, model, shown=True)
    assert len(asked) >= 4


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a training, its students' results, and what was printed."""
    folder = tmp_path_factory.mktemp("run")
    config = config_for(folder, {"encoding": "relative", "dropout": 0.1})
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        console = Console(width=80, record=True, file=io.StringIO())
        runs = compare(config, console)
    return folder, config, runs, console.export_text()


def test_a_comparison_says_how_students_do_with_subgoals_and_without(trained):
    folder, _, runs, printed = trained
    assert "subgoals relative" in printed
    assert printed.count("\n without ") == 2
    assert "…" not in printed  # it fits 80 columns
    assert [run.kind for run in runs] == ["teacher", "ppo"]
    for run in runs:
        sampled, greedy = run.without_subgoals
        assert (sampled.episodes, greedy.episodes) == (2, 2)
        assert 0 <= run.sampled.reward <= 1  # the env's own, though subgoals were paid for
    written = json.loads((folder / "results.json").read_text())["runs"]
    assert written[1]["without_subgoals"][0]["length"] == runs[1].without_subgoals[0].length
    assert [row[0] for row in table_rows(runs, None)] == [
        "TeacherPPO", " without", "plain PPO", " without"
    ]  # fmt: skip
    assert "shown no subgoals" in (folder / "results.md").read_text()


def test_saved_students_play_with_their_subgoals(trained, monkeypatch, capsys, tmp_path):
    folder, *_ = trained
    student = folder / "ppo-0.zip"
    code, words = cli(monkeypatch, capsys, "evaluate", student, "--episodes", 3)
    assert code == 0
    assert words.count("without subgoals") == 2
    assert words.count("%") == 4
    code, words = cli(monkeypatch, capsys, "watch", student, "--episodes", 1, "--fps", 1e9)
    assert code == 0
    assert "Episode 1:" in words
    code, _ = cli(monkeypatch, capsys, "report", folder, "--episodes", 1)
    assert code == 0
    html = (folder / "report.html").read_text()
    assert "; subgoal: explore" in html
    assert "--subgoals" in html
    (tmp_path / "ppo-0.zip").write_bytes(student.read_bytes())
    with pytest.raises(ModelUnavailableError, match=r"no config\.json beside it says which"):
        evaluation_table(TASK, tmp_path / "ppo-0.zip")


def test_a_student_with_subgoals_loads_without_this_package(trained, tmp_path):
    folder, *_ = trained
    obs = {"observation": gym.make(TASK).reset(seed=1)[0], "subgoal": np.zeros(6, np.float32)}
    np.savez(tmp_path / "obs.npz", **obs)
    expected, _ = PPO.load(folder / "teacher-0.zip").predict(obs, deterministic=True)
    done = without_this_package(
        f"""
        import numpy as np
        from stable_baselines3 import PPO
        model = PPO.load({str(folder / "teacher-0.zip")!r}, device="cpu")
        print(model.predict(dict(np.load("obs.npz")), deterministic=True)[0])
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(expected)


def test_interrupted_anywhere_it_ends_in_the_same_weights(tmp_path, monkeypatch):
    """In the middle of episodes, with a teacher of its own for the subgoals."""
    subgoals = {"teacher": OFTEN_WRONG, "bonus": "potential", "dropout": 0.2}
    config = config_for(
        tmp_path / "whole", subgoals, steps=512, eval_episodes=1,
        running=Running(checkpoint_every=1),
    )  # fmt: skip
    whole = compare(config, Console(quiet=True))

    def stop(student):
        assert student.envs is not None
        assert b"ScriptedTeacher" not in student.envs
        return student.kind

    runs, stopped = in_parts(config, tmp_path / "parts", len(config.students), stop, monkeypatch)
    assert stopped == ["teacher", "ppo"]
    for run, mine in zip(runs, whole, strict=True):
        assert (run.curve, run.taught) == (mine.curve, mine.taught)
        assert run.without_subgoals == mine.without_subgoals
    same_students(tmp_path, "teacher-0.zip", "ppo-0.zip")


def test_it_goes_with_a_curriculum_and_a_condition(tmp_path):
    easy, hard = "MiniGrid-Empty-5x5-v0", "MiniGrid-Empty-6x6-v0"
    curriculum = {
        "space": {"env": {"enum": [easy, hard]}}, "original": {"env": hard}, "n": 1,
        "writer": {"easy_to_hard": [{"env": easy}]}, "every": 128, "episodes": 2,
    }  # fmt: skip
    config = config_for(
        tmp_path, {"encoding": "relative"}, env=hard, teacher="script:mission_planner", n_envs=1,
        ask="at_reset", curriculum=curriculum, eval_episodes=1, students=("teacher",),
    )  # fmt: skip
    (run,) = compare(config, Console(quiet=True))
    assert run.without_subgoals is not None
    saved = json.loads((tmp_path / "curriculum-teacher-0.json").read_text())
    assert saved["history"][1]["mix"] == [{"env": easy}]


def answer(body):
    """The last option."""
    options = body["messages"][-1]["content"].split("Options:\n")[1].splitlines()
    return f"Action: {{{options[-1].removeprefix('- ')}}}"


def test_a_model_over_the_network_is_asked_once_for_both_ways(tmp_path):
    """Its questions are open while envs go on; answers and budget are those of the folder."""
    with FakeLLMServer(answer) as server:
        teacher = {**server.model, "api_key": KEY, "elicitation": "samples"}
        config = config_for(
            tmp_path, {"encoding": "relative"}, teacher=teacher,
            running=Running(workers=4, budget={"calls": 500}),
        )  # fmt: skip
        envs = make_train_env(config, "teacher", 0)
        assert envs.get_attr("background")[0].workers == 2  # 4 for both envs
        envs.close()
        runs = compare(config, Console(quiet=True))
        asked = [json.dumps(request.body["messages"]) for request in server.history]
        elsewhere = tmp_path / "elsewhere"  # without what was said
        elsewhere.mkdir()
        for name in ("config.json", "ppo-0.zip"):
            (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
        for folder, known in ((tmp_path, True), (elsewhere, False)):
            student = folder / "ppo-0.zip"
            env = played_in(load_student(student), student)(make_env(TASK))
            obs, info = env.reset(seed=10_000)
            assert (bool(obs["subgoal"][0]), bool(info["subgoal"])) == (known, known)
        assert len(server.history) == len(asked)  # saved students ask nobody
    assert len(asked) == len(set(asked)) > 3
    assert max(run.teacher["calls"] for run in runs) == len(asked)
    assert all(run.teacher["over_budget"] == 0 for run in runs)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_a_checkpoint_has_neither_the_model_nor_its_key(tmp_path):
    with FakeLLMServer(answer) as server:
        config = config_for(
            tmp_path, {"encoding": "relative"},
            teacher={**server.model, "api_key": KEY, "elicitation": "samples"},
        )  # fmt: skip
        for kind in config.students:
            teachers = teachers_of(config, kind)
            model = make_student(config, kind, 0)
            saved = snapshot(model.learn(256), kind, 0, [], [], 0.0, teachers)
            assert saved.envs is not None
            assert KEY.encode() not in saved.envs
            again = restore(saved, make_student(config, kind, 0), teachers)
            for background in again.get_env().get_attr("background"):
                assert background.teacher is teachers["subgoals"]


def test_what_was_spent_on_subgoals_counts_once():
    class Counted(ScriptedTeacher):
        def metrics(self):
            return {"calls": 3.0}

    both = Counted(lambda situation: ("explore",))
    other = Counted(lambda situation: ("explore",))
    for own, expected in (({}, 3.0), ({"teacher": other}, 6.0)):
        config = config_for(teacher=both)
        object.__setattr__(config.teaching, "subgoals", own)
        envs = make_train_env(config, "teacher", 0)
        assert sums_of(config, "teacher", envs)["calls"] == expected
        assert sums_of(config, "ppo", make_train_env(config, "ppo", 0))["calls"] == 3.0
