"""Which baseline is mine: its source decides, and it is never recorded over by another model of the same name."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from fixtures.baselines.sources import source_of
from fixtures.models.source import Source
from fixtures.models.spec import ModelSpec
from fixtures.run.replacing import name_apart
from fixtures.runtimes import python_callable, registry
from fixtures.runtimes.jina_v3 import describing
from fixtures.runtimes.jina_v3.known_models import BUNDLED_FOLDER
from tests.field.recording.conftest import DRIFT, Recordings, move
from tests.resealing import reseal
from tests.runs import notes, printed_command, refusal, run_as_printed

QUICK = [DRIFT, "--quick-recording", "--snapshots=baselines"]
COMPARED = [DRIFT, "--snapshots=baselines"]


@pytest.fixture
def repository(project, short_model, tmp_path, monkeypatch):
    """A git repository of the user's, in which they stand, with two runs of a training."""
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    for run in ("run1", "run2"):
        shutil.copytree(short_model, folder / run / "checkpoint-500")
    monkeypatch.chdir(folder)
    return folder


class Typed(Recordings):
    """Runs on a model by the name that the user types, from where they stand."""

    def __init__(self, project: pytest.Pytester, typed: str) -> None:
        super().__init__(project, project.path / "nowhere")
        self.typed = typed

    def arguments(self, *evals: str) -> list[str]:
        suite = os.path.relpath(self.project.path)
        return [
            *(f"{suite}/{one}" if one.startswith("evals/") else one for one in evals),
            f"--model={self.typed}",
            "--tasks=separation",
            "--device=cpu",
        ]


def source_in(folder):
    return json.loads((folder / "manifest.json").read_text())["source"]


def first_line(result: pytest.RunResult) -> str:
    """The header's first line of the suite."""
    return next(line for line in result.outlines if line.startswith("baseline: "))


def test_source_is_the_path_from_the_repositorys_root(project, repository):
    assert Typed(project, "run1/checkpoint-500").record(*QUICK).ret == pytest.ExitCode.OK
    expected = {"given": "run1/checkpoint-500", "resolved": "run1/checkpoint-500"}
    assert source_in(repository / "baselines" / "checkpoint-500") == expected


def test_two_folders_of_one_name_are_told_apart(project, repository):
    first, second = Typed(project, "run1/checkpoint-500"), Typed(project, "./run2/checkpoint-500/")
    assert first.record(*QUICK).ret == pytest.ExitCode.OK
    before = (repository / "baselines" / "checkpoint-500" / "manifest.json").read_bytes()
    compared = second.compare(*COMPARED)
    assert compared.ret == pytest.ExitCode.OK  # they are copies
    said = "baseline: baselines/checkpoint-500, recorded from run1/checkpoint-500; the model is run2/checkpoint-500"
    assert first_line(compared) == said
    assert refusal(second.record(*QUICK)) == (
        "baselines/checkpoint-500 was recorded from run1/checkpoint-500, this is run2/checkpoint-500: give --baseline "
        "run2--checkpoint-500 to record it beside that one, or --baseline checkpoint-500 in its place"
    )
    assert (repository / "baselines" / "checkpoint-500" / "manifest.json").read_bytes() == before
    assert second.record(*QUICK, "--baseline=run2--checkpoint-500").ret == pytest.ExitCode.OK
    beside = second.compare(*COMPARED, "--baseline=run2--checkpoint-500")
    assert first_line(beside) == "baseline: baselines/run2--checkpoint-500"
    assert (repository / "baselines" / "checkpoint-500" / "manifest.json").read_bytes() == before


def test_name_given_by_hand_replaces_another_sources_baseline(project, repository):
    assert Typed(project, "run1/checkpoint-500").record(*QUICK).ret == pytest.ExitCode.OK
    second = Typed(project, "run2/checkpoint-500")
    move(repository / "run2" / "checkpoint-500")
    assert second.record(*QUICK, "--baseline=checkpoint-500").ret == pytest.ExitCode.OK
    assert source_in(repository / "baselines" / "checkpoint-500")["given"] == "run2/checkpoint-500"
    assert first_line(second.compare(*COMPARED)) == "baseline: baselines/checkpoint-500"


def test_same_model_from_another_source_takes_its_baseline_over_by_name(project, repository):
    """Nothing moved, and yet there is something to record: where it came from."""
    assert Typed(project, "run1/checkpoint-500").record(*QUICK).ret == pytest.ExitCode.OK
    (repository / "run1").rename(repository / "renamed")
    model = Typed(project, "renamed/checkpoint-500")
    assert model.record(*QUICK, "--baseline=checkpoint-500").ret == pytest.ExitCode.OK
    assert source_in(repository / "baselines" / "checkpoint-500")["given"] == "renamed/checkpoint-500"
    assert model.record(*QUICK).ret == pytest.ExitCode.OK


