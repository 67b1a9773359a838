"""The text of a stored table: it reads well, reads back, and text that isn't a table is refused."""

import re

import numpy as np
import pandas as pd
import pytest

from fixtures.baselines.tables import DamagedTable, TableKind, read_table, write_table
from fixtures.showing import shorten
from tests.table_runs import LABELS, matrix


def test_table_is_text_that_reads_well():
    table = pd.DataFrame([[1, 0.25], [0.25, 1]], index=["one", "two"], columns=["one", "two"])
    kind = TableKind(title="table of ones", entries="numbers", subject="")
    expected = """\
table of ones
numbers

            one         two
one 1.000000000 0.250000000
two 0.250000000 1.000000000
"""
    assert write_table(kind, table) == expected


@pytest.mark.parametrize("seed", range(5))
def test_written_table_reads_back_to_half_a_unit_of_its_last_digit(seed):
    table = pd.DataFrame(matrix(seed) - 0.5, index=LABELS, columns=LABELS)
    kind = TableKind(title="title", entries="numbers", subject="")
    back = read_table(write_table(kind, table))
    assert list(back.index) == list(back.columns) == list(LABELS)
    assert np.abs(back - table).to_numpy().max() <= 5.01e-10
    assert write_table(kind, back) == write_table(kind, table)


@pytest.mark.parametrize("size", [7, 60])
def test_wide_table_stays_on_one_line_per_row(size):
    labels = [f"label-{at}" for at in range(size)]
    text = write_table(TableKind("title", "numbers", ""), pd.DataFrame(matrix(size=size), labels, labels))
    assert len(text.splitlines()) == 4 + size
    assert read_table(text).shape == (size, size)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no table below its title"),
        ("title\nentries\n", "no table below its title"),
        ("title\nentries\n\n  a b\n", "no table below its title"),
        ("title\n\n  a b\na 1 2\n", "its rows and columns don't have the same labels"),
        ("title\n\n  a b\nb 1 2\na 2 1\n", "its rows and columns don't have the same labels"),
        ("title\n\n  a b\na 1 2\nb 2\n", "its rows and columns don't have the same labels"),
        ("title\n\n  a b\na 1 2\nb 2 x\n", "could not convert string to float: 'x'"),
        ("title\n\n  a b\na 1 2\nb 2 nan\n", "it holds values that are not finite"),
        ("title\n\n  a b\na 1 -inf\nb 2 1\n", "it holds values that are not finite"),
        ("title\n\n  a b\na 1 2\n<<<<<<< HEAD\nb 2 1\n", "it holds an unresolved merge conflict"),
    ],
)
def test_text_that_is_no_table_is_told_apart(text, problem):
    with pytest.raises(DamagedTable, match=re.escape(problem)):
        read_table(text)


def test_shortened_text_is_one_line_and_says_that_it_goes_on():
    assert shorten("a\n b\tc") == "a b c"
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"
