"""A language model looks at the episodes it lost, and finds a rule that helps. No key is needed.

Half a minute: ``python examples/reflect.py``. A programmed server stands in for a large model: it
wants the door first, until a rule in its prompt says otherwise. Put the name of a real one in the
place of ``server.model``.
"""

import tempfile

import gymnasium as gym

from gym_llmteacher import LLMTeacher, play, reflect
from gym_llmteacher.testing import FakeLLMServer


def model(body):
    """Answers as a language model might."""
    words = "\n".join(message["content"] for message in body["messages"])
    question = body["messages"][-1]["content"]
    if "Write one rule" in words:
        return "Get the key before you go to the door."
    if "Get the key before" in words and "holds nothing" in question:
        return "key"
    return "door"


def make():
    return gym.make("LLMTeacher/SimpleDoorKey-v0")


with FakeLLMServer(model) as server, tempfile.TemporaryDirectory() as folder:
    teacher = LLMTeacher(server.model, answers=":memory:")
    found = reflect(teacher, make, episodes=20)
    for tried in found.tried:
        result = tried.result
        print(f"{tried.kind}: {tried.before:.0%} -> {tried.after:.0%}, p = {result.p:.2g}")
    print(f"rule: {found.guideline.rule}")

    path = found.save(folder)  # guideline.json, and report.json
    again = LLMTeacher({**server.model, "answers": ":memory:", "guideline": str(path)})
    print(f"loaded again it opens {play(make, again, 20, seed=7).success:.0%} of 20 doors")
