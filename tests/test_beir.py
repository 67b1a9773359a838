"""A folder of queries, passages and judgements: what is read of it, and the one line for what can't be."""

import json
import os
import subprocess
import sys
import tracemalloc

import pytest

from fixtures.errors import JudgedDataError
from fixtures.files.regular_files import LARGEST_DATA
from fixtures.texts import beir
from fixtures.texts.beir import read_judged_data
from fixtures.texts.corpus import PASSAGE, QUESTION
from fixtures.texts.evidence import evidence_set
from fixtures.texts.text_sets import Text
from tests.judged_folders import CORPUS, QRELS, QUERIES, lines, write_folder
from tests.places import ROOT

EXAMPLE = ROOT / "examples" / "own-repository" / "search-data"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(folder) -> str:
    with pytest.raises(JudgedDataError) as refused:
        read_judged_data(folder)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


# --- what is read ----------------------------------------------------------------------------------------------------


def test_folder_is_read_with_its_languages_groups_and_judgements(tmp_path):
    data = read_judged_data(write_folder(tmp_path / "mine"))
    assert (data.name, data.left_out) == ("mine", 0)
    assert data.queries == [
        Text("query:1", "where is my money?", "en", "query:refund", QUESTION),
        Text("query:2", "password", "und", "query:2", QUESTION),
    ]
    assert data.passages == [
        Text("passage:1", "Refunds Paid within five days.", "und", "passage:1", PASSAGE),
        Text("passage:2", "Follow the link below the form.", "und", "passage:2", PASSAGE),
        Text("passage:3", "Wir liefern nach ganz Europa.", "de", "passage:3", PASSAGE),
    ]
    assert data.texts.relevance == {
        ("query:1", "passage:1"): 2,
        ("query:1", "passage:2"): 0,
        ("query:2", "passage:2"): 1,
    }


@pytest.mark.parametrize(
    ("title", "text", "joined"), [("T", " x ", "T  x"), ("", "x", "x"), ("T", "", "T"), (None, " x ", "x")]
)
def test_title_and_text_are_joined_as_beir_joins_them(tmp_path, title, text, joined):
    stated = {"_id": "1", "text": text} | ({} if title is None else {"title": title})
    data = read_judged_data(write_folder(tmp_path / "mine", [stated, *CORPUS[1:]]))
    assert data.passages[0].text == joined


@pytest.mark.parametrize("kept", [("1\t1\t0\n2\t2\t1\n", 1), ("2\t2\t1\n", 1)])
def test_queries_without_a_score_above_0_are_left_out_and_counted(tmp_path, kept):
    qrels, left_out = kept
    data = read_judged_data(write_folder(tmp_path / "mine", qrels=qrels))
    assert [query.id for query in data.queries] == ["query:2"] and data.left_out == left_out
    assert {query for query, _ in data.texts.relevance} == {"query:2"}


@pytest.mark.parametrize(
    "written",
    [
        {"qrels": QRELS.partition("\n")[2]},  # no header
        {"qrels": QRELS.replace("\n", "\r\n")},
        {"qrels": QRELS.removesuffix("\n")},
        {"qrels": QRELS + "2\t2\t1\n"},  # twice the same
        {"qrels": "\n" + QRELS},
        {"qrels": b"\xef\xbb\xbf" + QRELS.encode()},
        {"corpus": b"\xef\xbb\xbf" + lines(CORPUS).replace("\n", "\r\n\r\n").encode()},
        {"queries": lines(QUERIES).removesuffix("\n")},
        {"queries": [{**one, "metadata": {"from": ["log", 5]}} for one in QUERIES]},
    ],
    ids=["no header", "CRLF", "no last end", "twice", "blank first", "BOM", "BOM and CRLF", "no end", "more entries"],
)
def test_other_ways_to_write_the_same_are_read_alike(tmp_path, written):
    assert read_judged_data(write_folder(tmp_path / "a" / "mine", **written)) == read_judged_data(
        write_folder(tmp_path / "b" / "mine")
    )


def test_text_is_not_cut_at_separators_other_than_the_lines_end(tmp_path):
    corpus = [{"_id": "1", "text": "one\u2028two\u0085three\x0bfour"}, *CORPUS[1:]]
    written = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in corpus)
    data = read_judged_data(write_folder(tmp_path / "mine", written))
    assert data.passages[0].text == "one\u2028two\u0085three\x0bfour"


