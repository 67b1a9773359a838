"""Libraries that import, and can't load adapters together: one line, and exit code 4."""

import shlex
import sys
import tomllib

import peft
import pytest
import transformers
from transformers import AutoModel, AutoTokenizer, JinaEmbeddingsV3Model, dependency_versions_table

from tests.places import ROOT
from tests.runs import printed, refusal, run

INSTALLED = f"installed: transformers {transformers.__version__}, peft {peft.__version__}"
ASKED = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["evals"]
RANGES = "what runs together: pip install " + shlex.join(
    line for line in ASKED if line.startswith(("peft", "transformers"))
)
NOT_COMPATIBLE = "The version of PEFT you are using is not compatible, please use a version >= 99"


def raising(error):
    def fail(*given, **options):
        raise error

    return fail


def said(project, model, *options):
    """The one line that a run of two claims ends with."""
    chosen = ["evals/test_contract.py", "-k", "unit_norm", "--tasks=separation,classification"]
    return refusal(run(project, *chosen, *options, model=model))


def test_peft_that_transformers_does_not_load_adapters_with_is_told_before_the_first_eval(
    project, native_checkpoint, monkeypatch
):
    monkeypatch.setitem(dependency_versions_table.deps, "peft", "peft>=99")
    wanted = f"transformers {transformers.__version__} loads adapters with peft>=99"
    assert said(project, native_checkpoint) == f"{wanted}; {INSTALLED}; {RANGES}"
    assert said(project, native_checkpoint, "-n1", "--dist=loadgroup").startswith(f"{wanted}; ")


@pytest.mark.parametrize("step", ["load_adapter", "set_adapter", "enable_adapters", "disable_adapters"])
def test_adapters_that_cannot_be_loaded_or_selected_end_the_run(project, native_checkpoint, monkeypatch, step):
    monkeypatch.setattr(JinaEmbeddingsV3Model, step, raising(ValueError(NOT_COMPATIBLE)))
    done = "loaded" if step == "load_adapter" else "selected"
    assert f"can't be {done}: {NOT_COMPATIBLE}; {INSTALLED}; {RANGES}" in said(project, native_checkpoint)


@pytest.mark.parametrize(
    ("owner", "name"),
    [(AutoModel, "from_pretrained"), (AutoTokenizer, "from_pretrained"), (peft, "LoraConfig")],
)
def test_import_that_fails_while_loading_is_told_with_the_versions(
    project, native_checkpoint, monkeypatch, owner, name
):
    monkeypatch.setattr(owner, name, raising(ImportError("cannot import name 'x' from 'peft'")))
    line = said(project, native_checkpoint)
    assert f"can't be loaded: cannot import name 'x' from 'peft'; {INSTALLED}; {RANGES}" in line


@pytest.mark.parametrize("library", ["transformers", "torch"])
def test_library_that_cannot_be_imported_is_told_with_the_versions(project, native_checkpoint, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    line = said(project, native_checkpoint)
    assert f"a library can't be imported: import of {library}" in line and f"; {INSTALLED}; {RANGES}" in line


def test_fault_of_a_checkpoint_is_not_blamed_on_versions_that_run_together(project, own_checkpoint):
    (own_checkpoint / "tokenizer.json").write_text("{}")
    result = run(project, "evals/test_contract.py", model=own_checkpoint)
    assert "its tokenizer can't be loaded: " in refusal(result) and "pip install" not in printed(result)
