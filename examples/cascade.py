"""A cascade of teachers: a language model first, and a script where the model does not answer.

A few seconds: ``python examples/cascade.py``. The first teacher is a language model behind a server
that answers three questions and is then out of order (here on this machine, so that no key is
needed); the second knows by heart. A list is all it takes, wherever a teacher is named.
"""

import gymnasium as gym

from gym_llmteacher import LLMTeacher, LLMTeacherWrapper
from gym_llmteacher.testing import FakeLLMServer, FakeReply

ANSWER = "The key is needed. Action: {explore}"
replies = [ANSWER, ANSWER, ANSWER, FakeReply("out of order", status=503)]

with FakeLLMServer(replies) as server:
    env = LLMTeacherWrapper(
        gym.make("LLMTeacher/SimpleDoorKey-v0"),
        # In order of preference; LLMTeacher for its arguments, the name alone would do.
        teacher=[
            LLMTeacher(server.model, elicitation="samples", answers=":memory:", max_retries=0),
            {"script": "door_key_planner"},
        ],
    )
    asked: dict[str, str] = {}
    opened = 0
    for episode in range(10):
        obs, info = env.reset(seed=episode)
        done = False
        while not done:
            asked.setdefault(env.situation.text, env.advice.source)
            obs, reward, terminated, truncated, info = env.step(info["teacher_prior"].argmax())
            done = terminated or truncated
        opened += info["is_success"]
    for text, source in asked.items():
        print(f"{source:8} {text}")
    print(f"{env.teacher.metrics()['fallbacks']:.0f} times the script stepped in")
    print(f"{opened} of 10 doors opened")
