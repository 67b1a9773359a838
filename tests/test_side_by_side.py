"""Records side by side, on made-up ones: ratios by hand, and why two of them can't be compared."""

import json
from pathlib import Path

import pytest

from fixtures.run import compare_command
from fixtures.speed.record import save
from fixtures.speed.side_by_side import UNKNOWN, Named, lines, markdown, table, why_not_comparable
from tests.records import made_up, regime


def beside(*records):
    """The records, as the files 1.json, 2.json and so on have them."""
    return [Named(f"{number}.json", one) for number, one in enumerate(records, start=1)]


# --- figures ------------------------------------------------------------------------------------------------------


def test_ratios_are_to_the_first_record():
    found = table(beside(made_up(speed=40.0), made_up(speed=60.0), made_up(speed=10.0)))
    assert found.loc["short: to the first"].tolist() == ["1.00x", "1.50x", "0.25x"]
    assert found.loc["short: tokens/s"].tolist() == ["4,000 ±1.0%", "6,000 ±1.0%", "1,000 ±1.0%"]


def test_figures_stand_in_the_units_of_their_rows():
    shown = regime(50.0, gemm_share=0.654)
    found = table(beside(made_up(regimes={"short": shown})))["1"]
    assert found.to_dict() == {
        "machine": "A Processor, 2 cores",
        "device": "cpu",
        "model": "tiny",
        "runtime": "jina-v3",
        "dtype": "float32",
        "short: tokens/s": "5,000 ±1.0%",
        "short: to the first": "1.00x",
        "short: of GEMM": "0.65",
        "batch at the peak": "1,024",
        "latency, ms": "10",
        "latency 95%, ms": "20",
        "load, s": "1.5",
        "first call, s": "0.1",
        "memory, MiB": "1,024",
        "GEMM, GFLOP/s": "100",
        "GEMM changed": "+0.0%",
        "drift": "identical: 0 of a bound",
    }


def test_a_card_is_the_machine_and_regimes_stand_in_their_order():
    regimes = {name: regime(1.0) for name in ("8k", "mixed", "short")}
    card = {"card": {"name": "NVIDIA Made Up", "memory_bytes": 1, "driver": "1"}}
    found = table(beside(made_up(machine=card, regimes=regimes), made_up()))
    assert found.loc["machine"].tolist() == ["NVIDIA Made Up", "A Processor, 2 cores"]
    of_tokens = [name for name in found.index if name.endswith("tokens/s")]
    assert of_tokens == ["short: tokens/s", "mixed: tokens/s", "8k: tokens/s"]
    assert found.loc["8k: tokens/s"].tolist() == ["100 ±1.0%", UNKNOWN]


def test_where_one_system_gives_no_tokens_all_have_texts_a_second():
    without = made_up(speed=20.0, regimes={"short": regime(20.0, tokens=None, tokens_per_second=None)})
    found = table(beside(made_up(speed=40.0), without))
    assert found.loc["short: texts/s"].tolist() == ["40.0 ±1.0%", "20.0 ±1.0%"]
    assert found.loc["short: tokens/s"].tolist() == ["4,000 ±1.0%", UNKNOWN]
    assert found.loc["short: to the first"].tolist() == ["1.00x", "0.50x"]


def test_other_texts_have_no_ratio():
    other = made_up(regimes={"short": regime(80.0, texts_sha256="f" * 64)})
    assert table(beside(made_up(), other)).loc["short: to the first"].tolist() == ["1.00x", UNKNOWN]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ({"a": ("identical", 0.0), "b": ("within tolerance", 0.4)}, "within tolerance: 0.4 of a bound"),
        ({"a": ("drifted", 12.0), "b": ("within tolerance", 0.4)}, "drifted: 12 of a bound"),
        ({"a": ("drifted", 12.0), "b": ("not comparable", None)}, "not comparable"),
    ],
)
def test_the_worst_task_is_the_drift_that_is_shown(tasks, expected):
    verdicts = {task: {"outcome": outcome, "share": share} for task, (outcome, share) in tasks.items()}
    found = table(beside(made_up(drift={"against": "snapshots/tiny", "tasks": verdicts})))
    assert found.loc["drift", "1"] == expected


# --- comparable or not --------------------------------------------------------------------------------------------

HOT = {"start": ["power cap"], "end": ["power cap", "power brake"]}


def falling(to):
    return {"by": "torch", "start": {"float32": 100.0}, "end": {"float32": to}}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, []),
        ({"system": {"dtype": "bfloat16"}}, []),
        ({"machine": {"processor": "Another"}, "system": {"device": "cuda:0"}}, []),
        ({"gemm": falling(97.1)}, []),
        ({"gemm": falling(130.0)}, []),
        ({"gemm": falling(96.0)}, ["the GEMM rate fell by 4% during the run"]),
        ({"throttled": HOT}, ["the card was throttled (power cap, power brake)"]),
        ({"failed": "short: wrong"}, ["its run failed: short: wrong"]),
        (
            {"system": {"identity": "e" * 64}},
            ["other weights: bbbbbbbbbbbb -> eeeeeeeeeeee"],
        ),
        (
            {"system": {"identity": "e" * 64, "runtime": "onnx"}},
            [
                "other weights: bbbbbbbbbbbb -> eeeeeeeeeeee, in files of two runtimes, whose contents can't be told to"
                " be the same"
            ],
        ),
        ({"system": {"identity": None}}, ["the weights of one of them aren't known"]),
        ({"regimes": {"short": regime(1.0, texts_sha256="f" * 64)}}, ["another workload: short"]),
        ({"regimes": {"long": regime(1.0)}}, ["another workload: no regime in common"]),
        (
            {"regimes": {"short": regime(1.0, tokens=900)}},
            ["other tokens of the same texts: another tokenizer, prompt or maximum length"],
        ),
    ],
)
def test_a_record_is_comparable_with_the_first_or_says_why_not(other, expected):
    assert why_not_comparable(made_up(), made_up(**other)) == expected


