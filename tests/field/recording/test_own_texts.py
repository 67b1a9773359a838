"""Texts of the user's own beside the anchors: judged, never stored, never lost by mistake."""

import json

import pytest

from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.texts.anchors import OWN
from tests.field.recording.conftest import DRIFT
from tests.runs import notes, printed_command, refusal, run_as_printed

SECRET = "The Zürich depot ships on Thursdays"
TEXTS = [
    {"id": "depot", "text": SECRET, "language": "en", "group": "depots", "role": "document"},
    {"id": "refund", "text": "Where is my\u2028refund?"},
]


def write(folder, texts=TEXTS, name="texts.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(text, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")
    return f"--texts={name}"


@pytest.fixture
def here(project, monkeypatch):
    monkeypatch.chdir(project.path)
    return project.path


def test_own_texts_are_recorded_as_hashes_and_vectors_and_compared(fresh, here):
    option = write(here)
    assert fresh.record(DRIFT, "--quick-recording", option).ret == pytest.ExitCode.OK
    stored = fresh.files()
    assert list(json.loads(stored["manifest.json"])["anchors"])[-2:] == [f"{OWN}depot", f"{OWN}refund"]
    tokens = json.loads(stored["tokens.json"])
    assert set(tokens[f"{OWN}depot"]) == {"count", "sha256"}
    words = ("Zürich", "Z\\u00fcrich", "depot ships", "Thursdays")
    assert not [name for name, content in stored.items() for word in words if word.encode() in content]
    result = fresh.compare(DRIFT, option)
    assert result.ret == pytest.ExitCode.OK
    assert not [note for note in notes(result) if "anchors" in note]


def test_own_text_that_moved_fails_and_is_shown(fresh, here, monkeypatch):
    option = write(here)
    assert fresh.record(DRIFT, "--quick-recording", option).ret == pytest.ExitCode.OK
    encode = TorchEncoder.encode

    def moved(self, texts, task, **options):
        return encode(self, ["Another text" if text == SECRET else text for text in texts], task, **options)

    monkeypatch.setattr(TorchEncoder, "encode", moved)
    result = fresh.compare(DRIFT, option)
    assert result.ret == pytest.ExitCode.TESTS_FAILED and SECRET in result.stdout.str()
    assert fresh.compare(DRIFT).ret == pytest.ExitCode.OK  # nothing else moved


def test_run_without_the_file_judges_the_anchors_and_says_so(fresh, here):
    assert fresh.record(DRIFT, "--quick-recording", write(here)).ret == pytest.ExitCode.OK
    result = fresh.compare()
    assert result.ret == pytest.ExitCode.OK
    told = "93 of 93 anchors are those of snapshots/own; 2 in the baseline only: own:depot, own:refund"
    assert told in notes(result)


def test_changed_and_newer_texts_of_ones_own_are_said(fresh, here):
    assert fresh.record(DRIFT, "--quick-recording", write(here)).ret == pytest.ExitCode.OK
    option = write(here, [TEXTS[0], {"id": "refund", "text": "Another."}, {"id": "new", "text": "New."}])
    told = "94 of 96 anchors are those of snapshots/own; 1 newer than the baseline: own:new; 1 changed since it was "
    told += "recorded: own:refund"
    assert told in notes(fresh.compare(DRIFT, option))


def test_update_without_the_file_loses_no_text(fresh, here):
    assert fresh.record(DRIFT, "--quick-recording", write(here)).ret == pytest.ExitCode.OK
    before = fresh.files()
    result = fresh.record(DRIFT, "--quick-recording")
    assert result.ret == pytest.ExitCode.TESTS_FAILED and fresh.files() == before
    told = (
        "not recorded: snapshots/own holds 2 texts of yours (own:depot, own:refund), this run has 0 of them: give them "
        "with --texts FILE, or record elsewhere with --baseline NAME"
    )
    assert told in result.stdout.str()


def test_update_with_few_of_the_texts_loses_none(fresh, here):
    many = [{"id": str(number), "text": f"Text number {number}."} for number in range(5)]
    assert fresh.record(DRIFT, "--quick-recording", write(here, many)).ret == pytest.ExitCode.OK
    before = fresh.files()
    result = fresh.record(DRIFT, "--quick-recording", write(here, many[:2]))
    assert result.ret == pytest.ExitCode.TESTS_FAILED and fresh.files() == before
    assert "holds 5 texts of yours (own:0, own:1, own:2, own:3 ...), this run has 2 of them: " in result.stdout.str()


