"""Words and files of somebody who means harm: shown as words, read or refused, never obeyed."""

import json
import logging
import pprint
import re
import sqlite3

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gym_llmteacher import LLMTeacher, LLMTeacherWrapper, Situation
from gym_llmteacher.cli import app, main
from gym_llmteacher.llm.answers import Answers, open_answers
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.redact import redact, redact_reply, secrets_of, without_secrets
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.shown import shown
from gym_llmteacher.testing import FakeLLMServer, FakeReply

runner = CliRunner()
# Clear the screen, write to the clipboard, name the window, go back a line, reorder it.
ORDERS = "\x1b[2J\x1b]52;c;cm0gLXJm\x07\x1b]0;title\x07\r\x08\x9b31m\u202e\u2066"
MARKUP = "[bold red]loud[/] [link=http://evil.example]here[/link] [/]"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
PLANTED = "planted-key-0123456789"


def here(text="text"):
    return Situation(text, ("a", "b"), np.eye(2, dtype=np.float32))


def run(*args, code=0):
    result = runner.invoke(app, ["answers", *map(str, args)], env={"COLUMNS": "150"})
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def record(key="k", said="yes", **changes):
    reply = Reply((said,)).as_dict()
    return Record(key, "m", "samples", "text", [{"role": "user", "content": "?"}], reply, **changes)


@pytest.fixture
def hostile(tmp_path):
    path = tmp_path / "a.sqlite"
    words = f"{ORDERS}{MARKUP}"
    prompt = [{"role": words, "content": words}]
    reply = Reply((words, f"{words} \ud800"), ((), ()), model=words).as_dict()
    Answers(path).insert([Record(f"k{ORDERS[:4]}", words, words, words, prompt, reply)])
    return path


def test_a_terminal_is_never_given_orders(hostile):
    outputs = [run("list", "--file", hostile), run("show", "k", "--file", hostile),
               run("stats", "--file", hostile)]  # fmt: skip
    for output in outputs:
        assert not ACTS.search(output)
        assert "\\x1b" in output
    assert "[bold" in outputs[1]
    assert "[link=http://evil.example]" in outputs[1]
    assert not ACTS.search(run("edit", "k", f"say {ORDERS}", "--file", hostile))
    assert not ACTS.search(run("show", "k", "--file", hostile))


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_what_is_shown_has_no_orders_in_it_and_can_be_printed(text):
    line, block = shown(text), shown(text, lines=True)
    assert not ACTS.search(line)
    assert not ACTS.search(block)
    assert "\n" not in line
    line.encode()
    if text.isprintable():
        assert line == block == text


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_what_a_server_says_reaches_log_and_advice_as_words(status, caplog):
    with FakeLLMServer(FakeReply(ORDERS + MARKUP, status=status)) as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, max_retries=0)
        with caplog.at_level(logging.WARNING):
            (advice,) = teacher.advise([here(f"text {ORDERS}")])
    assert advice.abstained
    assert not ACTS.search(advice.source)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("gym_llmteacher")]
    assert ours
    assert not ACTS.search("".join(ours))


def line(**changes):
    form = json.loads(json.dumps(vars(record())))
    reply = {name: changes.pop(name) for name in list(changes) if name in form["reply"]}
    return json.dumps({**form, **changes, "reply": {**form["reply"], **reply}})


