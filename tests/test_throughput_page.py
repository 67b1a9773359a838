"""The page on throughput shows what the command prints of the records beside it."""

import re

import pytest

from fixtures.run import compare_command
from fixtures.speed.record import load
from tests.places import ROOT

PAGE = (ROOT / "docs" / "throughput.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- machines: (\S+) -->\n(.*?)<!-- its end -->", PAGE, flags=re.DOTALL))


def records_of(model):
    return sorted((ROOT / "docs" / "records").glob(f"*-{model}-*.json"))


def test_two_records_each_of_two_models_lie_beside_the_page():
    assert list(BLOCKS) == ["mini", "all-MiniLM"]
    found = {model: [load(path) for path in records_of(model)] for model in BLOCKS}
    assert {record.dtype for record in found["mini"]} == {"float32", "bfloat16"}
    assert {record.system["runtime"] for record in found["all-MiniLM"]} == {"sentence-transformers", "onnx"}
    assert len(list((ROOT / "docs" / "records").iterdir())) == sum(map(len, found.values())) == 4


@pytest.mark.parametrize("model", BLOCKS)
def test_a_table_of_the_page_is_what_the_command_prints(model, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    files = [path.relative_to(ROOT).as_posix() for path in records_of(model)]
    assert compare_command.main(["machines", *files, "--markdown"]) == 0
    assert BLOCKS[model].strip() == capsys.readouterr().out.strip()


def test_records_beside_the_page_name_no_folder_of_a_machine():
    for path in (ROOT / "docs" / "records").iterdir():
        assert not re.search(r'"/|/(tmp|home|root|work)/', path.read_text(encoding="utf-8"))
