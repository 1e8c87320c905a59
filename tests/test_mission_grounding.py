"""MiniGrid's and BabyAI's levels in words: missions, what matters, and no peeking."""

import pickle

import gymnasium as gym
import minigrid
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from gym_llmteacher import EgoMapFeatures, LLMTeacherWrapper
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.minigrid import MissionGrounding
from gym_llmteacher.groundings.minigrid.missions.instructions import as_mission, parse_mission
from gym_llmteacher.groundings.registry import find_grounding
from gym_llmteacher.wrappers.map_memory import MapMemory
from gym_llmteacher.wrappers.options import OptionsWrapper
from tests.minigrid_levels import LEVELS, PLANNER, play, taught

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, DONE = range(7)
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is different from the unwrapped version", "ignore:.*out of date"
)


def instructions(mission):
    return [[str(one) for one in group] for group in parse_mission(mission)]


@pytest.mark.parametrize(
    ("mission", "expected"),
    [
        ("traverse the rooms to get to the goal", [["go to the goal"]]),
        ("avoid the lava and get to the green goal square", [["go to the goal"]]),
        ("find the opening and get to the green goal square", [["go to the goal"]]),
        ("reach the goal", [["go to the goal"]]),
        ("you must fetch a grey key", [["pick up the grey key"]]),
        ("put the red box near the grey key", [["put the red box near the grey key"]]),
        (
            "use the key to open the door and then get to the goal",
            [["pick up the key"], ["open the door"], ["go to the goal"]],
        ),
        (
            "open the red door then the blue door",
            [["open the red door"], ["open the blue door"]],
        ),
        (
            "go to the red ball and open a door after you put a key next to the box behind you",
            [
                ["put the key next to the box behind you"],
                ["go to the red ball", "open the door"],
            ],
        ),
        ("dance", []),
    ],
)
def test_missions(mission, expected):
    assert instructions(mission) == expected
    assert instructions(as_mission(parse_mission(mission))) == expected


@pytest.mark.parametrize("level", LEVELS)
def test_every_mission_can_be_read(level):
    env = gym.make(level)
    for seed in range(10):
        obs, _ = env.reset(seed=seed)
        assert parse_mission(obs["mission"]), obs["mission"]


@pytest.mark.parametrize("level", LEVELS)
def test_the_planner_solves_it(level):
    solved = 0
    for seed in range(3):
        *_, (_, _, reward, _, _) = play(taught(level), seed, skill=1.0, steps=400)
        solved += reward > 0
    assert solved >= 2


class Blind(gym.Env):
    """All that a grounding may know of an env besides its observations: its size and its rules."""

    def __init__(self, env):
        self.width, self.height = env.unwrapped.width, env.unwrapped.height
        self.see_through_walls = env.unwrapped.see_through_walls


@pytest.mark.parametrize("level", [level for level in LEVELS if "GoTo" not in level])
def test_no_peeking(level):
    env = taught(level)
    blind, stub = MissionGrounding(), Blind(env)
    for action, obs, _, over, _ in play(env, seed=11):
        blind.observe(stub, obs, action)
        if not over:
            there, here = env.situation, blind.describe(stub, obs)
            assert here == there


def test_equal_texts_mean_equal_questions_over_all_levels():
    """Answers are shared by text: everything a prompt is made of must be equal where it is."""
    known = {}
    for level in LEVELS:
        env = taught(level)
        for seed in range(4):
            for _, _, _, over, _ in play(env, seed, skill=0.8):
                if not over:
                    here = env.situation
                    question = (here.task, here.state, here.options, here.subgoals)
                    assert known.setdefault(here.text, question) == question
    assert len(known) > 100


def test_one_text_serves_many_rooms():
    """What does not matter is left out: a level of twenty-five by twenty-five takes three texts."""
    env = taught("MiniGrid-MultiRoom-N4-S5-v1")
    texts = set()
    for seed in range(10):
        for _, _, _, over, _ in play(env, seed, skill=1.0):
            if not over:
                texts.add(env.situation.text)
    assert len(texts) <= 4


def test_the_students_observation_is_unchanged():
    plain = gym.make("MiniGrid-KeyCorridorS3R3-v0")
    for (_, one, *_), (_, two, *_) in zip(
        play(plain, 3, skill=0), play(taught("MiniGrid-KeyCorridorS3R3-v0"), 3, skill=0),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one["image"], two["image"])


def test_the_memory_is_shared_with_the_wrapper_that_shows_it():
    bare = LLMTeacherWrapper(MapMemory(gym.make("MiniGrid-UnlockPickup-v0")), teacher=PLANNER)
    both = zip(play(bare, 4), play(taught("MiniGrid-UnlockPickup-v0"), 4), strict=True)
    for (*_, one), (*_, two) in both:
        np.testing.assert_array_equal(one["teacher_prior"], two["teacher_prior"])
    check_env(bare, skip_render_check=True)
    EgoMapFeatures(bare.observation_space)


