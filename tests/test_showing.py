"""Texts and figures that differ are shown so that the difference can be read."""

import pytest

from fixtures.showing import shortened_apart, shown_change, shown_multiple

LONG = "The same beginning of a text that goes on for a while after it"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (0.2579, 0.5371, "0.2579 -> 0.5371 (+0.2792)"),
        (0.16291, 0.16288, "0.16291 -> 0.16288 (-0.00003)"),
        (0.5, 0.5 - 2e-7, "0.5000000 -> 0.4999998 (-0.0000002)"),
        (0.1234, 0.1235, "0.1234 -> 0.1235 (+0.0001)"),
        (0.5, 0.5, "0.5000 -> 0.5000 (+0.0000)"),
    ],
)
def test_figures_that_differ_are_shown_with_the_decimals_that_tell_them_apart(before, after, shown):
    assert shown_change(before, after) == shown


@pytest.mark.parametrize(("share", "shown"), [(1.001, "1.001x"), (9.081, "9.081x"), (13.2, "13x"), (1234.5, "1,234x")])
def test_bounds_that_were_passed_are_all_told_in_times(share, shown):
    assert shown_multiple(share) == shown


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["a text", "another", "a text"], ['"a text"', '"another"', '"a text"']),
        ([LONG + "." * 5, LONG + "." * 9], ['"The same begin…" (67 characters)', '"The same begin…" (71 characters)']),
        (["e\u0301", "\u00e9"], ['"e\u0301" (2 characters)', '"\u00e9" (1 character)']),
        (
            [LONG + " now", LONG + " new"],
            ['"The same begin…" ("ow" at character 65)', '"The same begin…" ("ew" at character 65)'],
        ),
    ],
    ids=["different", "lengths", "normal forms", "one length"],
)
def test_texts_that_begin_alike_are_told_apart(texts, shown):
    assert shortened_apart(texts, 15) == shown
