"""A plan as subgoals: when they are done, what is seen of them, what they pay."""

import pickle

import gymnasium as gym
import minigrid  # noqa: F401
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

from gym_llmteacher import (
    ActionGrounding,
    Advice,
    GroundingError,
    LLMTeacherWrapper,
    MapMemory,
    ScriptedTeacher,
    SubgoalFeatures,
    SubgoalWrapper,
    TeacherPPO,
)
from gym_llmteacher.groundings.minigrid import DoorKeyGrounding
from gym_llmteacher.groundings.target import Target
from gym_llmteacher.subgoals.encodings import ENCODINGS

PLANNER = "script:door_key_planner"
TASK = "LLMTeacher/SimpleDoorKey-v0"


def test_the_way_that_is_left_grows_shorter_with_what_the_options_say():
    """One action less with each, in any level; exploring may change its mind."""
    for task, planner, seed in (
        ("LLMTeacher/KeyInBox-v0", PLANNER, 2),
        ("MiniGrid-UnlockPickup-v0", "script:mission_planner", 1),
        ("MiniGrid-Empty-6x6-v0", "script:mission_planner", 1),
    ):
        env = guided(task, planner, bonus="none")
        lefts, last = [], None
        for _, _, info in follow(env, seed=seed):
            now = (info["subgoal"], info["subgoals_reached"], env._way.left)
            if last and now[:2] == last[:2] and now[0] not in ("", "explore"):
                lefts.append((last[2], now[2]))
            last = now
        assert len(lefts) > 2
        assert all(after == before - 1 for before, after in lefts), (task, lefts)


def follow(env, seed, info_key="teacher_prior"):
    """Act on the prior of a teacher inside; yields what each step returns."""
    obs, info = env.reset(seed=seed)
    yield obs, 0.0, info
    over = False
    while not over:
        obs, reward, terminated, truncated, info = env.step(int(info[info_key].argmax()))
        over = terminated or truncated
        yield obs, reward, info


def guided(task=TASK, planner=PLANNER, **kwargs):
    env = gym.make(task)
    if not task.startswith("LLMTeacher"):
        env = MapMemory(env, radius=8)
    return SubgoalWrapper(LLMTeacherWrapper(env, planner), kwargs.pop("teacher", planner), **kwargs)


def test_a_planner_is_led_through_its_own_plan():
    names, last = [], {}
    for _, _, info in follow(guided("LLMTeacher/KeyInBox-v0"), seed=2):
        if info["subgoal"] != (names or [None])[-1]:
            names.append(info["subgoal"])
        last = info
    assert names == ["explore", "go to box", "open box", "pick up key", "go to door", "open door",
                     ""]  # fmt: skip
    assert last["subgoals_reached"] == 12  # seven of them are places that exploring went to
    assert last["subgoal_asks"] == 4  # not at every step, nor at every place


def test_levels_with_a_mission_are_led_through_as_well():
    env = guided("MiniGrid-ObstructedMaze-1Dlh-v0", "script:mission_planner")
    *_, (_, _, info) = follow(env, seed=0)
    assert info["subgoals_reached"] == 7


@pytest.mark.parametrize("bonus", ["instalments", "paper"])
def test_opening_and_shutting_a_door_pays_but_once(bonus):
    """A student that did nothing else was paid as much as one that got through."""
    env = guided("MiniGrid-MultiRoom-N4-S5-v1", "script:mission_planner", bonus=bonus)

    def faces_a_door():
        ahead = env.unwrapped.grid.get(*env.unwrapped.front_pos)
        return ahead is not None and ahead.type == "door"

    *_, info = next(step for step in follow(env, seed=0) if faces_a_door())
    paid, reached = 0.0, info["subgoals_reached"]
    for step in range(60):
        _, reward, _, truncated, info = env.step((5, 6)[step % 2])  # toggle, done
        paid += reward
        assert not truncated
    assert info["subgoals_reached"] <= reached + 2
    assert paid < 0.4


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_infos_say_whether_an_episode_was_a_success(dropout):
    env = MapMemory(gym.make("MiniGrid-Empty-5x5-v0"), radius=4)
    env = SubgoalWrapper(env, "script:mission_planner", bonus="paper", dropout=dropout)
    env.reset(seed=0)
    infos = [env.step(action)[4] for action in (2, 2, 1, 2, 2)]
    assert [info.get("is_success") for info in infos] == [None, None, None, None, True]


@pytest.mark.parametrize(("bonus", "low", "high"), [("paper", 2.2, 2.5), ("none", 0, 0)])
def test_what_is_paid_is_added_to_the_reward(bonus, low, high):
    env = guided("LLMTeacher/KeyInBox-v0", bonus=bonus)
    rewards = [reward for _, reward, _ in follow(env, seed=2)]
    bare = 1 - 0.9 * (len(rewards) - 1) / 150
    assert low <= sum(rewards) - bare <= high
    assert sum(reward > 0 for reward in rewards) == (12 if bonus == "paper" else 1)


def test_relative_positions_lead_to_the_thing():
    env = guided()
    last = None
    for obs, _, info in follow(env, seed=3):
        if last == "go to key" and info["subgoal"] == "pick up key":
            assert obs["subgoal"] == pytest.approx([1, 0.1, 0, 1, 0, 1])  # right before the agent
            break
        last = info["subgoal"]
    else:
        pytest.fail("it never came to the key")


