"""Whether to ask as an action: costs, what is seen, and what was learned as a condition."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

from gym_llmteacher import (
    ActionGrounding,
    Advice,
    AskingWrapper,
    AtReset,
    ChangeFeatures,
    ConditionError,
    GroundingError,
    LearnedAsk,
    LLMTeacherWrapper,
    OptionFinished,
    ScriptedTeacher,
    TeacherPPO,
    play,
)
from gym_llmteacher.advising.asker import Asker
from gym_llmteacher.advising.conditions import Condition
from tests.noting import HERE, Noting

PLANNER = "script:door_key_planner"
TASK = "LLMTeacher/SimpleDoorKey-v0"


class Corridor(gym.Env):
    """Cells 0 to 4; the goal is at 4."""

    observation_space = gym.spaces.Box(0, 4, (1,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = np.zeros(1, dtype=np.float32)  # one array for the whole episode
        return self.at, {}

    def step(self, action):
        self.at[0] += (-1, 0, 1)[action] if self.at[0] > 0 or action else 0
        return self.at, float(self.at[0] == 4), bool(self.at[0] == 4), False, {}


GROUNDING = ActionGrounding(lambda obs: f"cell {int(obs[0])}", ["left", "stay", "right"], "go on")


def corridor(says, **costs):
    """In a corridor, with a teacher who says these plans one after the other."""
    plans = iter(says)
    teacher = ScriptedTeacher(lambda here: next(plans))
    return AskingWrapper(Corridor(), teacher, GROUNDING, noop_action=1, **costs)


def test_each_question_costs_what_came_of_it():
    env = corridor([("stay",), ("stay",), ("right",), ("right",)])
    env.reset()
    rewards = [env.step(action)[1] for action in (0, 1, 1, 1, 0, 1, 0)]
    assert rewards == pytest.approx([0, -0.01, -0.06, 0, 0, -0.06, 1])


def test_costs_are_ones_own():
    env = corridor([("stay",), ("stay",), ("right",)], ask_cost=1, redundant_cost=2, changed_cost=3)
    env.reset()
    assert [env.step(1)[1] for _ in range(3)] == [-1, -2, -3]


def test_no_answer_leaves_the_plan_and_costs_like_a_redundant_one():
    env = corridor([("right",), Advice.abstain("none")])
    env.reset()
    assert env.step(1)[1] == pytest.approx(-0.01)
    obs, reward, *_, info = env.step(1)
    assert reward == pytest.approx(-0.06)
    assert obs["observation"] == 2
    assert info["redundant"]


def test_a_first_question_without_an_answer_costs_like_any_first_one():
    env = corridor([Advice.abstain("none"), ("right",)])
    env.reset()
    _, reward, *_, info = env.step(1)
    assert (reward, info["redundant"]) == (pytest.approx(-0.01), False)
    assert env.step(1)[1] == 0.0


def test_totals_begin_anew_and_say_what_was_asked():
    env = corridor([("stay",)] * 5)
    _, info = env.reset()
    assert (info["asks"], info["redundant_asks"], info["asked"]) == (0, 0, False)
    infos = [env.step(action)[4] for action in (1, 1, 0, 1)]
    assert [info["asked"] for info in infos] == [True, True, False, True]
    assert (infos[-1]["asks"], infos[-1]["redundant_asks"]) == (3, 2)
    assert env.reset()[1]["asks"] == 0


def test_change_and_exhausted_are_seen():
    env = corridor([("right",), ("fly",)])
    seen, _ = env.reset()
    assert (seen["change"], seen["exhausted"]) == (0, 1)  # nothing changed, no plan
    seen, *_ = env.step(1)
    assert (seen["observation"], seen["change"], seen["exhausted"]) == (1, 1, 0)
    with pytest.warns(UserWarning, match="fly"):
        seen, *_ = env.step(1)
    assert (seen["observation"], seen["change"], seen["exhausted"]) == (1, 0, 1)  # stayed


def test_a_plan_is_carried_out_option_after_option():
    env = AskingWrapper(gym.make(TASK), PLANNER, noop_action=6)
    for episode in range(5):
        env.reset(seed=episode)
        over = False
        while not over:
            *_, terminated, truncated, info = env.step(int(env.moment().exhausted))
            over = terminated or truncated
            assert not info["redundant"] or env.moment().step > 1
        assert info["asks"] < 10


@pytest.mark.filterwarnings("ignore::UserWarning")  # a map is no image
def test_its_spaces_are_those_of_gymnasium():
    check_env(AskingWrapper(gym.make(TASK), PLANNER))
    check_env(AskingWrapper(gym.make("FrozenLake-v1"), "script:frozen_lake_planner"))


def test_moments_are_those_of_an_asker():
    """A condition in the asking env and in a teacher's wrapper looks at the same moments."""
    asked = {}
    for name in ("asking", "asker"):
        noting = Noting()
        bare = Corridor()
        obs, _ = bare.reset()
        teacher = ScriptedTeacher(lambda here: ("right",))
        env = AskingWrapper(Corridor(), teacher, GROUNDING, noop_action=1)
        env.reset()
        noting.looks_back = True
        asker = Asker(noting, teacher)
        for _ in range(3):
            if name == "asking":
                noting.holds(env.moment())
                env.step(1)
            else:
                here = GROUNDING.describe(bare, obs)
                asker.asks(here, obs, known=False)
                asker.settled(teacher.advise([here])[0], here)
                obs, *_ = bare.step(2)
        asked[name] = [
            (m.step, m.finished, m.exhausted, m.plan, m.last_obs if m.step == 0 else m.last_obs[0])
            for m in noting.moments
        ]
    assert asked["asking"] == asked["asker"]
    assert asked["asking"][2] == (2, False, False, ("right",), 1.0)


