"""Whole runs of the evals on a model that knows nothing: random weights in the published layout."""

import json
import re
import warnings

import pytest

from fixtures.baselines import recording
from fixtures.models.spec import Role
from fixtures.runtimes.jina_v3 import loading
from fixtures.runtimes.jina_v3.encoder import TorchEncoder
from fixtures.texts import corpus
from fixtures.texts.workloads import REGIMES
from tests.checkpoints import TASKS, change_json, change_tensors, write_native_checkpoint
from tests.runs import failed, figures_in, lines, refusal, run, run_apart, section

TABLES = ["evals/test_similarity.py", "-k", "baseline or belongs"]
TWO = "--tasks=retrieval.query,separation"
FEW = ["evals/test_contract.py", "-k", "unit_norm"]


# --- contract and behaviour -------------------------------------------------------------------------------------


def test_contract_holds_for_a_random_model_and_its_figures_reach_junit(project, native_checkpoint):
    result = run(project, "evals/test_contract.py", TWO, "--junitxml=report.xml", model=native_checkpoint)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"loaded    {native_checkpoint} on cpu (*): once"])
    result.stdout.fnmatch_lines(["compared  nothing with a baseline", "skipped   2: the model cuts at 500 tokens"])
    found = figures_in(project.path / "report.xml")
    figures = found["test_embeddings_are_finite_float32_of_unit_norm[cpu-separation]"]
    assert figures["type"] == "float32" and 0 <= figures["largest |norm - 1|"] < 1e-5
    assert all(properties for name, properties in found.items() if "-512]" not in name)


def test_contract_fails_where_a_vector_depends_on_its_batch(project, native_checkpoint, monkeypatch):
    pool = TorchEncoder.pool

    def batch_dependent(self, states, mask):
        pooled = pool(self, states, mask)
        return pooled + 5e-4 * pooled.norm(dim=1, keepdim=True) * (len(states) > 1) / pooled.shape[1] ** 0.5

    monkeypatch.setattr(TorchEncoder, "pool", batch_dependent)
    options = ["--tasks=separation", "-k", "batch_size or neighbours"]
    result = run(project, "evals/test_contract.py", *options, model=native_checkpoint)
    result.assert_outcomes(failed=2, passed=1)
    assert "largest cosine distance: measured" in section(result, "FAILURES")


def test_what_a_library_warns_of_is_a_note_and_no_failure(project, native_checkpoint, monkeypatch):
    def warning(step, message):
        def warned(*arguments, **options):
            warnings.warn(message, FutureWarning, stacklevel=1)
            return step(*arguments, **options)

        return warned

    monkeypatch.setattr(loading, "load_model", warning(loading.load_model, "load_adapter will be removed"))
    monkeypatch.setattr(TorchEncoder, "forward", warning(TorchEncoder.forward, "return_dict will be removed\nin 6.0"))
    result = run(project, *FEW, model=native_checkpoint)
    result.assert_outcomes(passed=len(TASKS), deselected=result.parseoutcomes()["deselected"])
    notes = [line for line in result.outlines if " warns: " in line]
    assert notes == [
        "note      a library warns: load_adapter will be removed",
        "note      a library warns: return_dict will be removed",
    ]


