"""Prompts of a user's own, from Python or a file; `ask` shows what is sent, to the letter."""

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console

from gym_llmteacher import LLMTeacher, LLMTeacherWrapper, Situation
from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.experiments.ask import ask_once
from gym_llmteacher.llm.elicitation.letters import Logprobs
from gym_llmteacher.llm.elicitation.plans import Samples
from gym_llmteacher.llm.elicitation.registry import elicitation_for
from gym_llmteacher.llm.template import Template
from gym_llmteacher.testing import FakeLLMServer

HERE = Situation(
    "A {task} is in the way.", ("run", "hide"), np.eye(2, dtype=np.float32), task="eat"
)
FILE = """\
[system]
You are terse.
[user]
Goal: {task}. Now: {situation}
{options}
Action: {one of them}
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text(FILE)
    return path


def test_a_file_replaces_the_whole_prompt(path):
    for name, listed in (("samples", "- run\n- hide"), ("logprobs", "A) hide\nB) run")):
        system, user = elicitation_for(f"{name}:{path}", "openai/x").question(HERE).messages
        assert system == {"role": "system", "content": "You are terse."}
        # What the situation says is never taken for a placeholder.
        assert user["content"] == (
            f"Goal: eat. Now: A {{task}} is in the way.\n{listed}\nAction: {{one of them}}"
        )


def test_from_python():
    template = Template("{situation}|{options}|{example}")
    (user,) = Samples(template=template, example="so").question(HERE).messages
    assert user["content"] == "A {task} is in the way.|- run\n- hide|so"
    (user,) = Logprobs(template=template).question(HERE).messages
    assert user["content"].endswith("A) hide\nB) run|")


def test_a_changed_prompt_is_a_new_question(path, tmp_path):
    answers = tmp_path / "answers.sqlite"
    with FakeLLMServer("Action: {run}") as server:
        for _ in range(2):
            for elicitation in ("samples", f"samples:{path}"):
                teacher = LLMTeacher(server.model, answers=answers, elicitation=elicitation)
                assert not teacher.advise([HERE])[0].abstained
        assert len(server.history) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{sitution} {options}", r"the prompt has \{sitution\}, expected only \{task\}"),
        ("{situation}", r"the prompt has no \{options\}: the model would be asked the same"),
        ("{options}", r"the prompt has no \{situation\}"),
    ],
)
def test_mistakes_are_told_of_at_once(text, message, tmp_path):
    with pytest.raises(TeacherSpecError, match=message):
        Template(text)
    (tmp_path / "prompt.txt").write_text(text)
    with pytest.raises(TeacherSpecError, match=message):
        LLMTeacher("openai/x", elicitation=f"samples:{tmp_path / 'prompt.txt'}")


def test_a_file_that_is_not_there():
    with pytest.raises(TeacherSpecError, match=r"'nowhere.txt' cannot be read"):
        elicitation_for("samples:nowhere.txt", "openai/x")


@pytest.mark.parametrize("own", [False, True])
def test_ask_shows_exactly_what_is_sent(own, path):
    with FakeLLMServer("Action: {explore}") as server:
        console = Console(record=True, width=2000)
        elicitation = f"samples:{path}" if own else "samples"
        ask_once(console, "MiniGrid-UnlockPickup-v0", server.model, elicitation=elicitation)
        shown = console.export_text()
        for message in server.history[-1].body["messages"]:
            assert f"[{message['role']}]" in shown
            for line in message["content"].splitlines():
                assert line in shown
    if own:
        assert "You are terse." in shown
        assert "Mission: pick up the" in shown


def test_the_wrapper_takes_a_file_too(path):
    with FakeLLMServer("Action: {explore}") as server:
        env = LLMTeacherWrapper(
            gym.make("LLMTeacher/SimpleDoorKey-v0"), server.model, elicitation=f"samples:{path}"
        )
        _, info = env.reset(seed=0)
        assert info["teacher_weight"] > 0
        assert server.history[-1].body["messages"][0]["content"] == "You are terse."