def test_only_conditions_that_look_back_are_shown_the_last_observation():
    noting = Noting()
    asker = Asker(noting, ScriptedTeacher(lambda here: ("a",)))
    for obs in ([0], [1]):
        asker.asks(HERE, obs, known=False)
    assert [moment.last_obs for moment in noting.moments] == [None, None]


def test_a_known_answer_is_part_of_what_came_before():
    noting = Noting()
    noting.looks_back = True
    asker = Asker(noting | AtReset(), ScriptedTeacher(lambda here: ("a",)))
    for obs, known in (([0], False), ([1], True), ([2], False)):
        asker.asks(HERE, obs, known)
    assert [moment.last_obs for moment in noting.moments] == [None, [1]]
    asker.reset()
    asker.asks(HERE, [3], known=False)
    assert noting.moments[-1].last_obs is None


@pytest.fixture(scope="module")
def trained():
    """Trained for long enough to ask less than half of the time."""
    env = make_vec_env(lambda: AskingWrapper(gym.make(TASK), PLANNER, noop_action=6), 4, seed=0)
    return PPO(
        "MultiInputPolicy", env, learning_rate=2e-3, n_steps=128, batch_size=128, n_epochs=6,
        policy_kwargs={"features_extractor_class": ChangeFeatures, "net_arch": [32]},
        ent_coef=0.01, seed=0, device="cpu",
    ).learn(8_000)  # fmt: skip


def asks_and_success(ask, episodes=20):
    env = LLMTeacherWrapper(gym.make(TASK), ScriptedTeacher.named("door_key_planner"), ask=ask)
    counted = [0, 0]
    advise = env.teacher.advise
    env.teacher.advise = lambda situations: (
        counted.__setitem__(0, counted[0] + 1) or advise(situations)
    )
    record = play(env, "teacher", episodes, seed=50, deterministic=True)
    return counted[0] / episodes, record.success


