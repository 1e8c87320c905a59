"""The answers file: shared by processes, shown to colleagues, sometimes broken."""

import multiprocessing
import pickle
import sqlite3
import threading

import pytest

from gym_llmteacher.errors import AnswersFileError
from gym_llmteacher.llm.answers import Answers, default_path
from gym_llmteacher.llm.keeper import Keeper
from gym_llmteacher.llm.question import answer_key
from gym_llmteacher.llm.record import Record
from gym_llmteacher.llm.reply import Reply
from gym_llmteacher.llm.schema import SCHEMA_VERSION

REPLY = Reply(("Action: {go}", "?"), ((("A", -0.5), ("B", -1.0)), ()), 11, 5, 0.25, 1.5, "m", 2)


def put(answers, key, reply=REPLY):
    return answers.put(
        key,
        reply,
        model="m",
        elicitation="samples",
        text="sees key",
        messages=[{"role": "user", "content": "what next?"}],
    )


def test_what_is_put_is_got_by_another_opener(tmp_path):
    path = tmp_path / "deep" / "answers.sqlite"
    assert put(Answers(path), "k") == REPLY
    assert Answers(path).get("k") == REPLY
    assert Answers(path).get("other") is None
    assert len(Answers(path)) == 1


def test_the_first_answer_counts(tmp_path):
    answers = Answers(tmp_path / "a.sqlite")
    put(answers, "k")
    assert put(answers, "k", Reply(("later",))) == REPLY


def test_the_row_can_be_read_by_people(tmp_path):
    path = tmp_path / "a.sqlite"
    put(Answers(path), "k")
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM answers").fetchone())
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
    assert row["text"] == "sees key"
    assert "what next?" in row["prompt"]
    assert "Action: {go}" in row["reply"]
    assert (row["prompt_tokens"], row["completion_tokens"]) == (11, 5)
    assert (row["cost_usd"], row["seconds"]) == (0.25, 1.5)
    assert row["created"] > 1.6e9


def test_memory_keeps_nothing():
    answers = Answers(":memory:")
    put(answers, "k")
    assert answers.get("k") == REPLY
    assert Answers(":memory:").get("k") is None


def test_pickled_while_open(tmp_path):
    answers = Answers(tmp_path / "a.sqlite")
    put(answers, "k")
    assert pickle.loads(pickle.dumps(answers)).get("k") == REPLY


def test_closing_is_not_the_end(tmp_path):
    answers = Answers(tmp_path / "a.sqlite")
    put(answers, "k")
    answers.close()
    answers.close()
    assert answers.get("k") == REPLY


def test_the_environment_names_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GYM_LLMTEACHER_ANSWERS", str(tmp_path / "b.sqlite"))
    assert Answers().path == str(tmp_path / "b.sqlite")
    monkeypatch.delenv("GYM_LLMTEACHER_ANSWERS")
    assert default_path().endswith("answers.sqlite")


@pytest.mark.parametrize(
    "content",
    [b"this is no database", b"SQLite format 3\x00" + b"\x07" * 4096],
    ids=["text", "garbled"],
)
def test_a_corrupt_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "a.sqlite"
    path.write_bytes(content)
    with pytest.raises(AnswersFileError) as raised:
        Answers(path).check()
    assert str(path) in str(raised.value)
    assert "Cure" in str(raised.value)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_torn_file_is_refused(tmp_path):
    path = tmp_path / "a.sqlite"
    answers = Answers(path)
    for i in range(200):
        put(answers, str(i))
    answers.close()
    torn = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(torn)
    with pytest.raises(AnswersFileError):
        Answers(path).check()
    assert path.read_bytes() == torn


def test_a_foreign_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "a.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (name)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(AnswersFileError, match="photos"):
        Answers(path).check()
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "a.sqlite"
    Answers(path).check()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(AnswersFileError, match="newer"):
        Answers(path).check()


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(AnswersFileError, match="cannot be opened"):
        Answers(tmp_path).check()


def test_an_empty_file_is_taken(tmp_path):
    path = tmp_path / "a.sqlite"
    path.touch()
    put(Answers(path), "k")
    assert Answers(path).get("k") == REPLY


def test_trouble_after_opening_is_logged_once(tmp_path, caplog):
    path = tmp_path / "a.sqlite"
    keeper = Keeper(Answers(path))
    keeper.store.check()
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE answers")
    connection.close()
    assert keeper.get("k") is None
    for key in "kl":
        assert keeper.add(Record(key, "m", "samples", "t", [], REPLY.as_dict())) == REPLY
    assert keeper.get("k") == REPLY
    assert len(caplog.records) == 1


def _write_many(path, who, barrier):
    answers = Answers(path)
    barrier.wait(60)
    for i in range(100):
        put(answers, f"shared-{i}", Reply((who,)))
        put(answers, f"{who}-{i}", Reply((who,)))


def test_two_processes_write_one_file(tmp_path):
    path = str(tmp_path / "a.sqlite")
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=_write_many, args=(path, w, barrier)) for w in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    answers = Answers(path)
    assert len(answers) == 300
    for i in range(100):
        assert answers.get(f"a-{i}").texts == ("a",)
        assert answers.get(f"b-{i}").texts == ("b",)
        assert answers.get(f"shared-{i}").texts[0] in "ab"


def test_threads_share_one_object(tmp_path):
    answers = Answers(tmp_path / "a.sqlite")
    threads = [
        threading.Thread(target=lambda t=t: [put(answers, f"{t}-{i}") for i in range(50)])
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200


def test_the_key_depends_on_the_question_and_on_nothing_else():
    ask = [{"role": "user", "content": "q"}]
    base = answer_key("m", "samples", ask, {"n": 10, "temperature": 0.7})
    assert answer_key("m", "samples", ask, {"temperature": 0.7, "n": 10}) == base
    others = [
        answer_key("m2", "samples", ask, {"n": 10, "temperature": 0.7}),
        answer_key("m", "subgoal", ask, {"n": 10, "temperature": 0.7}),
        answer_key("m", "samples", [{"role": "user", "content": "p"}], {"n": 10}),
        answer_key("m", "samples", ask, {"n": 9, "temperature": 0.7}),
    ]
    assert len({base, *others}) == 5
