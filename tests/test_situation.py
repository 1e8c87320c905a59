"""Advice and the prior it becomes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import AdviceError, GroundingError, PriorError
from gym_llmteacher.prior import check_smoothing, prior_from, uniform_prior
from gym_llmteacher.situation import Situation, Subgoal, checked_option_actions

OPTIONS = ("explore", "go to key", "pick up key")


def situation(rows):
    return Situation("text", OPTIONS, np.array(rows, dtype=np.float32))


EYE = situation(np.eye(3, 4))
NEAR = situation([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])  # "go to key" is done


def test_a_plan_votes_for_its_first_option_that_applies():
    advice = Advice(((("go to key", "pick up key"), 1.0),))
    assert prior_from(advice, EYE)[0].tolist() == [0, 1, 0, 0]
    assert prior_from(advice, NEAR)[0].tolist() == [0, 0, 0, 1]


def test_plans_that_cannot_be_followed_shrink_the_weight():
    advice = Advice(((("go to key",), 0.75), (("explore",), 0.25)))
    prior, weight = prior_from(advice, NEAR)
    assert prior.tolist() == [1, 0, 0, 0]
    assert weight == 0.25
    prior, weight = prior_from(Advice(((("fly",), 1.0),)), NEAR)
    assert weight == 0.0
    np.testing.assert_array_equal(prior, uniform_prior(4))


def test_abstention_is_weight_zero():
    prior, weight = prior_from(Advice.abstain("no idea"), EYE)
    assert weight == 0.0
    assert prior.tolist() == [0.25] * 4
    assert Advice.abstain("no idea").source == "abstained: no idea"
    assert Advice.from_counts({("explore",): 0.0}).abstained
    assert Advice.from_counts({("explore",): float("nan")}).abstained


def test_a_confidence_that_is_no_number_is_refused():
    with pytest.raises(AdviceError, match=r"confidence is nan, expected a number in \[0, 1\]"):
        prior_from(Advice(((("explore",), 1.0),), confidence=float("nan")), EYE)


@pytest.mark.parametrize("confidence", [-0.01, 1.01])
def test_a_confidence_is_from_0_to_1(confidence):
    assert [Advice(((("a",), 1.0),), sure).confidence for sure in (0, 1)] == [0, 1]
    with pytest.raises(AdviceError, match=rf"confidence is {confidence}, expected a number in"):
        Advice(((("a",), 1.0),), confidence)


counts = st.dictionaries(
    st.lists(st.sampled_from([*OPTIONS, "unknown"]), max_size=3).map(tuple),
    st.floats(0, 1e6, allow_nan=False),
    max_size=6,
)
masks = st.lists(st.booleans(), min_size=3, max_size=3)


@given(counts, masks, st.floats(0, 0.99), st.floats(0, 1))
@example({(): 1.0, ("pick up key",): 1e-145}, [True, True, True], 0.0, 1.0)
def test_every_prior_is_a_distribution(votes, mask, smoothing, confidence):
    here = situation(np.eye(3, 4) * np.array(mask)[:, None])
    prior, weight = prior_from(Advice.from_counts(votes, confidence), here, smoothing)
    assert prior.dtype == np.float32
    assert prior.shape == (4,)
    assert abs(float(prior.sum()) - 1) < 1e-5
    assert (prior >= np.float32(smoothing / 4) * (1 - 1e-5)).all()  # support is never removed
    assert 0.0 <= weight <= confidence + 1e-9
    usable = {plan for plan, n in votes.items() if n > 0 and set(plan) & set(OPTIONS)}
    if not usable:
        assert weight == 0.0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 0.0]], r"shape \(1, 2\), expected \(2, 2\)"),
        ([[0.5, 0.0], [0, 1]], "rows that sum to"),
        ([[1.5, -0.5], [0, 1]], "distribution over actions"),
        ([[np.nan, 1.0], [0, 1]], "distribution over actions"),
    ],
)
def test_option_actions_are_checked(rows, message):
    with pytest.raises(GroundingError, match=message):
        checked_option_actions(rows, 2, 2)


def test_keys_are_the_same_in_every_process_and_version():
    """Memories of helper processes and saved experience go by them."""
    here = Situation("Agent sees <key>.", ("explore", "go to key"), np.eye(2, dtype=np.float32),
                     task="t", state="s", subgoals=(Subgoal("key", ("explore",)),),
                     example="e")  # fmt: skip
    assert here.key == "3bdd39157d09bbb76028ff6de53ca10b"
    seen = {"b": np.arange(3, dtype=np.int64), "a": (1.5, np.array(["x"], dtype=object))}
    there = replace(here, obs=seen)
    assert there.key == here.key + ":81cade787ae2cec0f8296625de71cd40"
    assert replace(here, obs=dict(reversed(seen.items()))).key == there.key


@pytest.mark.parametrize(
    "obs",
    [
        {"a": 1, "c": 2}, {"a": 1, "b": 3}, (1, 2), (1, 3), np.zeros(2), np.zeros(2, np.float32),
        np.zeros((1, 2)), np.array(["x"], dtype=object), np.array(["y"], dtype=object),
    ],
)  # fmt: skip
def test_observations_that_differ_in_anything_have_other_keys(obs):
    keys = {replace(EYE, obs=other).key for other in (obs, {"a": 1, "b": 2}, (1, (2,)), np.ones(2))}
    assert len(keys) == 4


def test_situations_are_equal_in_words_and_in_what_options_do():
    same = situation(np.eye(3, 4))
    assert (same, hash(same)) == (EYE, hash(EYE))
    assert EYE != NEAR
    assert replace(EYE, task="other") != EYE
    assert EYE != "text"


@pytest.mark.parametrize("smoothing", [1.0, 1, -0.1, "a", None, float("nan")])
def test_smoothing_that_leaves_no_advice_or_is_no_number(smoothing):
    with pytest.raises(PriorError, match=r"smoothing is .*expected a number in \[0, 1\)"):
        check_smoothing(smoothing)
    check_smoothing(0)
    check_smoothing(0.99)


def test_sums_that_are_a_little_off_are_taken():
    nearly = Advice(((("explore",), 0.6003), (("go to key",), 0.4)))
    prior, weight = prior_from(nearly, EYE)
    assert weight == 1.0
    assert prior.sum() == pytest.approx(1.0)
    assert prior_from(replace(nearly, confidence=0.5), EYE)[1] == 0.5
    checked_option_actions([[1.00008, 0.0], [0.0, 1.0]], 2, 2)
    with pytest.raises(GroundingError, match="rows that sum to"):
        checked_option_actions([[1.0003, 0.0], [0.0, 1.0]], 2, 2)
    with pytest.raises(AdviceError, match="sum to 1"):
        Advice(((("explore",), 0.61), (("go to key",), 0.4)))


def test_weights_become_advice():
    advice = Advice.from_counts({("explore",): 3, ("go to key",): 0, ("drop",): 1}, source="vote")
    assert advice == Advice(((("explore",), 0.75), (("drop",), 0.25)), 1.0, "vote")
    assert Advice.from_counts({("explore",): 2}, confidence=0.5).confidence == 0.5
    assert Advice.from_counts({("explore",): 1}).source == "script"
    for nothing in ({}, {("explore",): 0}, {("explore",): -1}, {("a",): 1e308, ("b",): 1e308}):
        silent = Advice.from_counts(nothing)
        assert (silent.plans, silent.confidence) == ((), 0.0)
        assert silent.reason is Abstention.UNDECIDED
        assert silent.source == "abstained: no plan has a positive weight"
    assert Advice(((("explore",), 1.0),), confidence=0.0).abstained


def test_what_passes_and_what_does_not():
    final = {reason for reason in Abstention if not reason.may_pass}
    assert final == {Abstention.INVALID_FORMAT, Abstention.UNKNOWN_OPTION, Abstention.UNDECIDED}