def test_only_other_file_of_judgements_is_taken_and_test_goes_before_others(here):
    folder = write_folder(here / "mine")
    before = read_judged_data(folder)
    (folder / "qrels" / "train.tsv").write_text("no judgements\n")
    assert read_judged_data(folder) == before
    (folder / "qrels" / "train.tsv").write_text(QRELS)
    (folder / "qrels" / "test.tsv").unlink()
    (folder / "qrels" / "._train.tsv").write_bytes(b"\x00")  # a companion that macOS writes
    assert read_judged_data(folder) == before


def test_ids_and_groups_meet_no_others(tmp_path):
    queries = [{**QUERIES[0], "group": "passage:1"}, QUERIES[1]]
    data = read_judged_data(write_folder(tmp_path / "mine", queries=queries))
    assert len({text.id for text in data.texts.texts}) == 5
    assert not {query.group for query in data.queries} & {passage.group for passage in data.passages}
    ours = {name for text in evidence_set().texts for name in (text.id, text.group)}
    assert not ours & {name for text in data.texts.texts for name in (text.id, text.group)}


def test_query_is_of_the_group_whose_name_is_its_id(tmp_path):
    queries = [QUERIES[1], {**QUERIES[0], "group": "2"}]
    assert {query.group for query in read_judged_data(write_folder(tmp_path / "mine", queries=queries)).queries} == {
        "query:2"
    }


def test_nothing_heavy_is_imported_to_read_a_folder():
    code = (
        "import sys; from pathlib import Path; from fixtures.texts.beir import *; "
        f"digests_of_data(read_judged_data(Path({str(EXAMPLE)!r}))); "
        "print(sorted({'torch', 'sklearn', 'scipy', 'pandas', 'transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_example_has_queries_in_two_languages_each_with_an_answer():
    data = read_judged_data(EXAMPLE)
    assert (len(data.queries), len(data.passages), data.left_out) == (24, 30, 0)
    assert {query.language for query in data.queries} == {passage.language for passage in data.passages} == {"en", "de"}
    groups = [query.group for query in data.queries]
    assert len(groups) > len(set(groups))
    assert len({text.text for text in data.texts.texts}) == 54
    assert {passage for (_, passage), score in data.texts.relevance.items() if score} < {
        one.id for one in data.passages
    }


# --- what can't be read ----------------------------------------------------------------------------------------------

LAYOUT = "it takes a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv, as BEIR has them"
EACH = "each text needs an _id and a text"
OBJECT = "needs an object with _id and text"
SURROGATE = "holds half of a surrogate pair, which no UTF-8 text can; write it whole"
CODE = "needs a code such as en or pt-BR; leave it out for none"
NOT_UTF_8 = (
    "not in UTF-8 ('utf-8' codec can't decode byte 0xff in position {}: invalid start byte); save the file in UTF-8"
)
WHOLE_NUMBER = "needs a whole number from 0 to 1,000,000"
NONE_JUDGED = (
    "no query of mine/queries.jsonl has a score above 0 in mine/qrels/test.tsv; "
    "judge at least one passage for one of them"
)
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:5\n"


def one_line(content) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1]", "needs a JSON object with _id and text"),
        ('"text"', "needs a JSON object with _id and text"),
        (
            "{'_id': 1}",
            f"not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); {OBJECT}",
        ),
        ('{"_id": "x", "te', f"not JSON (cut off, as its JSON has no end); {OBJECT}"),
        ("[" * 100_000, f"not JSON (nested too deeply); {OBJECT}"),
        ('{"text": "t"}', f"_id is missing; {EACH}"),
        ('{"_id": "x"}', f"text is missing; {EACH}"),
        ('{"_id": 7, "text": "t"}', "_id is 7, needs a text"),
        ('{"_id": true, "text": "t"}', "_id is true, needs a text"),
        ('{"_id": "x", "text": ["t"]}', 'text is ["t"], needs a text'),
        ('{"_id": "x", "text": null}', "text is null, needs a text"),
        ('{"_id": "x", "text": "t", "language": 5}', "language is 5, needs a text"),
        ('{"_id": " ", "text": "t"}', f"_id is empty; {EACH}"),
        ('{"_id": "x", "text": ""}', f"text is empty; {EACH}"),
        ('{"_id": "x", "text": " \\n\\u2003"}', f"text is empty; {EACH}"),
        ('{"_id": "1", "text": "t"}', '_id "1" is that of an earlier line; give each text its own'),
        ('{"_id": "x", "text": "\\ud83d"}', f"text {SURROGATE}"),
        ('{"_id": "\\udc00", "text": "t"}', f"_id {SURROGATE}"),
        (
            f'{{"_id": "{"x" * 1001}", "text": "t"}}',
            f'_id "{"x" * 58}… has 1,001 characters, at most 1,000 are allowed',
        ),
        ('{"_id": "x", "text": "t", "language": "my words"}', f'language is "my words", {CODE}'),
        ('{"_id": "x", "text": "t", "language": "en\\u001b[2J"}', f'language is "en\\u001b[2J", {CODE}'),
        (b'{"_id": "x", "text": "\xff"}', NOT_UTF_8.format(22)),
        (
            '\ufeff{"_id": "x", "text": "t"}',
            f"not JSON (Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)); {OBJECT}",
        ),
    ],
)
@pytest.mark.parametrize("file", ["corpus", "queries"])
def test_line_that_is_no_text_is_refused_with_its_number(here, file, line, problem):
    before = lines({"corpus": CORPUS, "queries": QUERIES}[file][:1]).encode() + b"\n"
    folder = write_folder(here / "mine", **{file: before + one_line(line) + b"\n" + lines(CORPUS[1:]).encode()})
    assert refusal(folder) == f"--data: mine/{file}.jsonl, line 3: {problem}"