def test_damage_is_no_way_round(fresh, here):
    assert fresh.record(DRIFT, "--quick-recording", write(here)).ret == pytest.ExitCode.OK
    (fresh.folder / "tokens.json").write_bytes(fresh.files()["tokens.json"] + b"\n")
    before = fresh.files()
    assert fresh.record(DRIFT, "--quick-recording").ret == pytest.ExitCode.TESTS_FAILED and fresh.files() == before


def test_texts_of_ones_own_that_are_most_of_the_texts_are_asked_for(fresh, here):
    many = [{"id": str(number), "text": f"Text number {number}."} for number in range(100)]
    option = write(here, many)
    assert fresh.record(DRIFT, "--quick-recording", option).ret == pytest.ExitCode.OK
    result = fresh.compare()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = "only 93 of the 193 texts of snapshots/own are still there: too few for its bounds; 100 are yours: "
    assert f"{told}give them with --texts FILE" in result.stdout.str()
    assert fresh.compare(DRIFT, option).ret == pytest.ExitCode.OK


def test_command_of_a_failure_names_the_file(fresh, here):
    option = write(here, name="our texts.jsonl")
    assert fresh.record(DRIFT, "--quick-recording", option).ret == pytest.ExitCode.OK
    fresh.move_model()
    command = printed_command(fresh.compare(DRIFT, option))
    assert "'--texts=our texts.jsonl'" in command
    assert run_as_printed(fresh.project, f"{command} --quick-recording").ret == pytest.ExitCode.OK
    assert fresh.compare(DRIFT, option).ret == pytest.ExitCode.OK


def test_text_of_the_suites_own_id_is_another(fresh, here):
    option = write(here, [{"id": "question", "text": "Not the suite's."}])
    assert fresh.record(DRIFT, "--quick-recording", option).ret == pytest.ExitCode.OK
    assert fresh.compare(DRIFT, option).ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", " holds no texts; give one a line, or leave the option out"),
        (b"\n\n", " holds no texts; give one a line, or leave the option out"),
        (
            b"\xff\xfe{",
            ": unreadable ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte); it is a ",
        ),
        (
            b'{"id": "a", "text": "b"',
            ", line 1: not JSON (cut off, as its JSON has no end); needs an object with id ",
        ),
        (b'["a", "b"]', ", line 1: needs a JSON object with id and text"),
        (b'\n{"id": "a"}', ", line 2: text is missing; each text needs an id and a text"),
        (b'{"text": "a"}', ", line 1: id is missing; each text needs an id and a text"),
        (b'{"id": "a", "text": "  "}', ", line 1: text is empty; each text needs an id and a text"),
        (b'{"id": 5, "text": "a"}', ", line 1: id is 5, needs a text"),
        (
            b'{"id": "a", "text": "a", "lang": "de"}',
            ", line 1: unknown entry 'lang'; allowed: id, text, language, group, ",
        ),
        (
            b'{"id": "a", "text": "a", "role": "quest"}',
            ", line 1: role is 'quest'; allowed: query, document, classific",
        ),
        (b'{"id": "a", "text": "\\ud800"}', ", line 1: text holds half of a surrogate pair, which no UTF-8 text can; "),
        (
            b'{"id": "a", "text": "b"}\n{"id": "a", "text": "c"}',
            ", line 2: id 'a' is that of an earlier line; give each ",
        ),
    ],
)
def test_file_that_holds_no_such_texts_is_one_line(fresh, here, content, says):
    (here / "texts.jsonl").write_bytes(content)
    assert refusal(fresh.compare(DRIFT, "--texts=texts.jsonl")).startswith(f"--texts: texts.jsonl{says}")


def test_file_with_a_byte_order_mark_and_windows_line_ends_is_read(fresh, here):
    lines = [json.dumps(text) for text in TEXTS]
    (here / "texts.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert fresh.record(DRIFT, "--quick-recording", "--texts=texts.jsonl").ret == pytest.ExitCode.OK
    assert fresh.compare(DRIFT, write(here)).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", ["none.jsonl", "evals", ""])
def test_file_that_is_not_there_is_one_line(fresh, here, name):
    assert refusal(fresh.compare(DRIFT, f"--texts={name}")).startswith("--texts: ")