def test_what_is_wrong_with_the_first_is_wrong_with_each_pair():
    first, other = made_up(throttled=HOT, gemm=falling(50.0), failed="latency: gone"), made_up()
    assert why_not_comparable(first, other) == [
        "1 failed: latency: gone",
        "of 1: the card was throttled (power cap, power brake)",
        "of 1: the GEMM rate fell by 50% during the run",
    ]
    assert lines(beside(first, other))[0] == (
        "1  1.json: not comparable: its run failed: latency: gone; the card was throttled (power cap, power brake); "
        "the GEMM rate fell by 50% during the run"
    )


def test_lines_say_what_is_not_known_once_for_all_records_that_lack_it():
    first = made_up(notes=["too few tokens"])
    assert lines(beside(first, made_up(speed=1.0, unknown={"tokens": "it gives none"}), made_up(speed=2.0))) == [
        "1  1.json: comparable",
        "2  2.json: comparable with 1",
        "3  3.json: comparable with 1",
        "1, 3  without throttle reasons: a processor isn't asked",
        "1  note: too few tokens",
        "2  without tokens: it gives none",
    ]


def test_a_record_and_a_machine_under_two_names_are_said():
    one, other = made_up(), made_up(machine={"cores": 4.0})
    assert lines(beside(one, one))[-1] == "2 is the same record as 1, under another name"
    assert lines(beside(one, other))[-1] == (
        "2 and 1 are of one machine, under two names: A Processor, 4 cores and A Processor, 2 cores"
    )
    apart = [beside(one, made_up(machine={"cores": 4.0, "host": host})) for host in (None, "e" * 12)]
    card = made_up(system={"device": "cuda:0"}, machine={"card": {"name": "A Card"}})  # another device of the machine
    for records in (*apart, beside(one, card)):
        assert not any("names" in line or "name" in line.split() for line in lines(records))


# --- printed ------------------------------------------------------------------------------------------------------


def test_markdown_has_a_line_for_each_row_and_no_bar_in_a_cell():
    found = markdown(table(beside(made_up(system={"model": "a|b"}))))
    assert found[:2] == ["|  | 1 |", "| --- | --- |"]
    assert "| model | a\\|b |" in found


@pytest.fixture
def machines(tmp_path, monkeypatch, capsys):
    """Give ``machines(argument, ...)``: exit code, lines of the output and of the errors."""
    monkeypatch.chdir(tmp_path)

    def ran(*arguments):
        code = compare_command.main(["machines", *arguments])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err.splitlines()

    return ran


def test_records_of_a_folder_and_single_ones_are_laid_side_by_side(machines):
    save(made_up(speed=40.0), Path("here"))
    there = save(made_up(speed=60.0), Path("there"))
    code, out, err = machines("here", str(there))
    assert (code, err) == (0, [])
    assert next(line.split() for line in out if line.startswith("short: to the")) == [
        "short:",
        "to",
        "the",
        "first",
        "1.00x",
        "1.50x",
    ]
    code, out, err = machines("here", str(there), "--markdown")
    assert (code, err) == (0, []) and "| short: to the first | 1.00x | 1.50x |" in out
    assert f"- 2  {there}: comparable with 1" in out


def test_what_cannot_be_read_is_a_line_each_and_the_others_are_shown(machines, tmp_path):
    good = save(made_up(), Path("records"))
    (tmp_path / "empty").mkdir()
    Path("records/bad.json").write_text("{")
    later = {**json.loads(good.read_text()), "version": 9}
    Path("records/later.json").write_text(json.dumps(later))
    Path("records/report.json").write_text('{"version": 2, "rows": []}')
    code, out, err = machines("records", "empty", "gone.json")
    assert code == 4 and f"1  {good}: comparable" in out
    assert err == [
        "ERROR: records/bad.json: unreadable (cut off, as its JSON has no end); record or copy it again",
        "ERROR: records/later.json: a record of version 9, and this suite reads up to 1; use a later suite",
        "ERROR: records/report.json: no record of speed; give files that --record wrote",
        "ERROR: empty: no record in this folder; make one with --record=empty",
        "ERROR: gone.json: unreadable (No such file or directory); record or copy it again",
    ]


def test_texts_of_a_record_reach_the_terminal_escaped(machines):
    bad = "\x1b[2Jgone"
    save(made_up(system={"model": bad}, notes=[bad], failed=bad, unknown={"a": bad}), Path("records"))
    code, out, _ = machines("records")
    assert code == 0 and "\x1b" not in "\n".join(out) and "\\x1b[2Jgone" in "\n".join(out)


def test_the_command_without_records_says_what_it_takes(machines):
    code, out, (line,) = machines()
    assert (code, out) == (4, [])
    assert (
        line
        == "ERROR: the following arguments are required: RECORD; python -m fixtures machines --help shows what it takes"
    )