@pytest.mark.parametrize(
    ("entry", "file", "problem"),
    [
        ({"title": None}, "corpus", "title is null, needs a text"),
        ({"group": ["a"]}, "queries", 'group is ["a"], needs a text'),
        ({"title": "\ud800"}, "corpus", f"title {SURROGATE}"),
        ({"group": "\ud800"}, "queries", f"group {SURROGATE}"),
        ({"title": " ", "text": ""}, "corpus", f"text is empty; {EACH}"),
    ],
)
def test_entry_of_one_of_the_files_is_refused_likewise(here, entry, file, problem):
    folder = write_folder(here / "mine", **{file: [{"_id": "x", "text": "t", **entry}]})
    assert refusal(folder) == f"--data: mine/{file}.jsonl, line 1: {problem}"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1\t1", "has 2 columns, needs query-id, corpus-id, score, separated by tabs"),
        ("1 1 1", "has 1 column, needs query-id, corpus-id, score, separated by tabs"),
        ("1\t0\t1\t1", "has 4 columns, needs query-id, corpus-id, score, separated by tabs"),
        ("9\t1\t1", 'query-id "9" is no _id of queries.jsonl'),
        ("1\t9\t1", 'corpus-id "9" is no _id of corpus.jsonl'),
        ("1\t\x1b[2J\t1", 'corpus-id "\\u001b[2J" is no _id of corpus.jsonl'),
        ("1\t3\t-1", f'score is "-1", {WHOLE_NUMBER}'),
        ("1\t3\t0.5", f'score is "0.5", {WHOLE_NUMBER}'),
        ("1\t3\tyes", f'score is "yes", {WHOLE_NUMBER}'),
        ("1\t3\t", f'score is "", {WHOLE_NUMBER}'),
        ("1\t3\t٣", f'score is "٣", {WHOLE_NUMBER}'),
        ("1\t3\t1000001", f'score is "1000001", {WHOLE_NUMBER}'),
        ("1\t3\t" + "9" * 5000, f'score is "{"9" * 58}…, {WHOLE_NUMBER}'),
        ("1\t1\t1", '"1" has the score 1 for "1", and 2 on an earlier line; keep one of them'),
        ("query-id\tcorpus-id\tscore", 'query-id "query-id" is no _id of queries.jsonl'),
    ],
)
def test_line_that_is_no_judgement_is_refused_with_its_number(here, line, problem):
    folder = write_folder(here / "mine", qrels=f"{QRELS}{line}\n")
    assert refusal(folder) == f"--data: mine/qrels/test.tsv, line 5: {problem}"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"corpus": None}, f"mine has no corpus.jsonl; {LAYOUT}"),
        ({"queries": None}, f"mine has no queries.jsonl; {LAYOUT}"),
        ({"qrels": None}, f"mine has no qrels/test.tsv; {LAYOUT}"),
        ({"corpus": ""}, "mine/corpus.jsonl holds no passages; a search needs two or more"),
        ({"corpus": CORPUS[:1]}, "mine/corpus.jsonl holds one passage; a search needs two or more"),
        ({"queries": "\n", "qrels": ""}, NONE_JUDGED),
        ({"qrels": "1\t1\t0\n"}, NONE_JUDGED),
        (
            {"corpus": LFS_POINTER},
            "mine/corpus.jsonl is a Git LFS pointer, the file itself wasn't fetched; run git lfs pull",
        ),
        (
            {"qrels": QRELS + "<<<<<<< HEAD\n"},
            "mine/qrels/test.tsv holds an unresolved merge conflict; resolve it, keeping one side or the other",
        ),
        ({"corpus": lines(CORPUS).encode("utf-16")}, f"mine/corpus.jsonl, line 1: {NOT_UTF_8.format(0)}"),
    ],
)
def test_file_that_is_missing_or_says_nothing_is_refused(here, written, problem):
    assert refusal(write_folder(here / "mine", **written)) == f"--data: {problem}"


