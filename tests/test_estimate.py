"""The price of a training, told before it: nothing is asked, and the numbers come true."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import (
    CascadeTeacher,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    ScriptedTeacher,
)
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.experiments.estimate import estimate, estimates, expected_texts
from gym_llmteacher.testing import FakeLLMServer
from tests.lessons import TASK


@pytest.mark.parametrize("exponent", [0.0, 0.7])
def test_the_unseen_are_extrapolated(exponent):
    """Draws from 300 texts, some of them rarer: what 6 times as many episodes will show."""
    p = np.arange(1, 301) ** -exponent
    ratios = []
    for seed in range(100, 120):
        draws = np.random.default_rng(seed).choice(300, (600, 4), p=p / p.sum())
        episodes = [{str(text) for text in row} for row in draws]
        truth = len(set.union(*episodes))
        assert len(set.union(*episodes[:100])) < 0.85 * truth  # there is something to predict
        ratios.append(expected_texts(episodes[:100], factor=6.0) / truth)
    assert abs(np.mean(ratios) - 1) < 0.05
    assert np.std(ratios) < 0.15


def test_more_episodes_never_show_less():
    episodes = [{"a", "b"}, {"a", "c"}, {"a", "c", "d"}]
    growth = [expected_texts(episodes, factor) for factor in (1, 2, 10, 1e6)]
    assert growth == sorted(growth)
    assert growth[0] == 4
    assert expected_texts([{"a"}], 100.0) == 1


def test_calls_come_true_and_nothing_is_asked(tmp_path):
    with FakeLLMServer("Action: {explore}") as server:
        teacher = LLMTeacher(server.model, tmp_path / "a.sqlite", "samples", samples=3)
        env = GroundingWrapper(gym.make(TASK))
        before = estimate(env, teacher, steps=4096, frames=2000)
        assert server.history == []
        taught = LLMTeacherWrapper(gym.make(TASK), teacher)
        server.history.clear()  # the probe
        taught.action_space.seed(101)
        taught.reset(seed=101)
        for _ in range(4096):
            _, _, terminated, truncated, _ = taught.step(taught.action_space.sample())
            if terminated or truncated:
                taught.reset()
        asked = len(server.history)
        after = estimate(env, teacher, steps=4096, frames=2000)
    assert asked >= 4
    assert abs(before.calls - asked) <= 1
    assert before.known == 0
    assert asked - 1 <= after.known <= asked
    assert after.calls <= 2


def test_money_and_tokens():
    env = GroundingWrapper(gym.make(TASK))
    priced = LLMTeacher("openai/gpt-4o-mini", ":memory:", "samples", samples=5)
    found = estimate(env, priced, steps=1000, frames=1000)
    per_situation = found.usual.tokens / found.situations
    assert per_situation == pytest.approx(5 * 120, rel=0.01)
    assert found.most.tokens == pytest.approx(found.situations * 5 * 1024, rel=0.01)
    assert found.calls == round(found.situations)  # five samples by one request
    prices = 0.15e-6 * found.prompt_tokens + 0.6e-6 * found.usual.tokens
    assert found.usual.usd == pytest.approx(prices)
    assert found.most.usd > found.usual.usd
    assert estimate(env, LLMTeacher("openai/unheard-of", ":memory:"), 1000, 500).usual.usd is None
    embedded = estimate(env, LLMTeacher(answers=":memory:"), 1000, 500)
    assert (embedded.usual.usd, embedded.usual.tokens) == (0.0, 0)
    # A provider that gives one sample at a time is asked, and paid for the prompt, every time.
    claude = LLMTeacher("anthropic/claude-sonnet-4-5", ":memory:", "samples", samples=5)
    one = estimate(env, claude, 1000)
    assert one.calls == round(one.situations * 5)


def test_what_is_asked_about_is_what_is_counted():
    env = GroundingWrapper(gym.make(TASK))
    # What is needed next depends on what is held: many situations, two questions in two orders.
    short = estimate(env, LLMTeacher("openai/gpt-4o-mini", ":memory:"), 1000, frames=1000)
    assert (short.questions, short.calls) == (4, 4)
    assert short.situations >= 4
    assert (short.usual.tokens, short.most.tokens) == (2 * 4 * 4, 2 * 4 * 16)
    # Thoughts are paid for, and the user's limit is the limit.
    thinks = estimate(env, LLMTeacher("openai/gpt-5", ":memory:"), 1000, frames=1000)
    assert thinks.usual.tokens == 2 * 4 * (4 + 600)
    limited = {"model": "openai/gpt-5", "max_tokens": 300}
    assert estimate(env, LLMTeacher(limited, ":memory:"), 1000, frames=1000).most.tokens == 2400
    # Of two questions per situation, the first is the same for all.
    branches = LLMTeacher("openai/gpt-4o-mini", ":memory:", "branches")
    found = estimate(env, branches, 1000, frames=1000)
    assert found.calls == pytest.approx(found.situations + 1, abs=1)


def test_a_cascade_is_estimated_model_by_model():
    env = GroundingWrapper(gym.make(TASK))
    models = [LLMTeacher(name, ":memory:") for name in ("openai/gpt-4o-mini", "openai/gpt-4o")]
    small, large = estimates(
        env, CascadeTeacher([*models, ScriptedTeacher.named("door_key_planner")]), 1000
    )
    assert (small.model, large.model) == ("openai/gpt-4o-mini", "openai/gpt-4o")
    assert large.usual.usd > small.usual.usd
    with pytest.raises(TeacherSpecError, match="costs nothing"):
        estimates(env, ScriptedTeacher.named("door_key_planner"), 1000)
