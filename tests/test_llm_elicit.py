"""Questions and how replies to them are read, without any model."""

import math

import numpy as np
import pytest

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm import prompt
from gym_llmteacher.llm.elicitation.letters import Logprobs
from gym_llmteacher.llm.elicitation.plans import Samples
from gym_llmteacher.llm.elicitation.registry import elicitation_for
from gym_llmteacher.llm.elicitation.scoring import NextSubgoal
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.situation import Situation, Subgoal

OPTIONS = ("explore", "go to key", "pick up key")
HERE = Situation(
    "Agent sees <key>, holds nothing.",
    OPTIONS,
    np.eye(3, 7, dtype=np.float32),
    task="get the key, then open the door",
    state="The agent holds nothing.",
    subgoals=(Subgoal("key", ("go to key", "pick up key")), Subgoal("door", ("explore",))),
)
PLAIN = Situation("The elf is in row 0.", OPTIONS, np.eye(3, dtype=np.float32), task="cross")


def scored(**probabilities):
    rows = {f" {k.replace('_', ' ')}.": math.log(p) for k, p in probabilities.items()}
    return Reply(tuple(rows), tuple(((k, p),) for k, p in rows.items()))


def test_the_examples_leak_neither_key_nor_door():
    text = (prompt.SUBGOAL_EXAMPLES + prompt.OPTION_EXAMPLES + prompt.GUIDE_EXAMPLE).lower()
    assert "key" not in text
    assert "door" not in text


def test_need_asks_for_the_needs_and_carries_their_plans():
    question = NextSubgoal().question(HERE)
    assert question.candidates == (" key.", " door.")
    assert question.n == 2  # a choice each: what comes beyond n is cut off
    text = question.messages[0]["content"]
    assert text.endswith(
        "Task: get the key, then open the door.\nThe agent holds nothing. It now needs the"
    )
    advice = NextSubgoal().read(scored(key=0.8, door=0.2), HERE)
    assert dict(advice.plans) == pytest.approx(
        {("go to key", "pick up key"): 0.8, ("explore",): 0.2}
    )


def test_needs_with_one_plan_share_it():
    here = Situation(
        "t",
        OPTIONS,
        PLAIN.option_actions,
        subgoals=(Subgoal("key", ("explore",)), HERE.subgoals[1]),
    )
    assert NextSubgoal().read(scored(key=0.5, door=0.5), here).plans == ((("explore",), 1.0),)


def test_need_without_needs_scores_the_options():
    question = NextSubgoal().question(PLAIN)
    assert question.candidates == (" explore.", " go to key.", " pick up key.")
    advice = NextSubgoal().read(scored(explore=0.5, go_to_key=0.25, pick_up_key=0.25), PLAIN)
    assert dict(advice.plans)[("explore",)] == pytest.approx(0.5)


def test_need_abstains_on_scores_of_something_else():
    assert NextSubgoal().read(scored(egg=1.0), HERE).abstained
    assert NextSubgoal().read(Reply(("x",)), HERE).abstained


def test_samples_are_counted_and_what_cannot_be_read_is_not():
    say = ["Action: {go to key, pick up key}"] * 6 + ["Action: {explore}"] * 2 + ["?", ""]
    advice = Samples().read(Reply(tuple(say)), HERE)
    assert dict(advice.plans) == {("go to key", "pick up key"): 0.75, ("explore",): 0.25}
    assert Samples().read(Reply(("?", "")), HERE).abstained


def test_samples_put_what_changes_last():
    system, user = Samples(k=4, example="MY EXAMPLE").question(HERE).messages
    other = Samples(k=4, example="MY EXAMPLE").question(PLAIN).messages
    assert system == other[0]
    assert "MY EXAMPLE" in system["content"]
    assert "Action: {" in system["content"]
    assert user["content"].startswith(
        'Task: "get the key, then open the door"\nSituation: "Agent sees'
    )
    assert user["content"].endswith("- explore\n- go to key\n- pick up key")
    question = Samples(k=4).question(HERE)
    assert question.n == 4
    assert question.params == {"temperature": 0.7, "max_tokens": 1024}