def test_targets_are_those_of_the_observation_at_hand():
    env, grounding = gym.make(TASK), DoorKeyGrounding()
    obs, _ = env.reset(seed=3)
    asked = set()
    for action in [2, 1, 2, 1, 2, 0, 2, 2, 1, 2, 2, 1, 1, 2, 2] * 3:
        situation = grounding.describe(env, obs)
        for option in situation.options:
            target = grounding.target(option)
            if target is None or target.kind == 0:
                continue
            asked.add(option)
            x, y = env.unwrapped.agent_pos
            dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[env.unwrapped.agent_dir]
            cell = (x + target.ahead * dx - target.right * dy,
                    y + target.ahead * dy + target.right * dx)  # fmt: skip
            assert env.unwrapped.grid.get(*cell).encode() == tuple(target[2:5]), option
        obs, *_ = env.step(action)
    assert asked
    assert grounding.target("fly") is None


def test_looks_and_words():
    locked = Target(3, -2, 4, 0, 2)
    assert ENCODINGS["relative"].write("x", locked).tolist() == pytest.approx([0.3, -0.2, 1, -1, 0])
    assert np.flatnonzero(ENCODINGS["look"].write("x", locked)).tolist() == [4, 11, 19]
    words = [ENCODINGS["words"].write(text, None) for text in ("go to key", "go to door", "key")]
    assert not np.array_equal(words[0], words[1])
    assert np.abs(words[2]).sum() == 1
    for encoding in ENCODINGS.values():
        assert encoding.write("go", None).shape == (encoding.size,)


def test_episodes_without_subgoals_ask_nothing():
    asked = []
    planner = ScriptedTeacher.named("door_key_planner")
    teacher = ScriptedTeacher(lambda situation: asked.append(1) or planner.function(situation))
    env = SubgoalWrapper(gym.make(TASK), teacher, dropout=1.0)
    obs, _ = env.reset(seed=0)
    assert not obs["subgoal"].any()
    for _ in range(30):
        obs, reward, *_, info = env.step(1)
        assert (obs["subgoal"].any(), reward, info["subgoal"]) == (False, 0.0, "")
    assert asked == []
    half = SubgoalWrapper(gym.make(TASK), teacher, dropout=0.5)
    half.reset(seed=0)
    seen = [half.reset()[0]["subgoal"][0] for _ in range(200)]
    assert 70 < sum(seen) < 130


def test_no_answer_is_no_subgoal_and_is_asked_for_again():
    answers = iter([Advice.abstain("none"), ("explore",), ("explore",)])
    env = SubgoalWrapper(gym.make(TASK), ScriptedTeacher(lambda situation: next(answers)))
    obs, info = env.reset(seed=0)
    assert (info["subgoal"], obs["subgoal"][0]) == ("", 0)
    obs, *_, info = env.step(6)
    assert (info["subgoal"], obs["subgoal"][0], info["subgoal_asks"]) == ("explore", 1, 2)


def test_late_answers_come_when_they_are_there():
    import threading

    let = threading.Event()

    def slow(situation):
        let.wait(20)
        return ("explore",)

    env = SubgoalWrapper(gym.make(TASK), ScriptedTeacher(slow), workers=2)
    _, info = env.reset(seed=0)
    assert (info["subgoal"], info["subgoal_asks"]) == ("", 0)
    *_, info = env.step(6)
    assert info["subgoal"] == ""
    let.set()
    env.background.wait([env._situation], seconds=20)
    *_, info = env.step(6)
    assert (info["subgoal"], info["subgoal_asks"]) == ("explore", 1)
    env.close()


def test_groundings_that_know_no_places_have_words():
    grounding = ActionGrounding(lambda obs: f"x {obs[0]:.0f}", ["left", "right"], task="balance")
    teacher = ScriptedTeacher(lambda situation: ("right",))
    with pytest.raises(GroundingError, match="encoding='words'"):
        SubgoalWrapper(gym.make("CartPole-v1"), teacher, grounding)
    env = SubgoalWrapper(gym.make("CartPole-v1"), teacher, grounding, encoding="words")
    obs, info = env.reset(seed=0)
    assert (obs["subgoal"].shape, info["subgoal"]) == ((33,), "right")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"encoding": "smell"}, "expected one of relative"),
        ({"bonus": "money"}, "expected instalments"),
        ({"alpha": -1}, "expected 0 or more"),
        ({"gamma": 0.0}, "expected the student's"),
        ({"dropout": 2}, r"expected a share in \[0, 1\]"),
    ],
)
def test_bad_arguments_are_errors_at_construction(arguments, says):
    with pytest.raises(GroundingError, match=says):
        SubgoalWrapper(gym.make(TASK), PLANNER, **arguments)


POLICY = {"features_extractor_class": SubgoalFeatures, "net_arch": [32]}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_plain_ppo_learns_from_it(encoding):
    env = make_vec_env(lambda: SubgoalWrapper(gym.make(TASK), PLANNER, encoding=encoding), 2)
    PPO("MultiInputPolicy", env, n_steps=16, batch_size=16, n_epochs=1, policy_kwargs=POLICY,
        device="cpu").learn(32)  # fmt: skip


def test_a_taught_student_learns_from_it_in_subprocesses():
    env = make_vec_env(guided, 2, vec_env_cls=SubprocVecEnv)
    try:
        TeacherPPO("MultiInputPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu",
                   policy_kwargs=POLICY, teacher_eval_episodes=0).learn(32)  # fmt: skip
    finally:
        env.close()


def test_the_subgoal_at_hand_survives_a_pickle():
    env = guided()
    steps = follow(env, seed=3)
    for _ in range(8):
        next(steps)
    copy = pickle.loads(pickle.dumps(env))
    ours, theirs = env.step(2), copy.step(2)
    np.testing.assert_array_equal(ours[0]["subgoal"], theirs[0]["subgoal"])
    assert ours[4]["subgoal"] == theirs[4]["subgoal"]
    assert ours[4]["subgoals_reached"] == theirs[4]["subgoals_reached"]
