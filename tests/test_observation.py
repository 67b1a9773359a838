"""An observation: what a system answered, asked as it goes or whole, and kept in a folder."""

import json
import re

import numpy as np
import pytest

from fixtures.errors import ObservationError
from fixtures.models.spec import Ability, Input, ModelSpec, Role
from fixtures.observing import folder as folders
from fixtures.observing.observation import BASE, Observation
from fixtures.showing import shown_path
from fixtures.texts.anchors import anchor_set, hashes

TASKS = {"query": Input("query: "), "passage": Input("passage: "), "search": Input("query: ")}
TEXTS = ["One.", "Two, twice as long.", "\ud800 is no text for UTF-8"]
SPEC = ModelSpec(
    "m", "made up", TASKS, {Role.QUERY: "query"}, languages=("en",), dimension=4, max_length=16, source="/home/me/m"
)


def answer(texts, task):
    """Embeddings that depend on the text and on the prompt alone."""
    prompt = "" if task is None else TASKS[task].prompt
    sizes = np.array([[len(text), len(prompt)] for text in texts], dtype=np.float32)
    return np.concatenate([np.sin(sizes), np.cos(sizes)], axis=1)


@pytest.fixture
def asked() -> list:
    """The calls that reach the system."""
    return []


@pytest.fixture
def observation(asked) -> Observation:
    def system(texts, task):
        asked.append((task, list(texts)))
        return answer(texts, task)

    anchors = anchor_set(SPEC.max_length)
    return Observation(
        SPEC,
        answer=system,
        tokens=lambda: {"first": [1, 2], "second": {"count": 70, "sha256": "0" * 64}},
        environment={"device": "cpu", "seconds": np.float64(0.5)},
        texts=hashes(anchors.texts),
        token_texts=hashes(anchors.token_texts),
    )


def test_text_is_asked_once_under_equal_inputs(observation, asked):
    both = [observation.vectors(TEXTS, task) for task in ("query", "search", "query")]
    assert np.array_equal(both[0], both[1]) and np.array_equal(both[0], both[2])
    assert asked == [("query", TEXTS)]


def test_whole_observation_needs_its_system_no_more(observation, asked):
    whole = observation.whole([("query", TEXTS[:2]), ("passage", TEXTS[:1]), (None, TEXTS[:1])])
    before = len(asked)
    assert np.array_equal(whole.vectors(TEXTS[1::-1], "search"), answer(TEXTS[1::-1], "search"))
    assert whole.tokens == observation.tokens and whole.texts == observation.texts
    with pytest.raises(KeyError, match="1 texts were not asked under passage"):
        whole.vectors(TEXTS[:2], "passage")
    assert len(asked) == before


def test_kept_observation_is_read_back_as_it_was(observation, tmp_path):
    whole = observation.whole([("query", TEXTS), ("passage", TEXTS), (None, TEXTS)])
    folders.save(whole, tmp_path / "new" / "kept")
    back = folders.load(tmp_path / "new" / "kept")
    assert (back.spec, back.tokens, back.texts, back.token_texts) == (
        whole.spec,
        whole.tokens,
        whole.texts,
        whole.token_texts,
    )
    assert back.environment == {"device": "cpu", "seconds": 0.5}
    for name, vectors in whole.answers(TEXTS).items():
        task = None if name == BASE else name
        assert np.array_equal(back.vectors(TEXTS, task), vectors) and vectors.dtype == np.float32
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["kept"]


def test_kept_observation_holds_no_text(observation, tmp_path):
    folders.save(observation.whole([("query", TEXTS)]), tmp_path / "kept")
    for path in (tmp_path / "kept").iterdir():
        assert b"twice as long" not in path.read_bytes()


def test_nothing_that_is_there_is_written_over(observation, tmp_path):
    (tmp_path / "kept").mkdir()
    with pytest.raises(ObservationError, match="is there already; name a folder that isn't"):
        folders.save(observation.whole([("query", TEXTS)]), tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_disk_that_takes_nothing_is_one_line(observation, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ObservationError, match="nothing is written there") as refused:
        folders.save(observation.whole([("query", TEXTS)]), tmp_path / "file" / "kept")
    assert "\n" not in str(refused.value)


def changed(entry, value):
    def change(path):
        said = json.loads(path.read_text(encoding="utf-8"))
        said[entry] = value
        said["observation_sha256"] = folders._own_hash(said)
        path.write_text(json.dumps(said), encoding="utf-8")

    return change


def edited(path):
    path.write_text(path.read_text(encoding="utf-8").replace('"device": "cpu"', '"device": "cuda"'), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        (folders.DESCRIPTION, lambda path: path.unlink(), "No such file or directory; give the folder of"),
        (folders.VECTORS, lambda path: path.unlink(), "No such file or directory; give the folder of"),
        (folders.DESCRIPTION, lambda path: path.write_text("{"), "keep the observation anew"),
        (folders.DESCRIPTION, lambda path: path.write_text("[]"), "no observation of format 1"),
        (folders.DESCRIPTION, changed("format", 2), "no observation of format 1"),
        (folders.DESCRIPTION, changed("texts", {"a": 1}), "lacks texts"),
        (folders.DESCRIPTION, changed("inputs", [{"input": None}]), "can't be read back"),
        (folders.DESCRIPTION, changed("inputs", [{"input": {"prompt": "other"}, "texts": []}]), "can't be read back"),
        (folders.DESCRIPTION, changed("spec", {"name": "m"}), "can't be read back"),
        (folders.VECTORS, lambda path: path.write_bytes(path.read_bytes()[:-1]), "not the content that"),
        (folders.DESCRIPTION, edited, "not what was kept (changed by hand?)"),
    ],
)
def test_damage_is_one_line(observation, tmp_path, name, change, problem):
    folder = tmp_path / "kept"
    folders.save(observation.whole([("query", TEXTS)]), folder)
    change(folder / name)
    with pytest.raises(ObservationError, match=re.escape(problem)) as refused:
        folders.load(folder)
    assert str(refused.value).startswith(f"{shown_path(folder)}/{name}: ") and "\n" not in str(refused.value)


def test_spec_of_another_version_is_read_as_far_as_both_know_it():
    dumped = SPEC.dump()
    later = {**dumped, "carbon": 3, "roles": {**dumped["roles"], "reranking": "query"}}
    later["tasks"]["query"]["instruction"] = "find"
    assert ModelSpec.load(later) == SPEC
    earlier = {name: value for name, value in dumped.items() if name in ("name", "runtime", "tasks")}
    assert ModelSpec.load(earlier).why_not(Ability.TOKENIZE) is None