BAD = {
    "infinite tokens": line(prompt_tokens=float("inf")),
    "more than there is": line(completion_tokens=2**80),
    "negative": line(cost_usd=-1.0),
    "no number": line(seconds=float("nan")),
    "true": line(calls=True),
    "no texts": line(texts=[]),
    "no strings": line(texts=[1]),
    "one string": line(texts="yes"),
    "a list of tokens": line(logprobs=[[["a"]]]),
    "nested": '{"key": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "empty key": line(key=""),
    "long key": line(key="k" * 1000),
    "prompt": line(prompt="?"),
    "message": line(prompt=[{"role": "user"}]),
    "far future": line(created=1e300),
    "before time": line(created=-1e10),
    "no date": line(created="yesterday"),
    "a number": "17",
    "cut": line()[:-9],
    "digits": '{"key": ' + "9" * 10_000 + "}",
    "bytes": "\udcff\udcfe",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", ["file", "redis"])
def test_a_bad_line_is_named_and_nothing_or_the_rest_is_imported(
    name, kind, tmp_path, request, monkeypatch, capsys
):
    target = str(tmp_path / "b.sqlite") if kind == "file" else request.getfixturevalue("redis_url")
    source = tmp_path / "in.jsonl"
    lines = f"{line(key='one')}\n{BAD[name]}\n{line(key='two')}\n"
    source.write_bytes(lines.encode("utf-8", "surrogateescape"))
    argv = ["x", "answers", "import", str(source), "--file", target]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "line 2 is not an exported answer" in error
    assert "Nothing was imported" in error
    assert len(open_answers(target)) == 0
    output = run("import", source, "--file", target, "--skip-bad")
    assert "line 2 is not an exported answer" in output
    assert "2 answers added, 0 were known; 1 bad lines were left out" in output
    run("list", "--file", target)


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_a_stored_row_that_cannot_be_read_is_not_there_and_is_mended(
    kind, tmp_path, request, caplog, redis_server
):
    spec = tmp_path / "a.sqlite" if kind == "file" else request.getfixturevalue("redis_url")
    keys = []
    with FakeLLMServer("Action: {a}") as server:
        teacher = LLMTeacher(server.model, spec, samples=1)
        keys = [teacher.oracle.key(teacher.question(here(f"text {i}"))) for i in range(3)]
        teacher.answers.insert([record(key) for key in keys])
        if kind == "file":
            connection = sqlite3.connect(spec)
            connection.execute("UPDATE answers SET reply = '{\"texts\": 1e999}'")
            connection.commit()
            connection.close()
        else:
            for key in keys:
                redis_server.client.hset("gym_llmteacher:2:answers", key, "[" * 9999)
        assert list(teacher.answers.records()) == []
        teacher.answers.totals()
        with caplog.at_level(logging.WARNING):
            advices = teacher.advise([here(f"text {i}") for i in range(3)])
        assert not any(advice.abstained for advice in advices)
        again = LLMTeacher(server.model, spec, samples=1)
        assert again.advise([here("text 0")])[0].source == "answers"
        assert len(server.history) == 3
    assert sum("cannot be read" in r.getMessage() for r in caplog.records) == 1
    assert {r.key for r in teacher.answers.records()} == set(keys)


def test_somebody_elses_answers_never_replace_mine_silently(tmp_path):
    mine, source = tmp_path / "mine.sqlite", tmp_path / "theirs.jsonl"
    Answers(mine).insert([record("one", "mine"), record("two", "both")])
    source.write_text(f"{line(key='one', texts=['theirs'])}\n{line(key='two', texts=['both'])}\n")
    output = run("import", source, "--file", mine)
    assert "0 answers added, 2 were known, 1 of them with another reply, of which yours" in output
    assert Answers(mine).get("one").texts == ("mine",)


def test_what_export_writes_import_reads_at_any_size(tmp_path):
    mine, out, theirs = tmp_path / "a.sqlite", tmp_path / "out.jsonl", tmp_path / "b.sqlite"
    said = "a \u2028 b \x85 c \ud800 \x00" + "long " * 1_200_000
    Answers(mine).insert([record("one", said), record("two", created=0.0, edited=True)])
    run("export", out, "--file", mine)
    assert "2 answers added" in run("import", out, "--file", theirs)
    assert list(Answers(theirs).records()) == list(Answers(mine).records())


KEYS = {
    "a key": {"api_key": PLANTED},
    "a key in the address": {"api_base": f"http://host/v1?api_key={PLANTED}"},
    "a password": {"api_base": f"http://me:{PLANTED}@x@host/v1"},
    "headers": {"extra_headers": {"x-team": PLANTED}},
    "pairs": {"extra_headers": [["x-api-key", PLANTED]]},
    "pairs elsewhere": {"metadata": [["x-api-key", PLANTED]]},
    "body": {"extra_body": {"backend": {"credentials": {"user": PLANTED}, "bearer": PLANTED}}},
    "credentials": {"vertex_credentials": json.dumps({"private": PLANTED})},
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_not_shown(name):
    options = {"model": "openai/x", **KEYS[name]}
    assert PLANTED not in repr(without_secrets(options))
    if name != "a password":
        assert any(PLANTED in secret for secret in secrets_of(options))
    assert PLANTED not in redact(f"error at {options.get('api_base')}", secrets_of(options))
    env = LLMTeacherWrapper(
        gym.make("LLMTeacher/SimpleDoorKey-v0"), {**options, "offline": True}, answers=":memory:"
    )
    assert PLANTED not in pprint.pformat(env.spec) + repr(env.spec) + env.spec.to_json()
    again = gym.make(env.spec)  # the key comes from the environment then
    assert again.get_wrapper_attr("teacher").model == "openai/x"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{PLANTED}@host:6379/0", f"redis://:{PLANTED}@{PLANTED}@host:6379/0",
        f"redis://host:6379/0?password={PLANTED}", f"unix://me:{PLANTED}@/socket?db=0",
    ],
)  # fmt: skip
def test_a_redis_password_is_not_shown(url):
    assert PLANTED not in open_answers(url).path
    assert PLANTED not in redact(f"cannot reach {url}")


def test_innocent_replies_are_left_alone(monkeypatch):
    monkeypatch.setenv("GAME_TOKEN", "pick_up_the_golden_token")
    monkeypatch.setenv("PROVIDER_API_KEY", PLANTED)
    said = "Action: {sk_turn_left, pk-go-through-door}, then {pick_up_the_golden_token}"
    secrets = secrets_of({"api_key": "another-secret-key"})
    assert redact_reply(said, secrets) == said
    echoed = f"your keys: {PLANTED}, another-secret-key, sk-proj-abcDEF0123456789abcdef"
    assert redact_reply(echoed, secrets) == "your keys: ***, ***, ***"
    with FakeLLMServer("Action: {sk_turn_left}") as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1)
        where = Situation("text", ("sk_turn_left", "b"), np.eye(2, dtype=np.float32))
        assert teacher.advise([where])[0].plans == ((("sk_turn_left",), 1.0),)