@pytest.mark.slow
def test_what_was_learned_is_a_condition(trained, tmp_path):
    trained.save(tmp_path / "asker.zip")
    always, _ = asks_and_success(None)
    asks, success = asks_and_success(LearnedAsk(tmp_path / "asker.zip"))
    assert success >= 0.6  # 0.7 to 1.0, by the seed, after so few frames
    assert asks < always / 2
    assert asks_and_success(LearnedAsk(trained)) == (asks, success)
    # The suffix may be left out, as SB3 does.
    assert asks_and_success(LearnedAsk(str(tmp_path / "asker"))) == (asks, success)


def untrained(cls=PPO, env=None):
    env = env or AskingWrapper(gym.make(TASK), PLANNER)
    return cls("MultiInputPolicy", env, seed=0, device="cpu")


def test_it_pickles_and_needs_no_file_any_more(tmp_path):
    untrained().save(tmp_path / "asker.zip")
    ask = LearnedAsk(tmp_path / "asker.zip")
    (tmp_path / "asker.zip").unlink()
    copy = pickle.loads(pickle.dumps(ask))
    env = AskingWrapper(gym.make(TASK), PLANNER)
    env.reset(seed=0)
    for _ in range(20):
        assert ask.holds(env.moment()) == copy.holds(env.moment())
        env.step(1)


def test_it_works_in_subprocesses_and_with_late_answers():
    ask = LearnedAsk(untrained())
    env = make_vec_env(
        TASK, 2, seed=0, vec_env_cls=SubprocVecEnv, wrapper_class=LLMTeacherWrapper,
        wrapper_kwargs={"teacher": PLANNER, "ask": ask | OptionFinished(), "workers": 2},
    )  # fmt: skip
    try:
        model = TeacherPPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu",
                           teacher_eval_episodes=0)  # fmt: skip
        model.learn(32)
        totals = [metrics for _, metrics in env.env_method("teacher_metrics")]
        assert all("saved_learned" in total for total in totals)
    finally:
        env.close()


def test_a_learned_condition_is_combined_with_others():
    assert isinstance(AtReset() | LearnedAsk(untrained()), Condition)


def test_other_algorithms_are_named(tmp_path):
    untrained(DQN).save(tmp_path / "asker.zip")
    assert LearnedAsk(tmp_path / "asker.zip", DQN)._model is not None
    with pytest.raises(ConditionError, match="algorithm=DQN"):
        LearnedAsk(tmp_path / "asker.zip")


def test_what_is_no_asker_is_refused(tmp_path):
    with pytest.raises(ConditionError, match="there is no asker at"):
        LearnedAsk(tmp_path / "nothing.zip")
    (tmp_path / "text.zip").write_text("no model")
    with pytest.raises(ConditionError, match="could not load"):
        LearnedAsk(tmp_path / "text.zip")
    with pytest.raises(ConditionError, match="expected those of an AskingWrapper"):
        LearnedAsk(PPO("MlpPolicy", "CartPole-v1", device="cpu"))
    with pytest.raises(ConditionError, match="expected a saved model"):
        LearnedAsk(3)


def test_another_env_than_it_was_trained_with_is_an_error():
    ask = LearnedAsk(untrained())
    env = LLMTeacherWrapper(gym.make("LLMTeacher/DivergedDoorKey-v0"), PLANNER, ask=ask)
    with pytest.raises(ConditionError, match=r"\(20, 20, 4\), expected \(10, 10, 4\)"):
        env.reset(seed=0)


def test_bad_arguments_are_errors_at_construction():
    with pytest.raises(ConditionError, match="no negative numbers"):
        AskingWrapper(gym.make(TASK), PLANNER, ask_cost=-1)
    with pytest.raises(GroundingError, match="noop_action is 9"):
        AskingWrapper(gym.make(TASK), PLANNER, noop_action=9)
    with pytest.raises(ConditionError, match="expected Box or Discrete"):
        AskingWrapper(gym.make("MiniGrid-Empty-5x5-v0"), "script:mission_planner")
