"""Missions and destinations as goals: what is achieved, what is rewarded, what is advised then."""

import copy
import pickle

import gymnasium as gym
import minigrid  # noqa: F401
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from gym_llmteacher import LLMTeacherWrapper, MissionGoals
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.prior import prior_from
from gym_llmteacher.teachers.scripted import ScriptedTeacher
from tests.taxi import TAXI

PLANNERS = {
    "BabyAI-GoToObj-v0": "mission_planner",
    "BabyAI-GoToLocal-v0": "mission_planner",
    "BabyAI-PickupDist-v0": "mission_planner",
    TAXI: "taxi_planner",
}


def make(name, **kwargs):
    env = gym.make(name, **kwargs)
    return MissionGoals(LLMTeacherWrapper(env, {"script": PLANNERS[name]}, smoothing=0.0))


def played(env, episodes, seed=0, noise=0.2):
    """Observations and infos of what the teacher does, and now and then any action."""
    rng = np.random.default_rng(seed)
    for episode in range(episodes):
        obs, info = env.reset(seed=seed + episode)
        over = False
        while not over:
            wild = rng.random() < noise or not info["teacher_weight"]
            action = rng.integers(env.action_space.n) if wild else info["teacher_prior"].argmax()
            before = (obs, info)
            obs, reward, terminated, truncated, info = env.step(int(action))
            over = terminated or truncated
            yield before, int(action), obs, reward, terminated, info


@pytest.mark.parametrize("name", PLANNERS)
def test_the_goal_is_achieved_where_the_env_says_so(name):
    env, successes = make(name), 0
    for _, _, obs, reward, terminated, info in played(env, 12):
        done = terminated and env.unwrapped.step_count < env.unwrapped.max_steps if (
            name != TAXI
        ) else terminated  # fmt: skip
        if name == "BabyAI-PickupDist-v0" and terminated:
            done = info["is_success"]  # picking up the wrong thing ends it too
        assert info["is_success"] == done == (reward == 0.0)
        assert reward == env.compute_reward(obs["achieved_goal"], obs["desired_goal"], info)
        successes += done
    assert successes >= 8


@pytest.mark.parametrize("name", PLANNERS)
def test_rewards_of_many_are_those_of_each(name):
    env = make(name)
    steps = [after for _, _, after, *_ in played(env, 4)]
    achieved = np.stack([obs["achieved_goal"] for obs in steps])
    desired = np.concatenate([achieved[:20], np.roll(achieved, 3, axis=0)[20:]])
    together = env.compute_reward(achieved, desired, [{}] * len(steps))
    alone = [env.compute_reward(*pair, {}) for pair in zip(achieved, desired, strict=True)]
    np.testing.assert_array_equal(together, np.array(alone))
    assert together.dtype == np.float32
    assert {-1.0, 0.0} == set(together.tolist())


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.parametrize("name", PLANNERS)
def test_gymnasium_is_content(name):
    check_env(make(name), skip_render_check=True)


@pytest.mark.parametrize("name", ["BabyAI-GoToLocal-v0", TAXI])
def test_a_state_that_was_kept_gives_the_advice_of_its_own_goal_again(name):
    """Whatever has happened since, and after it was pickled or copied."""
    env, kept = make(name), []
    for (obs, info), *_ in played(env, 6, seed=40):
        if info["teacher_weight"]:
            kept.append((info["teacher_goal_state"], obs["desired_goal"], info["teacher_prior"]))
    env.reset(seed=1)
    states, goals, priors = zip(*kept, strict=True)
    assert all(copy.deepcopy(state) is state for state in states)
    again = env.goal_priors([pickle.loads(pickle.dumps(s)).what for s in states], list(goals))
    same = [
        np.allclose(prior, row) and w == 1 for prior, (row, w) in zip(priors, again, strict=True)
    ]
    assert len(same) > 50
    assert np.mean(same) == 1.0


def test_another_destination_is_another_drive():
    env = make(TAXI)
    taxi = env.unwrapped
    state = taxi.encode(2, 2, 4, 0)  # with the passenger, in the middle
    before = env.reset(seed=5)[1], taxi.s
    goals = np.eye(5, dtype=np.uint8)
    priors = env.goal_priors([state] * 5, list(goals))
    assert taxi.s == before[1]
    teacher = ScriptedTeacher.named("taxi_planner")
    for destination in range(4):
        taxi.s = taxi.encode(2, 2, 4, destination)
        here = env.env.grounding.describe(env.env, taxi.s)
        wanted, _ = prior_from(teacher.advise([here])[0], here)
        np.testing.assert_allclose(priors[destination][0], wanted)
    assert priors[4][1] == 0.0  # in the taxi it is
    distinct = {tuple(prior) for prior, weight in priors if weight}
    assert len(distinct) >= 2
    waits = taxi.encode(2, 2, 1, 0)
    there, in_taxi, elsewhere = env.goal_priors([waits] * 3, list(goals[[1, 4, 2]]))
    assert there[1] == 0.0  # there already
    assert in_taxi[1] == 1.0
    np.testing.assert_array_equal(in_taxi[0], elsewhere[0])  # first of all it is to be got


def test_another_mission_is_another_way():
    env = make("BabyAI-GoToLocal-v0")
    for (_, info), _, after, *_ in played(env, 10, seed=3, noise=0.5):
        other = after["achieved_goal"]
        if other.any() and not after["desired_goal"][other > 0].all() and info["teacher_weight"]:
            state = info["teacher_goal_state"].what
            ((prior, weight),) = env.goal_priors([state], [other])
            (here,) = env.situations([state], [other])
            mission = env.goals.mission(other)
            assert mission in here.text.lower()
            assert env.goals.mission(np.zeros(12, np.uint8)) is None
            assert weight == 0.0 or prior.max() == 1.0
            return
    raise AssertionError("nothing else was achieved")


def test_nothing_is_kept_while_nobody_teaches():
    env = MissionGoals(gym.make(TAXI))
    assert "teacher_goal_state" not in env.reset(seed=0)[1]
    taught = make(TAXI)
    assert "teacher_goal_state" in taught.reset(seed=0)[1]
    taught.env.set_teaching(False)
    assert "teacher_goal_state" not in taught.reset(seed=0)[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPole-v1", "the goals of .*CartPole.* are not known, expected MiniGrid or BabyAI"),
        ("MiniGrid-GoToObject-6x6-N2-v0", "ends by the action 'done'"),
    ],
)
def test_envs_without_such_goals_are_refused(name, message):
    with pytest.raises(GroundingError, match=message):
        MissionGoals(gym.make(name))


def test_missions_of_another_form_are_refused():
    env = MissionGoals(gym.make("BabyAI-PutNextLocal-v0"))
    with pytest.raises(GroundingError, match=r"the mission is 'put .*expected one thing to go to"):
        env.reset(seed=0)
