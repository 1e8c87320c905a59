"""The embedded model itself: real weights, a few seconds."""

import hashlib
import logging
import math
import pickle
import re
import subprocess
import sys
import threading

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher.errors import CallFailedError, ModelUnavailableError
from gym_llmteacher.llm import local, weights
from gym_llmteacher.llm.client import Client
from gym_llmteacher.llm.local import LocalModelError, find_weights, get_model
from gym_llmteacher.playing.play import play
from gym_llmteacher.situation import Situation, Subgoal
from gym_llmteacher.teachers.llm import LLMTeacher
from gym_llmteacher.teachers.ordinary import ORDINARY

pytestmark = pytest.mark.slow
TASK = "get the key, then open the door"


def door_key(held, seen, task=TASK):
    """A situation in the words of the MiniGrid grounding."""
    key = ("go to key", "pick up key") if "key" in seen else ("explore",)
    door = ("go to door", "open door") if "door" in seen else ("explore",)
    options = tuple(dict.fromkeys((*key, *door, "explore")))
    return Situation(
        f"Agent sees {', '.join(seen) or 'nothing'}, holds {held}.",
        options,
        np.eye(len(options), dtype=np.float32),
        task=task,
        state="The agent holds nothing." if held == "nothing" else f"The agent holds the {held}.",
        subgoals=(Subgoal("key", key), Subgoal("door", door)),
    )


def test_the_weights_are_the_ones_that_were_measured():
    digest = hashlib.sha256(weights.weights().read_bytes()).hexdigest()
    assert digest == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def test_weights_are_looked_for_in_order(tmp_path, monkeypatch):
    packaged = weights.weights()
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF...")
    monkeypatch.setenv(weights.ENV_VAR, str(mine))
    assert weights.weights() == mine
    assert weights.weights(packaged) == packaged
    assert find_weights(f"local/{packaged}") == packaged
    mine.write_bytes(b"<html>")
    with pytest.raises(ModelUnavailableError, match="not a GGUF file"):
        weights.weights()
    monkeypatch.setenv(weights.ENV_VAR, str(tmp_path / "gone.gguf"))
    with pytest.raises(ModelUnavailableError, match="cannot be read"):
        weights.weights()


def test_missing_weights_and_runtime_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.delenv(weights.ENV_VAR, raising=False)
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *a, **k: tmp_path)
    with pytest.raises(ModelUnavailableError, match=re.escape("run gym-llmteacher setup")):
        LLMTeacher(answers=":memory:").probe()
    cached = tmp_path / weights.FILE_NAME
    cached.write_bytes(b"GGUF...")
    assert weights.weights() == cached
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelUnavailableError, match=r"needs xllamacpp.*run gym-llmteacher setup"):
        LLMTeacher(answers=":memory:").probe()


def test_an_unknown_local_name_is_explained():
    with pytest.raises(ModelUnavailableError, match="local/smollm2-135m"):
        LLMTeacher("local/llama", ":memory:").probe()


def test_scores_are_a_distribution_and_agree_with_the_full_softmax():
    model = get_model()
    prompt, candidates = "The capital of France is", [" Paris.", " Oslo.", " Rome."]
    scores, tokens = model.score(prompt, candidates)
    assert sum(scores) == pytest.approx(1.0)
    assert scores[0] > 0.9
    assert tokens == 7
    # The same from the distribution over the whole vocabulary.
    paths = [model._tokens(prompt + c) for c in candidates]
    depth = next(i for i in range(9) if len({p[i] for p in paths}) > 1)
    assert len({p[depth] for p in paths}) == 3
    answer = model._server.handle_completions(
        {"prompt": paths[0][:depth], "max_tokens": 1, "n_probs": 49152, "temperature": 1.0}
    )
    (entry,) = answer["choices"][0]["logprobs"]["content"]
    full = {e["id"]: np.exp(e["logprob"]) for e in entry["top_logprobs"]}
    share = np.array([full[p[depth]] for p in paths])
    np.testing.assert_allclose(scores, share / share.sum(), atol=0.01)


def test_scores_of_candidates_that_share_tokens():
    scores, _ = get_model().score("It goes", [" up the hill.", " up the tree.", " down."])
    assert sum(scores) == pytest.approx(1.0)
    assert get_model().score("It goes", [" up."])[0] == [1.0]
    with pytest.raises(LocalModelError, match="beginning"):
        get_model().score("It goes", [" up", " up the hill"])


def test_one_model_per_process_from_many_threads():
    found, right = [], []

    def ask():
        found.append(get_model())
        right.append(get_model().score("The capital of France is", [" Paris.", " Oslo."])[0][0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(model) for model in found}) == 1
    assert min(right) > 0.9