def test_roles_follow_the_mission():
    env = MapMemory(gym.make("MiniGrid-DoorKey-6x6-v0"))
    wrapped = LLMTeacherWrapper(env, teacher=PLANNER)
    shown = set()
    for _, obs, *_ in play(wrapped, 0, skill=1.0):
        for x, y in np.argwhere(obs[..., 3]):
            shown.add((int(obs[x, y, 0]), int(obs[x, y, 3])))
    key, door, goal = 5, 4, 8
    assert {(key, 2), (door, 3), (goal, 1)} <= shown


def test_something_in_the_way_is_carried_away():
    env = taught("MiniGrid-BlockedUnlockPickup-v0")
    texts, actions = [], []
    for action, _, _, over, _ in play(env, 0, skill=1.0):
        actions.append(action)
        if not over:
            texts.append(env.situation.text)
    assert any("In the way: <ball in the way>." in text for text in texts)
    assert actions.count(PICK_UP) == 3  # the ball, the key, the box
    assert actions.count(DROP) == 2


def test_saying_done_is_an_option_only_where_it_is_needed():
    for level, expected in (("MiniGrid-GoToDoor-6x6-v0", True), ("BabyAI-GoToDoor-v0", False)):
        env = taught(level)
        env.reset(seed=0)
        assert ("done" in env.situation.options) is expected


def test_observations_without_a_compass_are_told_of():
    env = minigrid.wrappers.ImgObsWrapper(gym.make("MiniGrid-Unlock-v0"))
    with pytest.raises(GroundingError, match=r"ImgObsWrapper is inside.*expected it outside"):
        LLMTeacherWrapper(env, teacher=PLANNER)
    wrapped = LLMTeacherWrapper(env, teacher=PLANNER, grounding=MissionGrounding())
    with pytest.raises(GroundingError, match=r"Put ImgObsWrapper, FlatObsWrapper.*outside"):
        wrapped.reset()
    with pytest.raises(GroundingError, match="MapMemory inside other observation wrappers"):
        MapMemory(env)
    with pytest.raises(GroundingError, match="radius is 0"):
        MapMemory(gym.make("MiniGrid-Unlock-v0"), radius=0)


@pytest.mark.parametrize("level", ["MiniGrid-Dynamic-Obstacles-6x6-v0", "MiniGrid-MemoryS7-v0"])
def test_levels_that_words_do_not_fit_are_refused(level):
    with pytest.raises(GroundingError, match="no grounding knows"):
        find_grounding(gym.make(level))


def test_options_as_actions_work_on_the_memory():
    env = OptionsWrapper(
        gym.make("MiniGrid-MultiRoom-N2-S4-v0"), ["explore", "go to goal"], noop_action=6
    )
    env.reset(seed=0)
    for _ in range(10):
        _, reward, terminated, truncated, _ = env.step(1)
        if terminated or truncated:
            break
        _, reward, terminated, truncated, _ = env.step(0)
        if terminated or truncated:
            break
    assert reward > 0


def test_nothing_is_missed_while_teaching_is_off():
    one, two = taught("MiniGrid-MultiRoom-N4-S5-v1"), taught("MiniGrid-MultiRoom-N4-S5-v1")
    for env in (one, two):
        env.reset(seed=2)
    two.set_teaching(False)
    for action in (LEFT, FORWARD, FORWARD, RIGHT, FORWARD, TOGGLE, FORWARD):
        one.step(action)
        two.step(action)
    two.set_teaching(True)
    np.testing.assert_array_equal(
        one.step(LEFT)[-1]["teacher_prior"], two.step(LEFT)[-1]["teacher_prior"]
    )
    assert one.situation == two.situation


def test_it_pickles_within_an_episode():
    env = LLMTeacherWrapper(MapMemory(gym.make("MiniGrid-UnlockPickup-v0")), teacher=PLANNER)
    env.reset(seed=1)
    for _ in range(3):
        env.step(FORWARD)
    copy = pickle.loads(pickle.dumps(env))
    for action in (LEFT, FORWARD, PICK_UP, RIGHT, FORWARD):
        (obs, *_, info), (other, *_, again) = env.step(action), copy.step(action)
        np.testing.assert_array_equal(obs, other)
        np.testing.assert_array_equal(info["teacher_prior"], again["teacher_prior"])


@pytest.mark.slow
@pytest.mark.parametrize("level", ["MiniGrid-UnlockPickup-v0", "MiniGrid-BlockedUnlockPickup-v0"])
def test_the_embedded_model_knows_what_is_needed_first(level):
    """The task says what has to come first as far as it is known; the model says what is next."""
    env = LLMTeacherWrapper(gym.make(level))
    for seed in range(3):
        *_, (_, _, reward, _, _) = play(env, seed, skill=1.0, steps=100)
        assert reward > 0


def test_what_has_to_come_first_is_part_of_the_task():
    env = taught("MiniGrid-BlockedUnlockPickup-v0")
    told = set()
    for _, _, _, over, _ in play(env, 0, skill=1.0):
        if not over:
            told.add((env.situation.task, env.situation.state))
    box = "pick up the purple box"
    unlock = f"get the color1 key, then open the color1 door, then {box}"
    assert {
        (f"get the ball in the way, then {box}", "The agent holds nothing."),
        (unlock, "The agent holds nothing."),
        (unlock, "The agent holds the color1 key."),
        (box, "The agent holds nothing."),
    } <= told
