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
from gym_llmteacher.situation import Situation, Subgoal
from gym_llmteacher.teachers.ways import with_ways

OPTIONS = ("explore", "go to key", "pick up key", "go to red key", "open door", "open door, slowly")
names = st.lists(st.text(max_size=12), max_size=6, unique=True)
pieces = st.sampled_from(
    ["Action:", "action :", "{", "}", "[", "]", "<", ">", ",", ";", "\n", "1.", "2)", "-", "then",
     '"', "'", "**", "`", "the ", "Actions: {", "go to <key>", "explore", "open door", "none", "\\",
     "\x00", "é", "→", "OPEN DOOR", "<think>", "</think>", "<answer>", "</answer>", "：", "｛",
     "｝", "，", "and", "Step 1:", '{"options": [', '"go to key"', "]}", '{"explore": 60', "70%",
     "Plan:", "Answer:", "key", "door", "```json", "1e999", "NaN", "pick_up_key",
     "{" * 30, "," * 30]
)  # fmt: skip
replies = st.one_of(st.text(), st.lists(st.one_of(pieces, st.text(max_size=5))).map(" ".join))


# 2,000 at every run, 100,000 at night.
EXAMPLES = max(2_000, settings.default.max_examples)
logprobs = st.lists(st.tuples(st.one_of(st.sampled_from("ABCabc"), st.text(max_size=3)),
                              st.floats()), max_size=6)  # fmt: skip
ROWS = np.eye(len(OPTIONS), dtype=np.float32)
HERE = Situation("text", OPTIONS, ROWS)
WITH_SUBGOALS = Situation(
    "text", OPTIONS, ROWS,
    subgoals=(Subgoal("key", ("go to key", "pick up key")), Subgoal("door", ("explore",))),
)  # fmt: skip
WAYS = ["samples", "logprobs", "structured", "weights", "branches", "subgoal"]


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
@given(st.lists(replies, max_size=4), st.sampled_from(WAYS), logprobs)
def test_any_replies_give_a_distribution_or_an_abstention(texts, how, tokens):
    way, here = elicitation_for(how, "openai/any"), HERE if len(texts) % 2 else WITH_SUBGOALS
    advice = way.read(Reply(tuple(texts), (tuple(tokens),)), here)
    prior, weight = prior_from(with_ways(advice, here), here, 0.02)
    assert np.isfinite(prior).all()
    assert (prior >= 0).all()
    assert abs(prior.sum() - 1) < 1e-5
    if advice.abstained:
        assert advice.source.startswith("abstained: ")
        assert advice.reason is not None
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
        ("Action: {explore}\nNote: this plan: is short.", ("explore",)),
        ("Action： ｛go to key， pick up key｝", ("go to key", "pick up key")),
        ("Action: go to key and pick up key", ("go to key", "pick up key")),
        ("Action:\nStep 1: go to key\nStep 2: pick up key", ("go to key", "pick up key")),
        ('```json\n{"options": ["go to key", "pick up key"]}\n```', ("go to key", "pick up key")),
        ('{"reasoning": "{it} sees a key", "action": "go to key"}', ("go to key",)),
        ("<answer>go to key</answer>", ("go to key",)),
        ("<think>Maybe Action: {open door}? No, ", None),
        ("Action: {open door}</think>Action: {explore}", ("explore",)),
        ("<think>Action: {open door}</think>I see. Action: {explore}", ("explore",)),
        ("You could explore or open the door.", None),
        ("", None),
    ],
)
def test_forms_models_use(reply, plan):
    assert parse_plan(reply, OPTIONS) == plan


@pytest.mark.parametrize("name", ["lift and drop", "first a then b", "a -> b", "left, then right"])
def test_names_with_separators_in_them(name):
    options = ["stop", name, "a", "b", "left", "right"]
    assert parse_plan(f"Action: {{{name}, stop}}", options) == (name, "stop")
    assert parse_plan(f"Action: stop and {name}", options) == ("stop", name)


def test_a_branch_with_an_invalid_step_is_dropped_whole():
    assert parse_plan("Action: {go to key, sing}", OPTIONS, whole=True) is None
    assert parse_plan("Action: {go to key, explore}", OPTIONS, whole=True) == (
        "go to key", "explore",
    )  # fmt: skip
    votes = elicitation_for("branches", "openai/any").read(
        Reply(("Action: {go to key, sing}", "Action: {explore}")), HERE
    )
    assert (votes.plans, votes.confidence) == (((("explore",), 1.0),), 0.5)


def test_weights_are_read_from_json_and_from_lines():
    way = elicitation_for("weights", "openai/any")
    for said in (
        '{"explore": 30, "go to key": 60, "sing": 10}',
        "explore: 30%\nGo to key = 60\nsing: 10",
    ):
        advice = way.read(Reply((said,)), HERE)
        assert dict(advice.plans) == pytest.approx({("explore",): 1 / 3, ("go to key",): 2 / 3})
        assert advice.confidence == pytest.approx(0.9)  # what is on known options


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