def test_command_of_a_failure_records_another_source_beside(project, repository):
    assert Typed(project, "run1/checkpoint-500").record(*QUICK).ret == pytest.ExitCode.OK
    move(repository / "run2" / "checkpoint-500")
    failed = Typed(project, "run2/checkpoint-500").compare(*COMPARED)
    assert failed.ret == pytest.ExitCode.TESTS_FAILED
    command = printed_command(failed)
    assert " --baseline=run2--checkpoint-500 " in command
    assert run_as_printed(project, f"{command} --quick-recording").ret == pytest.ExitCode.OK
    assert sorted(path.name for path in (repository / "baselines").iterdir()) == [
        "checkpoint-500",
        "run2--checkpoint-500",
    ]


def test_link_that_moved_on_is_the_same_source(project, repository):
    releases = repository / "releases"
    releases.mkdir()
    for number, run in enumerate(("run1", "run2")):
        (repository / run / "checkpoint-500").rename(releases / f"2026-{number}")
    (releases / "current").symlink_to("2026-0")
    current = Typed(project, "releases/current")
    assert current.record(*QUICK).ret == pytest.ExitCode.OK
    baseline = repository / "baselines" / "current"
    assert source_in(baseline) == {"given": "releases/current", "resolved": "releases/2026-0"}
    (releases / "current").unlink()
    (releases / "current").symlink_to("2026-1")
    move(releases / "2026-1")
    failed = current.compare(*COMPARED)
    assert failed.ret == pytest.ExitCode.TESTS_FAILED and first_line(failed) == "baseline: baselines/current"
    assert current.record(*QUICK).ret == pytest.ExitCode.OK  # an upgrade: --snapshot-update alone
    assert source_in(baseline) == {"given": "releases/current", "resolved": "releases/2026-1"}
    assert len((baseline / "ledger.jsonl").read_text().splitlines()) == 2


def test_model_beside_the_repository_is_named_from_it_and_any_other_by_its_whole_path(project, repository, tmp_path):
    model = repository / "run1" / "checkpoint-500"
    beside = model.rename(tmp_path / "beside")
    assert Typed(project, str(beside)).record(*QUICK).ret == pytest.ExitCode.OK
    assert source_in(repository / "baselines" / "beside")["given"] == "../beside"
    outside = beside.rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    assert Typed(project, str(outside)).record(*QUICK).ret == pytest.ExitCode.OK
    assert source_in(repository / "baselines" / outside.name)["given"] == outside.as_posix()


def test_another_place_to_stand_is_no_other_source(project, repository, monkeypatch):
    (repository / "pyproject.toml").write_text('[tool.jina-v3-evals]\nsnapshots = "baselines"\n')
    assert Typed(project, "run1/checkpoint-500").record(DRIFT, "--quick-recording").ret == pytest.ExitCode.OK
    monkeypatch.chdir(repository / "run1")
    assert first_line(Typed(project, "checkpoint-500").compare(DRIFT)) == "baseline: ../baselines/checkpoint-500"


def test_format_1_names_no_source_and_is_replaced_by_an_upgrade(project, repository):
    first = Typed(project, "run1/checkpoint-500")
    assert first.record(*QUICK).ret == pytest.ExitCode.OK
    folder = repository / "baselines" / "checkpoint-500"
    as_format_1(folder)
    second = Typed(project, "run2/checkpoint-500")
    assert first_line(second.compare(*COMPARED)) == "baseline: baselines/checkpoint-500"
    result = second.record(*QUICK)
    assert result.ret == pytest.ExitCode.OK
    assert "accepted into baselines/checkpoint-500, with bounds from a new null set:" in notes(result)
    assert source_in(folder)["given"] == "run2/checkpoint-500"


def test_first_line_says_where_there_is_no_baseline_yet(project, repository):
    (repository / "baselines").mkdir()
    result = Typed(project, "run1/checkpoint-500").compare(*COMPARED)
    assert first_line(result) == "baseline: baselines/checkpoint-500, which isn't there yet"


def test_repository_that_is_reached_by_a_link_is_the_same(tmp_path):
    (tmp_path / "real" / ".git").mkdir(parents=True)
    (tmp_path / "real" / "models" / "m").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    stores = (tmp_path / place / "baselines" for place in ("real", "link"))
    models = (tmp_path / place / "models" / "m" for place in ("real", "link"))
    found = {source_of(spec("m"), model, store) for store in stores for model in models}
    assert {(one.given, one.resolved) for one in found} == {("models/m", "models/m")}