def test_behaviours_fail_for_a_random_model_each_with_its_figure_and_texts(project, native_checkpoint):
    result = run(project, "evals/test_behavior.py", "evals/test_jina_v3.py", model=native_checkpoint)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = section(result, "FAILURES")
    assert "Traceback" not in text and "Error" not in text and ".py:" not in text
    blocks = re.findall(r"^_+ (test_\w+)\[.*\] _+\n(.*(?:\n  .*)*)", text, flags=re.MULTILINE)
    assert {name for name, _ in blocks} >= {
        "test_translation_is_nearer_than_any_other_meaning",
        "test_same_meaning_is_more_similar_than_unrelated_texts",
        "test_paraphrase_in_another_language_is_more_similar_than_unrelated_texts",
        "test_separation_and_classification_lift_same_meaning",
        "test_question_finds_its_passage_in_every_language",
    }
    shown = next(message for name, message in blocks if "translation" in name).splitlines()[1:]
    assert len(shown) == 3 and all(re.fullmatch(r'  [-+][\d.]+  "[^"]+": .*', line) for line in shown)
    claim = r"([\w.-]+ on )?cpu: .+: measured -?[\d.e-]+, needs >=? [\d.e-]+ \(off by [\d.e-]+\)"
    for name, message in blocks:
        said, *worst = message.splitlines()
        assert re.fullmatch(claim, said) or said.startswith("  ")
        assert len([line for line in worst if re.search(r'".+".*".+"', line)]) >= 3, name
    assert len(lines(result, "FAILED ")) == len(blocks)


def test_behaviours_that_need_other_tasks_are_skipped_with_the_reason(project, native_checkpoint):
    result = run(
        project, "evals/test_behavior.py", "--tasks=separation", "-k", "retrieval_tasks", model=native_checkpoint
    )
    assert result.ret == pytest.ExitCode.OK
    missing = "query, document"
    result.stdout.fnmatch_lines(
        [
            f"skipped   1: not applicable: no task serves the role {missing}; a task map can say "
            'query = "separation" and document = "separation" under [[]roles]'
        ]
    )


# --- tables -----------------------------------------------------------------------------------------------------


def test_recorded_run_passes_when_repeated_and_fails_when_the_model_moved(project, own_checkpoint, monkeypatch):
    monkeypatch.setattr(recording, "DTYPES", ("float32",))
    change_json(own_checkpoint / "tokenizer_config.json", model_max_length=16)  # sooner recorded
    assert run(project, *TABLES, model=own_checkpoint).ret == pytest.ExitCode.TESTS_FAILED
    assert run(project, *TABLES, "--snapshot-update", model=own_checkpoint).ret == pytest.ExitCode.OK
    stored = project.path / "snapshots" / "own"
    assert {path.stem for path in (stored / "similarity").iterdir()} == set(TASKS)
    assert (stored / "task-differences.txt").is_file()
    again = run(project, *TABLES, model=own_checkpoint)
    assert again.ret == pytest.ExitCode.OK
    again.stdout.fnmatch_lines(["compared  6 tables on cpu with snapshots/own: 6 within tolerance; *"])

    def nudge(tensors):
        for name in [name for name in tensors if "lora_B" in name]:
            tensors[name] *= 1.5

    change_tensors(own_checkpoint / "separation" / "adapter_model.safetensors", nudge)
    moved = run(project, *TABLES, model=own_checkpoint)
    moved.stdout.fnmatch_lines(["compared  6 tables on cpu with snapshots/own: * 2 moved*"])
    assert failed(moved) == [
        "test_similarity_matrix_is_that_of_the_baseline[cpu-separation]",
        "test_task_differences_are_those_of_the_baseline[cpu]",
    ]
    assert '"Follow the white rabbit."' in section(moved, "FAILURES")


