"""Advice and the prior it becomes."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gym_llmteacher.advice import Advice
from gym_llmteacher.errors import AdviceError, GroundingError
from gym_llmteacher.prior import prior_from, uniform_prior
from gym_llmteacher.situation import Situation, checked_option_actions

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