def test_several_files_of_judgements_are_named_unless_one_is_called_test(here):
    folder = write_folder(here / "mine", qrels=None)
    for name in ("dev.tsv", "train.tsv"):
        (folder / "qrels" / name).write_text(QRELS)
    assert refusal(folder) == (
        "--data: mine/qrels: holds 2 files (dev.tsv, train.tsv), none of them test.tsv; call the one to judge by so"
    )
    for at in range(5):
        (folder / "qrels" / f"{at}\x1b.tsv").write_text(QRELS)
    assert "holds 7 files (0\\x1b.tsv, 1\\x1b.tsv, 2\\x1b.tsv, 3\\x1b.tsv, 4\\x1b.tsv, ...)" in refusal(folder)


def test_what_is_no_folder_is_refused(here):
    assert refusal(here / "none") == f"--data: none isn't there; {LAYOUT}"
    (here / "file").write_text("")
    assert refusal(here / "file") == f"--data: file is no folder; {LAYOUT}"
    (here / "loop").symlink_to("loop")
    assert refusal(here / "loop") == f"--data: loop is no folder; {LAYOUT}"
    assert "isn't there" in refusal(here / ("n" * 5000)) and "isn't there" in refusal(here / "a\0b")
    folder = write_folder(here / "mine", qrels=None)
    (folder / "qrels").rmdir()
    assert refusal(folder) == f"--data: mine has no qrels/test.tsv; {LAYOUT}"
    (folder / "qrels").write_text("")
    assert refusal(folder) == "--data: mine/qrels: unreadable (Not a directory); it is a folder with test.tsv"


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_what_is_no_file_is_refused_and_not_waited_for(here, name):
    folder = write_folder(here / "mine")
    path = folder / name

    def problem() -> str:
        found = refusal(folder)
        assert found.startswith(f"--data: mine/{name}: unreadable (") and found.endswith(
            "); it is a file of lines in UTF-8"
        )
        return found.partition("(")[2].rpartition(")")[0]

    path.unlink()
    os.mkfifo(path)
    assert problem() == "a pipe or a device where a file belongs"
    path.unlink()
    path.symlink_to("/dev/zero")
    assert problem() == "a pipe or a device where a file belongs"
    path.unlink()
    path.symlink_to("nowhere")
    assert problem() == "No such file or directory"
    path.unlink()
    path.mkdir()
    assert problem() == "a folder where a file belongs"
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(LARGEST_DATA + 1)  # sparse: it takes no room
    assert problem() == f"it has {LARGEST_DATA + 1:,} bytes, at most {LARGEST_DATA:,} are read"


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_line_of_50_megabytes_is_refused_before_it_is_read(here, name):
    folder = write_folder(here / "mine")
    with (folder / name).open("ab") as file:
        file.write(b'{"_id": "x", "text": "')
        file.truncate(file.tell() + 50_000_000)
    number = len((folder / name).read_bytes().split(b"\n"))
    tracemalloc.start()
    try:
        problem = refusal(folder)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert problem == (
        f"--data: mine/{name}, line {number}: longer than {beir.LONGEST_LINE:,} bytes; split the text, or leave it out"
    )
    assert peak < 3 * beir.LONGEST_LINE


def test_line_of_the_longest_length_is_read(tmp_path):
    around = len('{"_id": "x", "text": ""}\n')
    longest = '{"_id": "x", "text": "' + "t" * (beir.LONGEST_LINE - around) + '"}\n'
    assert len(read_judged_data(write_folder(tmp_path / "mine", lines(CORPUS) + longest)).passages) == 4
    assert "longer than" in refusal(write_folder(tmp_path / "other", lines(CORPUS) + " " + longest))