def test_drift_is_told_with_its_texts_and_how_to_accept_it(project, own_checkpoint, monkeypatch):
    monkeypatch.setattr(recording, "DTYPES", ("float32",))
    drift = ["evals/test_drift.py", "-k", "embeddings"]
    command = f"pytest evals/test_drift.py --model={own_checkpoint} --device=cpu --snapshot-update"
    first = run(project, *drift, model=own_checkpoint)
    first.assert_outcomes(failed=1, skipped=len(TASKS) - 1, deselected=2)
    assert section(first, "FAILURES").count(f"Record one with: {command}") == 1

    recorded = run(project, *drift, "--snapshot-update", model=own_checkpoint)
    recorded.assert_outcomes(passed=len(TASKS), deselected=2)
    steps = [line.split(": ")[1] for line in lines(recorded, "recording snapshots/own: ")]
    assert steps == [*TASKS, "float32", "quality"]
    assert run(project, *drift, model=own_checkpoint).ret == pytest.ExitCode.OK

    def nudge(tensors):
        for name in [name for name in tensors if "lora_B" in name]:
            tensors[name] *= 1.5

    change_tensors(own_checkpoint / "separation" / "adapter_model.safetensors", nudge)
    moved = run(project, *drift, model=own_checkpoint)
    moved.assert_outcomes(passed=len(TASKS) - 1, failed=1, deselected=1 + len(Role))
    text = section(moved, "FAILURES")
    assert "separation on cpu: drift: drifted in float32, against snapshots/own" in text and "vector max" in text
    assert f"If the change is wanted: {command}" in text
    assert ".py:" not in text and "Traceback" not in text


def test_stored_file_that_belongs_to_nothing_is_found(project, native_checkpoint):
    stray = project.path / "snapshots" / native_checkpoint.name / "similarity" / "clustering.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("theirs")
    result = run(project, "evals/test_similarity.py", "-k", "belongs", model=native_checkpoint)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*that no eval reads (delete them): found ?'similarity/clustering.txt'?, needs ??"])


def test_tables_over_all_tasks_are_skipped_when_tasks_leave_some_out(project, own_checkpoint, monkeypatch):
    monkeypatch.setattr(recording, "DTYPES", ("float32",))
    change_json(own_checkpoint / "tokenizer_config.json", model_max_length=16)
    assert run(project, *TABLES, "--snapshot-update", model=own_checkpoint).ret == pytest.ExitCode.OK
    result = run(project, *TABLES, "--tasks=separation", model=own_checkpoint)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["skipped   2: needs all of the model's tasks; --tasks leaves some out"])
    result.stdout.fnmatch_lines(["compared  1 tables on cpu with snapshots/own: 1 within tolerance; *"])


def test_show_matrices_prints_each_matrix_each_difference_and_a_line_on_each_task(project, native_checkpoint):
    result = run(project, "evals/test_similarity.py", "-k", "differences", "--show-matrices", model=native_checkpoint)
    text = section(result, "similarity on cpu")
    labels = list(corpus.shown_sentences())
    header, row = r"\s+" + r"\s+".join(labels), r"\w+(?:\s+-?\d\.\d{3}){7}\n"
    assert re.findall(rf"^([\w.-]+)\n{header}\n(?:{row}){{7}}", text, flags=re.MULTILINE) == list(TASKS)
    assert len(re.findall(r"^[\w.-]+ vs [\w.-]+: \d\.\d{3}$", text, flags=re.MULTILINE)) == 10
    told = re.findall(r"^([\w.-]+): same meaning -?\d\.\d{3}, unrelated .*closest \w+-\w+ .*", text, flags=re.MULTILINE)
    assert told == list(TASKS)
    assert "English: Follow the white rabbit." in text


def test_matrices_are_not_printed_unless_asked_for(project, native_checkpoint):
    result = run(project, "evals/test_similarity.py", "-k", "differences", model=native_checkpoint)
    assert "mean absolute difference between tasks" not in result.stdout.str()


# --- throughput -------------------------------------------------------------------------------------------------


def test_throughput_is_a_table_over_tasks_and_lengths(project, native_checkpoint):
    options = ["--tasks=separation", "--benchmark-tokens=200", "--benchmark-max-time=0.001", "--benchmark-min-rounds=1"]
    result = run(project, "evals/test_throughput.py", *options, "--benchmark-json=speed.json", model=native_checkpoint)
    assert result.ret == pytest.ExitCode.OK
    rows = [line.split() for line in section(result, "throughput").strip().splitlines()]
    assert rows[0] == ["device", "task", "regime", "texts", "tokens", "tokens/s", "sentences/s", "spread", "rounds"]
    assert [row[:3] for row in rows[1:]] == [["cpu", "separation", regime] for regime in REGIMES]
    record = json.loads((project.path / "speed.json").read_text())
    assert record["machine_info"]["evals"]["dtype"] == "float32"
    for entry in record["benchmarks"]:
        extra, median = entry["extra_info"], entry["stats"]["median"]
        assert extra["tokens_per_second"] == pytest.approx(extra["tokens"] / median)
        assert extra["sentences_per_second"] == pytest.approx(extra["texts"] / median)


