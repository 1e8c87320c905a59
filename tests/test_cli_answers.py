"""The answers file on the command line: read, share, correct, thin out."""

import json
import re
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.cli import app, main
from gym_llmteacher.testing import FakeLLMServer, FakeReply

runner = CliRunner()
ROWS = np.eye(2, dtype=np.float32)
SECRET = "planted-key-0123456789"


@pytest.fixture
def file(tmp_path):
    """An answers file with three answers of two models."""
    path = tmp_path / "answers.sqlite"
    says = FakeReply(texts=("Action: {explore}", "Action: {explore}", "Action: {go to key}"))
    with FakeLLMServer(says) as server:
        for model, texts in (("openai/large", ("sees key", "sees door")), ("openai/small", ("x",))):
            spec = {"model": model, "api_base": server.url, "api_key": SECRET}
            teacher = LLMTeacher(spec, path, samples=3)
            teacher.advise([Situation(text, ("explore", "go to key"), ROWS) for text in texts])
            teacher.close()
    return path


def run(*args, code=0):
    result = runner.invoke(app, ["answers", *map(str, args)], env={"COLUMNS": "150"})
    assert result.exit_code == code, (result.output, result.exception)
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def teacher(path, model="openai/large"):
    return LLMTeacher(model, path, samples=3, offline=True)


def key_of(path, text):
    (line,) = [line for line in run("list", "--file", path).splitlines() if text in line]
    return line.replace("│", " ").split()[0]


def test_answers_of_one_env(file, tmp_path):
    tasks = {"FrozenLake-v1": "reach the goal and fall into no hole", "BabyAI-GoToObj-v0":
             "go to the blue ball"}  # fmt: skip
    with FakeLLMServer("Action: {explore}") as server:
        asking = LLMTeacher(server.model, file, samples=3)
        for env_id, task in tasks.items():
            here = Situation(f"in {env_id}", ("explore", "go to key"), ROWS, task=task)
            assert not asking.advise([here])[0].abstained
    for env_id in tasks:
        text = run("list", "--file", file, "--env", env_id)
        assert text.count("openai/") == 1
        assert env_id.split("-")[0] in text
        run("export", tmp_path / "some.jsonl", "--file", file, "--env", env_id)
        (line,) = (tmp_path / "some.jsonl").read_text().splitlines()
        assert json.loads(line)["text"] == f"in {env_id}"


def test_list_show_and_stats(file):
    text = run("list", "--file", file)
    assert text.count("2 of 3: Action: {explore}") == 3
    assert run("list", "--file", file, "--model", "openai/small").count("openai/") == 1
    shown = run("show", key_of(file, "sees key"), "--file", file)
    assert 'Situation: "sees key"' in shown
    assert shown.count("Action: {explore}") == 2
    totals = run("stats", "--file", file)
    assert re.search(r"openai/large\s*│\s*samples\s*│\s*2\s", totals)
    assert "3 requests" in totals
    assert SECRET not in text + shown + totals


def test_export_and_import_give_a_colleague_everything(file, tmp_path):
    run("export", tmp_path / "shared.jsonl", "--file", file)
    assert SECRET not in (tmp_path / "shared.jsonl").read_text()
    other = tmp_path / "other.sqlite"
    assert "3 answers added, 0 were known" in run(
        "import", tmp_path / "shared.jsonl", "--file", other
    )
    assert "0 answers added, 3 were known" in run(
        "import", tmp_path / "shared.jsonl", "--file", other
    )
    here = Situation("sees key", ("explore", "go to key"), ROWS)
    assert teacher(other).advise([here]) == teacher(file).advise([here])
    assert not teacher(other).advise([here])[0].abstained


def test_a_corrected_answer_is_what_the_teacher_says(file):
    run("edit", key_of(file, "sees key"), "Action: {go to key}", "--file", file)
    (advice,) = teacher(file).advise([Situation("sees key", ("explore", "go to key"), ROWS)])
    assert advice.plans == ((("go to key",), 1.0),)


def test_prune(file):
    assert "1 answers deleted" in run("prune", "--model", "openai/small", "--file", file)
    assert "0 answers deleted" in run("prune", "--days", 1, "--file", file)
    assert run("list", "--file", file).count("openai/") == 2


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"key": 1}', json.dumps({"key": "k", "reply": {"texts": "x"}})]
)
def test_what_is_no_export_is_not_imported(line, file, tmp_path, monkeypatch, capsys):
    run("export", tmp_path / "bad.jsonl", "--file", file)
    content = (tmp_path / "bad.jsonl").read_text()
    (tmp_path / "bad.jsonl").write_text(f"{content}{line}\n")
    target = tmp_path / "other.sqlite"
    argv = ["x", "answers", "import", str(tmp_path / "bad.jsonl"), "--file", str(target)]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "line 4 is not an exported answer" in error
    assert "Nothing was imported" in error
    assert "openai" not in run("list", "--file", target)


@pytest.mark.parametrize(
    ("args", "message"),
    [(["show", "zzz"], "no answer in"), (["prune"], "prune needs a model or an age in days")],
)
def test_errors(args, message, file, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["x", "answers", *args, "--file", str(file)])
    with pytest.raises(SystemExit):
        main()
    assert message in " ".join(capsys.readouterr().err.split())