@pytest.mark.parametrize("named_by", ["pyproject", "option"])
def test_same_tree_without_git_is_the_same_source(project, repository, named_by):
    """As an image or an unpacked archive has it."""
    (repository / "pyproject.toml").write_text('[tool.jina-v3-evals]\nsnapshots = "baselines"\n')
    options = [DRIFT, "--quick-recording", *(["--snapshots=baselines"] if named_by == "option" else [])]
    model = Typed(project, "run1/checkpoint-500")
    assert model.record(*options).ret == pytest.ExitCode.OK
    shutil.rmtree(repository / ".git")
    move(repository / "run1" / "checkpoint-500")
    compared = model.compare(*(one for one in options if one != "--quick-recording"))
    assert first_line(compared) == "baseline: baselines/checkpoint-500"
    assert compared.ret == pytest.ExitCode.TESTS_FAILED and "--baseline" not in printed_command(compared)
    assert model.record(*options).ret == pytest.ExitCode.OK
    folder = repository / "baselines" / "checkpoint-500"
    assert source_in(folder) == {"given": "run1/checkpoint-500", "resolved": "run1/checkpoint-500"}
    # As earlier versions named it there.
    earlier = (repository / "run1" / "checkpoint-500").as_posix()
    reseal(folder, lambda manifest: manifest["source"].update(given=earlier))
    assert first_line(model.compare(DRIFT, "-k", "whole")) == "baseline: baselines/checkpoint-500"
    assert model.record(*options).ret == pytest.ExitCode.OK
    assert refusal(Typed(project, "run2/checkpoint-500").record(*options)).startswith(
        f"baselines/checkpoint-500 was recorded from {earlier}, this is run2/checkpoint-500: "
    )


@pytest.mark.parametrize(
    ("given", "taken", "name"),
    [
        ("run2/checkpoint-500", "checkpoint-500", "run2--checkpoint-500"),
        ("/data/my models/mini x", "mini x", "my-models--mini-x"),
        ("hub:org/name", "org--name", "org--name--c4a10bb7"),
        ("mini", "mini", "mini--"),
        ("python:service.model:encode", "service.model.encode", "service.model--encode"),
    ],
)
def test_name_that_is_offered_is_free(given, taken, name):
    offered = name_apart(Source(given, given), taken)
    assert offered.startswith(name[:11]) and offered != taken and " " not in offered


# --- what isn't a folder -------------------------------------------------------------------------------------------


def spec(name: str, revision: str | None = None) -> ModelSpec:
    return ModelSpec(name, "", {}, revision=revision)


def test_next_commit_of_a_hub_repository_is_the_same_source():
    before, now = (describing.source(spec("org/model", commit)) for commit in ("a" * 40, "b" * 40))
    assert before.given == now.given == "hub:org/model"
    assert (before.resolved, now.resolved) == (f"hub:org/model@{'a' * 40}", f"hub:org/model@{'b' * 40}")
    assert describing.source(spec("other/model")).given != before.given


def test_published_layouts_of_one_model_are_one_source():
    names = ("jinaai/jina-embeddings-v3", "jinaai/jina-embeddings-v3-hf")
    first, second = (describing.source(spec(name)) for name in names)
    assert first.given == second.given == "hub:jinaai/jina-embeddings-v3"


def test_callable_and_bundled_model_are_sources_by_name():
    assert python_callable.source(spec("python:service.model:encode")).given == "python:service.model:encode"
    assert describing.source(spec("mini")).given == describing.source(spec(str(BUNDLED_FOLDER))).given == "bundled:mini"


def test_model_of_a_row_that_names_no_source_is_one_by_its_runtime_and_name(tmp_path):
    assert source_of(ModelSpec("lengths", "own", {}), None, tmp_path).given == "own:lengths"


def as_format_1(folder) -> None:
    """Rewrite a manifest as versions 0.1 to 0.3 wrote it."""
    from fixtures.texts.anchors import anchors_of_format_1

    def flat(manifest):
        spec = manifest.pop("spec")
        for name in ("source", "suite", "environment", "null_set", "anchors", "tokens_only", "probes"):
            del manifest[name]
        manifest.update(
            format=1,
            model=spec["name"],
            weights_sha256=spec["identity"],
            dimension=spec["dimension"],
            max_length=spec["max_length"],
            prefixes={task: sent["prompt"] for task, sent in spec["tasks"].items()},
            dtype=spec["precision"],
            anchors=93,
            anchors_sha256=anchors_of_format_1(spec["max_length"]).digest,
        )

    reseal(folder, flat)


def test_what_another_runtime_answered_is_replaced_only_by_name(recorded, monkeypatch):
    twin = replace(registry.JINA_V3, name="twin")
    monkeypatch.setattr(registry, "RUNTIMES", [*registry.RUNTIMES, twin])
    recorded.move_model()
    before = recorded.files()
    assert refusal(recorded.record(DRIFT, "--runtime=twin")) == (
        "snapshots/own was recorded by the jina-v3 runtime, this run's is twin: give --baseline own--twin to "
        "record it beside that one, or --baseline own in its place"
    )
    assert recorded.files() == before
    assert recorded.record(DRIFT, "--runtime=twin", "--baseline=own", "--quick-recording").ret == pytest.ExitCode.OK
    assert recorded.files() != before