def test_throughput_says_when_it_is_not_measured(project, native_checkpoint):
    options = ["--tasks=separation", "--benchmark-tokens=50", "--benchmark-disable"]
    result = run(project, "evals/test_throughput.py", *options, model=native_checkpoint)
    assert result.ret == pytest.ExitCode.OK
    notes = [line for line in result.outlines if "throughput was not measured" in line]
    assert notes == [
        "note      throughput was not measured: benchmarks are disabled (--benchmark-disable, or pytest-xdist's -n)"
    ]


# --- one load, each text once -----------------------------------------------------------------------------------


def test_one_load_and_one_encoding_of_each_text_serve_all_evals(project, native_checkpoint, monkeypatch):
    loads, asked = [], []
    load, encode = loading.load_model, TorchEncoder.encode
    monkeypatch.setattr(loading, "load_model", lambda *given, **options: (loads.append(1), load(*given, **options))[1])

    def counted(self, texts, task, **options):
        asked.extend((task, text) for text in texts)
        return encode(self, texts, task, **options)

    monkeypatch.setattr(TorchEncoder, "encode", counted)
    evals = ["evals/test_similarity.py", "evals/test_behavior.py"]
    result = run(project, *evals, TWO, "--show-matrices", "-k", "similarity or meaning", model=native_checkpoint)
    assert len(loads) == 1 and len(asked) == len(set(asked)) > 500
    result.stdout.fnmatch_lines([f"encoded   {len(asked):,} distinct texts and tasks on cpu, each once"])


def test_parallel_workers_load_one_model_and_report_as_one(project, tmp_path):
    folder = write_native_checkpoint(tmp_path / "tiny", prefixes={"separation": ""}, tasks=["separation"])
    change_json(folder / "tokenizer_config.json", model_max_length=16)
    options = ["-n2", "--dist=loadgroup", "--benchmark-tokens=50", "--snapshot-update"]
    chosen = "unit_norm or similarity_matrix or (throughput and short)"
    result = run_apart("evals", *options, "-k", chosen, model=folder)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(
        [
            f"loaded    {folder} on cpu (*): once",
            "encoded   1,312 distinct texts and tasks on cpu, each once",
            "compared  1 tables on cpu with snapshots/tiny: 1 recorded*",
            "note      recorded anchors in snapshots/tiny, with bounds from a new null set",
            "note      throughput was not measured: *",
        ]
    )
    assert (project.path / "snapshots" / "tiny" / "similarity" / "separation.txt").is_file()


# --- what ends a run --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [[], ["-n1", "--dist=loadgroup"]], ids=["serial", "parallel"])
def test_model_that_does_not_load_ends_the_run_in_one_line(project, own_checkpoint, workers):
    change_tensors(own_checkpoint / "model.safetensors", lambda tensors: tensors.pop("emb_ln.weight"))
    assert "don't fit JinaEmbeddingsV3Model: 1 missing" in refusal(run(project, *FEW, *workers, model=own_checkpoint))
    assert not (project.path / "snapshots").exists()


@pytest.mark.parametrize("options", [[], ["--snapshot-update"]])
def test_run_of_something_else_needs_no_model(project, native_checkpoint, options):
    project.makepyfile(test_other="def test_passes(): pass")
    result = run(project, "test_other.py", *options, model=native_checkpoint)
    assert result.ret == pytest.ExitCode.OK
    assert "loaded " not in result.stdout.str()
