"""Texts in JSON that lost their end, or were never JSON."""

import json

import pytest

from fixtures.files.json_files import parse

WHOLE = json.dumps({"a": [1, -2.5e3, True, None], "b": {"c": '\u00e9 in text, "quoted"', "d": {}}}, indent=1)


def problem(text):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is what is looked at
        parse(text)
    return str(raised.value)


@pytest.mark.parametrize("size", range(1, len(WHOLE)))
def test_json_that_is_cut_anywhere_is_said_to_be_cut_off(size):
    assert problem(WHOLE[:size]) == "cut off, as its JSON has no end"


@pytest.mark.parametrize("text", ["{'a': 1}", '{"a": 1,}', '{"a": 1} and more', "<html>", "tru", '{"a"; 1}'])
def test_what_is_wrong_before_its_end_is_not_said_to_be_cut_off(text):
    assert "cut off" not in problem(text)


@pytest.mark.parametrize("text", ["", " \n", b"\xef\xbb\xbf"])
def test_json_without_any_content_is_empty(text):
    assert problem(text) == "empty"