def test_logprobs_sums_the_spellings_of_a_letter():
    rows = (("B", 0.5), (" b", 0.1), ("A", 0.2), ("Z", 0.1), ("go", 0.05))
    reply = Reply(("B",), (tuple((t, math.log(p)) for t, p in rows),))
    advice = Logprobs().read(reply, PLAIN)
    assert dict(advice.plans) == pytest.approx({("go to key",): 0.75, ("explore",): 0.25})
    assert advice.confidence == pytest.approx(0.8)  # the probability of all letters together
    assert "B) go to key" in Logprobs().question(PLAIN).messages[1]["content"]


def test_letters_stand_for_subgoals_where_there_are_some():
    first, second = Logprobs().foreseen(HERE)
    assert first.messages[-1]["content"].endswith("Choose one: A) door, B) key")
    assert second.messages[-1]["content"].endswith("Choose one: A) key, B) door")
    reply = Reply(("B",), ((("B", math.log(0.9)), ("A", math.log(0.1))),))
    served = {subgoal.name: subgoal.plan for subgoal in HERE.subgoals}
    votes = dict(Logprobs().read(reply, HERE).plans)
    assert votes == pytest.approx({served["key"]: 0.9, served["door"]: 0.1})


@pytest.mark.parametrize("orders", [1, 2, 4, 9])
def test_the_order_of_the_options_makes_no_difference_to_letters(orders):
    way = Logprobs(orders=orders, subgoals=False)
    rng = np.random.default_rng(0)

    def advice(options):
        """What a model says that prefers early letters, and the key."""
        here = Situation("t", options, np.eye(len(options), dtype=np.float32))
        dialogue = way.dialogue(here)
        question = next(dialogue)
        while True:
            lines = question.messages[-1]["content"].splitlines()
            names = [line[3:] for line in lines if line[1:3] == ") "]
            weights = [0.5**i * (4 if name == "go to key" else 1) for i, name in enumerate(names)]
            row = [("ABCDEF"[i], math.log(w / sum(weights))) for i, w in enumerate(weights)]
            try:
                question = dialogue.send(Reply(("A",), (tuple(row),)))
            except StopIteration as end:
                return {plan[0]: p for plan, p in end.value.plans}

    options = ("explore", "go to door", "go to key", "pick up key")
    before = advice(options)
    for _ in range(20):
        assert advice(tuple(rng.permutation(options).tolist())) == pytest.approx(before)
    # With every order asked about, what is left is what the model thinks of the options.
    if orders >= 4:
        assert before["go to key"] > 2 * before["explore"]
        others = [before[o] for o in options if o != "go to key"]
        assert max(others) - min(others) < 0.05


def test_logprobs_abstains_with_a_reason():
    assert "elicitation='samples'" in Logprobs().read(Reply(("B",), ((),)), HERE).source
    assert Logprobs().read(Reply(("x",), ((("x", -0.1),),)), HERE).abstained
    many = tuple(f"option {i}" for i in range(30))
    crowd = Situation("t", many, np.eye(30, dtype=np.float32))
    Logprobs().question(crowd)
    assert "more options than letters" in Logprobs().read(Reply(("A",)), crowd).source


def test_defaults_by_model_and_bad_names():
    assert isinstance(elicitation_for(None, "local/smollm2-135m"), NextSubgoal)
    assert isinstance(elicitation_for("subgoal", "local/smollm2-135m"), NextSubgoal)
    assert elicitation_for("logprobs", "openai/gpt-4o-mini").name == "logprobs"
    with pytest.raises(TeacherSpecError, match="expected 'subgoal'"):
        elicitation_for("telepathy", "local/smollm2-135m")
    chat = elicitation_for(None, "openai/gpt-4o-mini")
    assert [q.n for q in chat.foreseen(HERE)] == [2, 2]
    assert chat.question(HERE).brief
    assert (chat.question(PLAIN).n, chat.question(PLAIN).brief) == (10, False)
    few = elicitation_for(None, "openai/gpt-4o-mini", samples=2)
    assert (few.question(HERE).n, few.question(PLAIN).n) == (1, 2)