def test_chat_through_litellm():
    client = Client("local/smollm2-135m")
    ask = [{"role": "user", "content": "Say hello."}]
    reply = client.ask(ask, n=2, max_tokens=4, temperature=0.7, logprobs=True, top_logprobs=3)
    assert len(reply.texts) == 2
    assert len(reply.logprobs[0]) == 3
    assert reply.completion_tokens == 8
    assert reply.cost_usd == 0.0
    with pytest.raises(CallFailedError, match="context size"):
        client.ask([{"role": "user", "content": "word " * 9000}], max_tokens=4)


# What each situation needs: 14 situations, 5 to 7 options each, as a planner would say.
SITUATIONS = [
    (door_key(held, seen), need)
    for held, need in (("nothing", "key"), ("key", "door"))
    for seen in (
        (),
        ("key",),
        ("door",),
        ("key", "door"),
        ("wall",),
        ("wall", "key"),
        ("wall", "door"),
    )
]


def test_it_knows_what_a_door_key_task_needs_next():
    teacher = LLMTeacher(answers=":memory:")
    mass = []
    for here, need in SITUATIONS:
        (advice,) = teacher.advise([here])
        wanted = next(n.plan for n in here.subgoals if n.name == need)
        mass.append(dict(advice.plans)[wanted])
    assert min(mass) > 0.5
    assert np.mean(mass) > 0.85
    metrics = teacher.metrics()
    assert metrics["calls"] == 2  # 14 situations, two questions
    assert metrics["cost_usd"] == 0


def test_the_order_comes_from_the_task_line():
    (advice,) = LLMTeacher(answers=":memory:").advise(
        [door_key("nothing", ("key", "door"), task="")]
    )
    assert dict(advice.plans)[("go to key", "pick up key")] < 0.5


def test_plain_actions_are_scored_and_a_pickled_teacher_answers():
    here = Situation(
        "The cart rolls to the left.", ("push left", "push right"), np.eye(2, dtype=np.float32),
        task="keep the pole upright",
    )  # fmt: skip
    teacher = pickle.loads(pickle.dumps(LLMTeacher(answers=":memory:")))
    (advice,) = teacher.advise([here])
    assert not advice.abstained
    assert {plan for plan, _ in advice.plans} == {("push left",), ("push right",)}


def test_too_long_a_situation_abstains():
    here = Situation("word " * 9000, ("a", "b"), np.eye(2, dtype=np.float32))
    (advice,) = LLMTeacher(answers=":memory:").advise([here])
    assert "context" in advice.source


def test_it_is_silent_and_ends_cleanly():
    code = (
        "from gym_llmteacher.llm.local import get_model;"
        "get_model().score('The capital of France is', [' Paris.', ' Oslo.'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_a_forked_child_loads_its_own_model():
    code = """
import os
from gym_llmteacher.llm.local import get_model
ask = ("The capital of France is", [" Paris.", " Oslo."])
get_model().score(*ask)
pid = os.fork()
if pid == 0:
    os._exit(0 if get_model().score(*ask)[0][0] > 0.9 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    if not hasattr(local.os, "fork"):
        pytest.skip("no fork here")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_no_key_or_path_is_logged(caplog):
    caplog.set_level(logging.INFO)
    LLMTeacher(answers=":memory:").advise([SITUATIONS[0][0]])
    assert not [r for r in caplog.records if r.name.startswith("gym_llmteacher")]


def test_a_teacher_gets_the_score_of_every_candidate():
    teacher = LLMTeacher(answers=":memory:")
    teacher.probe()
    reply = teacher.explain(ORDINARY).reply
    assert [row[0][0] for row in reply.logprobs] == [" key.", " door."]
    assert sum(math.exp(row[0][1]) for row in reply.logprobs) == pytest.approx(1.0)
    assert (reply.calls, reply.missing) == (1, 0)


def test_behind_a_real_llama_cpp_server_a_model_teaches(tmp_path):
    """It refuses ``n`` in its own words; nothing is known of it beforehand."""
    address = get_model()._server.listening_address
    model = {"model": "openai/gguf", "api_base": f"{address}/v1", "api_key": "none"}
    teacher = LLMTeacher(model, tmp_path / "answers.sqlite")
    # How often a model this small is right by a few samples is luck, and nothing is said of it.
    record = play(lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"), teacher, 4, seed=90_000)
    assert record.advised == record.steps
    totals = teacher.metrics()
    assert (totals["failed"], totals["abstained"]) == (0, 0)
    assert totals["calls"] <= 12
    assert teacher.oracle.client.endpoint.accepts.samples == 1
