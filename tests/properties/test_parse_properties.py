"""Replies are untrusted: whatever comes, a valid plan of known options or None."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_llmteacher.llm.elicitation.registry import elicitation_for
from gym_llmteacher.llm.parse import MAX_CHARS, MAX_STEPS, parse_plan
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.prior import prior_from
from gym_llmteacher.situation import Situation

OPTIONS = ("explore", "go to key", "pick up key", "go to red key", "open door", "open door, slowly")
names = st.lists(st.text(max_size=12), max_size=6, unique=True)
pieces = st.sampled_from(
    ["Action:", "action :", "{", "}", "[", "]", "<", ">", ",", ";", "\n", "1.", "2)", "-", "then",
     '"', "'", "**", "`", "the ", "Actions: {", "go to <key>", "explore", "open door", "none", "\\",
     "\x00", "é", "→", "OPEN DOOR", "pick_up_key", "{" * 30, "," * 30]
)  # fmt: skip
replies = st.one_of(st.text(), st.lists(st.one_of(pieces, st.text(max_size=5))).map(" ".join))


# 2,000 at every run, 100,000 at night.
EXAMPLES = max(2_000, settings.default.max_examples)
logprobs = st.lists(st.tuples(st.one_of(st.sampled_from("ABCabc"), st.text(max_size=3)),
                              st.floats()), max_size=6)  # fmt: skip
HERE = Situation("text", OPTIONS, np.eye(len(OPTIONS), dtype=np.float32))


def check(reply, options):
    plan = parse_plan(reply, options)
    assert plan is None or (
        isinstance(plan, tuple)
        and 0 < len(plan) <= MAX_STEPS
        and all(option in options for option in plan)
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(replies)
def test_any_reply_gives_a_valid_plan_or_none(reply):
    check(reply, OPTIONS)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(replies, max_size=4), st.sampled_from(["samples", "logprobs"]), logprobs)
def test_any_replies_give_a_distribution_or_an_abstention(texts, how, tokens):
    elicitation = elicitation_for(how, "openai/any")
    advice = elicitation.read(Reply(tuple(texts), (tuple(tokens),)), HERE)
    prior, weight = prior_from(advice, HERE, 0.02)
    assert np.isfinite(prior).all()
    assert (prior >= 0).all()
    assert abs(prior.sum() - 1) < 1e-5
    if advice.abstained:
        assert advice.source.startswith("abstained: ")
        assert weight == 0
    else:
        assert abs(sum(p for _, p in advice.plans) - 1) < 1e-9
        assert all(set(plan) <= set(OPTIONS) for plan, _ in advice.plans)
        assert 0 <= weight <= 1


@settings(max_examples=500, deadline=None)
@given(replies, names)
def test_any_options(reply, options):
    check(reply, options)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_a_plan_written_as_asked_is_read_back(plan, upper, bracket):
    steps = [f"<{step}>" if bracket else step for step in plan]
    reply = f"1. It sees a key.\n2. So on.\n3. Action: {{{', '.join(steps)}}}"
    assert parse_plan(reply.upper() if upper else reply, OPTIONS) == tuple(plan)


@pytest.mark.parametrize(
    ("reply", "plan"),
    [
        ("Action: {go to <key>, pick up <key>}", ("go to key", "pick up key")),
        ("**Action:** `go to the key`.", ("go to key",)),
        ('Action: ["go to key", "pick up key"]', ("go to key", "pick up key")),
        ("Action:\n1. go to key\n2. pick up key\nGood luck!", ("go to key", "pick up key")),
        ("Action: go to key, then pick up key", ("go to key", "pick up key")),
        ("Action: {explore}\nNo, wait. Action: {open door}", ("open door",)),
        ("Action: {go to key, sing, open door}", ("go to key",)),
        ("Action: {open door, slowly, explore}", ("open door, slowly", "explore")),
        ("I would {explore}", ("explore",)),
        ("explore", ("explore",)),
        ("Action: {sing, open door}", None),
        ("Action: none", None),
        ("You could explore or open the door.", None),
        ("", None),
    ],
)
def test_forms_models_use(reply, plan):
    assert parse_plan(reply, OPTIONS) == plan


def test_options_of_symbols_and_numbers():
    assert parse_plan("Action: {+}", ["+", "-"]) == ("+",)
    assert parse_plan("Action: {1}", ["0", "1"]) == ("1",)
    assert parse_plan("Action: {1. go}", ["go", "1"]) == ("go",)


def test_names_that_read_alike_are_told_apart_or_left_out():
    assert parse_plan("Action: {go_left}", ["go left", "go_left"]) == ("go_left",)
    assert parse_plan("Action: {go left}", ["go left!", "go left?"]) is None


@pytest.mark.parametrize("filler", ["{", "Action: ", "1. ", "- ", ", ", "[{", "then ", "* _`"])
def test_a_huge_reply_takes_no_time(filler):
    # Bounds the growth with length, not the speed: quadratic patterns would take minutes here.
    started = time.process_time()
    parse_plan(filler * 2_000_000, OPTIONS)
    assert time.process_time() - started < 20
    tail = "\nAction: {explore}"
    assert parse_plan(filler * MAX_CHARS + tail, OPTIONS) == ("explore",)
