"""Stored baselines that are damaged, and what an interrupted recording left in one. Lines call its folder STORED."""

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.field.making_bad_inputs import (
    CONFLICT,
    DEEP,
    LARGER,
    LFS_POINTER,
    BadInput,
    Change,
    Make,
    both,
    conflicted,
    content,
    cut_off,
    cut_rows,
    directory,
    huge,
    ledger,
    link,
    lost,
    marked,
    no_columns,
    pipe,
    retyped,
    rewritten,
    sealed,
    spoilt,
    utf_16,
)
from tests.table_runs import reseal_tables

_IS_POINTER = "is a Git LFS pointer, the file itself wasn't fetched; run git lfs pull"
WHOLE, JUDGED, COMPARED, TABLE = "whole", "judged", "compared", "table"
LEFT, RECORDED = "left", "recorded_over"
"""How damage is asked about: a run of the eval that reads all of the bundled model's baseline; the gate, or the evals
that compare tables, are asked about a recorded one; a small eval compares one table, which the manifest lists as it
lies there; a run compares, or one records, where an interrupted recording left files, which are what is damaged."""


_MANIFEST, _TOKENS, _TOLERANCE, _LEDGER = "manifest.json", "tokens.json", "tolerance.json", "ledger.jsonl"
_QUALITY = "quality.json"
_ANCHORS, _SIGNATURES, _TABLE = "anchors.safetensors", "signatures.safetensors", "similarity/separation.txt"
_TEXTS, _DATA = (_MANIFEST, _TABLE, _TOKENS, _LEDGER, _TOLERANCE, _QUALITY), (_ANCHORS, _SIGNATURES)
_PARTS = (_ANCHORS, _LEDGER, _SIGNATURES, _TOKENS, _TOLERANCE, _QUALITY, _TABLE)
_TYPES = ("complex64", "float64", "int32", "bool")
_CLS = "separation|CLS pooling"
_ANEW = ", or record it anew with --snapshot-update"
_RESTORE = f"; restore the folder from version control{_ANEW}"
_POINTER_STORED = f"{_IS_POINTER}{_ANEW}"
_CONFLICT_STORED = (
    "holds an unresolved merge conflict; take the whole folder from one side (git restore -SW --source=HEAD STORED; "
    f"the other side is MERGE_HEAD){_ANEW}"
)
_ROWS = "separation of shape {}, needs finite embeddings of shape (93, 256)"
_CANT_HAVE = "holds values that a movement, or its size, can't have"
_MARKED = "begins with a byte order mark, which an editor added"
_UTF_16 = "is in UTF-16, as an editor saved it"
_OTHER = "not the content that manifest.json lists (changed by hand, or half restored)"
_BY_HAND = " (changed by hand?)"


def holding(written: bytes | Any) -> Callable[[str], Make]:
    return lambda name: content(name, written)


def sealing(change: Callable[[Any], Any]) -> Callable[[str], Make]:
    return lambda name: sealed(name, change)


def without(name: str) -> Change:
    """Tensors, or entries, without this one."""

    def change(stored: dict[str, Any]) -> None:
        del stored[name]

    return change


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[str], Make]:
    """A manifest that was changed by hand."""

    def by_hand(written: bytes) -> bytes:
        manifest = json.loads(written)
        change(manifest)
        return json.dumps(manifest).encode()

    return lambda name: rewritten(name, by_hand)


def in_quality(measure: str, entry: Any, part: str = "items") -> Callable[[dict[str, Any]], None]:
    """What a model achieved, with another entry for an item in English."""

    def change(stored: dict[str, Any]) -> None:
        stored["measures"][measure][part]["en"]["bees-01"] = entry

    return change


def without_anchors(manifest: dict[str, Any]) -> None:
    del manifest["anchors"], manifest["files"][_ANCHORS]


# A row is a line, or a line and what goes on below it.
# fmt: off
READ = [
    BadInput(f"{file}: {tried}", f"STORED/{file}: {problem}{_RESTORE}", make(file), asked=WHOLE)
    for file, tried, problem, make in [
        (_MANIFEST, "a pipe", "a pipe or a device where a file belongs", pipe),
        (_TOLERANCE, "a pipe", "a pipe or a device where a file belongs", pipe),
        (_TOKENS, "a folder", "a folder where a file belongs", directory),
        (_ANCHORS, "a link to itself", "Too many levels of symbolic links", link),
        *((file, "10 TiB", f"{LARGER} 67,108,864 are read", huge) for file in _TEXTS),
        *((file, "10 TiB", f"{LARGER} 1,073,741,824 are read", huge) for file in _DATA),
        # Texts.
        (_MANIFEST, "empty", "empty", holding(b"")),
        (_MANIFEST, "without its last bracket", "cut off, as its JSON has no end", lambda name: cut_off(name, 2)),
        (_MANIFEST, "its first half", "cut off, as its JSON has no end", lambda name: cut_off(name, 1500)),
        (_MANIFEST, "100,000 lists in each other", "nested too deeply", holding(DEEP)),
        (_LEDGER, "100,000 lists in each other", "nested too deeply", lambda name: ledger(DEEP.decode())),
        (_MANIFEST, "in UTF-16", _UTF_16, utf_16),
        (_TOKENS, "in UTF-16", _UTF_16, utf_16),
        *((file, "with a byte order mark", _MARKED, marked) for file in (_TOKENS, _TABLE, _LEDGER)),
        # What they say.
        (_MANIFEST, "hashes that are numbers", "format 2, needs 1 or 2 and a list of files",
            sealing(lambda manifest: manifest["files"].update({_TOKENS: 5}))),
        (_MANIFEST, "a dimension that is true", f"lacks spec.dimension{_BY_HAND}",
            sealing(lambda manifest: manifest["spec"].update(dimension=True))),
        (_MANIFEST, "prompts that are numbers", f"lacks the prompts of spec.tasks{_BY_HAND}",
            sealing(lambda manifest: manifest["spec"]["tasks"]["separation"].update(prompt=5))),
        (_MANIFEST, "a rounding that is a text", "rounding is 'x', needs a number of at least 0",
            sealing(lambda manifest: manifest.update(rounding="x"))),
        (_TOKENS, "a number in place of token ids", "question is 5, needs a list of token ids",
            sealing(lambda tokens: tokens.update(question=5))),
        (_TOKENS, "a list", "not a JSON object", sealing(lambda tokens: [5])),
        (_TOLERANCE, "a number of runs that is true",
            "its entry for float32 can't be read (needs bounds, largest_seen and the number of runs)",
            sealing(lambda tolerance: tolerance["float32"].update(runs=True))),
        (_TOLERANCE, "a bound that is a text, in another dtype",
            "its entry for float16 can't be read (bounds of matrix max is 'x', needs a number of at least 0)",
            sealing(lambda tolerance: tolerance["float16"]["bounds"].update({"matrix max": "x"}))),
        (_QUALITY, "a list", "not a JSON object", sealing(lambda quality: [5])),
        (_QUALITY, "no digests of texts", "needs texts, quantiles and measures", sealing(without("texts"))),
        (_QUALITY, "a measure that is a list", "needs texts, quantiles and measures",
            sealing(lambda quality: quality["measures"].update(retrieval=[]))),
        (_QUALITY, "no true pairs", "retrieval needs items, true_pairs, unrelated",
            sealing(lambda quality: quality["measures"]["retrieval"].pop("true_pairs") and None)),
        (_QUALITY, "a language without a digest", "retrieval is of ar, a language that its texts don't name",
            sealing(lambda quality: quality["texts"].pop("ar") and None)),
        (_QUALITY, "a language that is a number", "clustering, en: is 5, needs items by their names",
            sealing(lambda quality: quality["measures"]["clustering"]["items"].update(en=5))),
        *(
            (_QUALITY, f"a value of {json.dumps(value)}",
                f"retrieval, en: bees-01 has the value {json.dumps(value)}, needs a number from 0 to 1",
                sealing(in_quality("retrieval", [value, "bees-01-passage-en", 0.5])))
            for value in (1.5, -0.5, float("nan"), True, "1", None)
        ),
        *(
            (_QUALITY, f"an item that is {json.dumps(entry)}",
                f"retrieval, en: bees-01 is {json.dumps(entry)}, needs a value, what was found, and its similarity",
                sealing(in_quality("retrieval", entry)))
            for entry in (1.0, [], [1.0, "bees-01-passage-en"], [1.0, 5, 0.5], [1.0, "x", "near"], [1.0, "x", math.inf])
        ),
        (_QUALITY, "a true pair that is a text", 'similarity, en: true pair of bees-01 is "x", needs a number',
            sealing(in_quality("similarity", "x", "true_pairs"))),
        (_QUALITY, "a quantile less", "retrieval, en: unrelated needs 104 similarities",
            sealing(lambda quality: quality["measures"]["retrieval"]["unrelated"]["en"].pop() and None)),
        (_LEDGER, "lines that are no objects", "needs a JSON object in each line", lambda name: ledger("5\n5\n")),
        # Embeddings.
        (_ANCHORS, "a row less under a task", _ROWS.format("(92, 256)"), sealing(cut_rows)),
        (_ANCHORS, "NaN", _ROWS.format("(93, 256)"), sealing(spoilt("separation", np.nan, (0, 0)))),
        (_ANCHORS, "a task less than in the manifest", "holds no embeddings of separation",
            sealing(without("separation"))),
        (_ANCHORS, "no components", "… of shape (…, 0), needs finite embeddings of shape (…, n)", sealing(no_columns)),
        *(
            (_ANCHORS, kind, f"separation is {kind}, needs float32", sealing(retyped("separation", kind)))
            for kind in _TYPES
        ),
        *((_SIGNATURES, kind, f"{_CLS} is {kind}, needs float16", sealing(retyped(_CLS, kind))) for kind in _TYPES),
        (_SIGNATURES, "a size that is complex64", f"{_CLS}|size is complex64, needs float64",
            sealing(retyped(f"{_CLS}|size", "complex64"))),
        (_SIGNATURES, "NaN", f"{_CLS} {_CANT_HAVE}", sealing(spoilt(_CLS, np.nan, ...))),
        (_SIGNATURES, "a size of 1e300", f"{_CLS}|size {_CANT_HAVE}", sealing(spoilt(f"{_CLS}|size", 1e300, ...))),
        (_SIGNATURES, "a movement without its size", f"{_CLS} of shape (12, 128), needs movements with their size",
            sealing(without(f"{_CLS}|size"))),
    ]
]

SHARED = [
    BadInput(f"{file}: {tried}", f"STORED/{file}: {said}", make(file), asked=asked)
    for asked, file, tried, said, make in [
        *((WHOLE, file, "both sides of a merge", _CONFLICT_STORED, conflicted) for file in _TEXTS),
        *(
            (WHOLE, file, "a pointer of Git LFS", _POINTER_STORED, holding(LFS_POINTER))
            for file in (_MANIFEST, _TABLE, _TOKENS, *_DATA)
        ),
        (COMPARED, _TABLE, "both sides of a merge, and nothing else", _CONFLICT_STORED, holding(CONFLICT)),
        (COMPARED, _TABLE, "a pointer of Git LFS, compared", _POINTER_STORED, holding(LFS_POINTER)),
    ]
]
"""What version control leaves in a file's place."""

LISTED = [
    BadInput(f"{file}: {tried}", f"STORED/{file}: {problem}{_RESTORE}", make(file), asked=JUDGED)
    for file in _PARTS
    for tried, problem, make in [
        ("missing", "No such file or directory", lost),
        ("truncated", _OTHER, lambda name: cut_off(name, 5)),
        ("one digit edited", _OTHER, lambda name: rewritten(name, lambda written: written.replace(b"1", b"2", 1))),
        ("emptied", _OTHER, holding(b"")),
    ]
] + [
    BadInput(f"{file}: {tried}, tables compared", f"STORED/{file}: {_OTHER}{_RESTORE}", make, asked=COMPARED)
    for file, tried, make in [
        (_ANCHORS, "its last value edited", rewritten(_ANCHORS, lambda written: written[:-4] + bytes(4))),
        (_LEDGER, "another date", content(_LEDGER, b'{"date": "2020-01-01"}\n')),
        (_TABLE, "another model's", rewritten(_TABLE, lambda written: written.replace(b"1.000000000", b"1.000000001"))),
    ]
]
"""Files that aren't those that the manifest lists."""

MANIFESTS = [
    BadInput(f"{_MANIFEST}: {tried}, judged", f"STORED/{_MANIFEST}: {said}", make(_MANIFEST), asked=JUDGED)
    for tried, said, make in [
        ("empty", f"empty{_RESTORE}", holding(b"")),
        ("a bracket", f"cut off, as its JSON has no end{_RESTORE}", holding(b"{")),
        ("a list", f"not a JSON object{_RESTORE}", holding(b"[]")),
        ("of format 99",
            "format 99, of a later version of the suite, this one reads up to 2; upgrade the suite, or name another …",
            holding(b'{"format": 99}')),
        ("no file of anchors", f"lacks {_ANCHORS}{_BY_HAND}{_RESTORE}",
            edited(lambda manifest: manifest["files"].pop(_ANCHORS))),
        ("no probes", f"lacks probes{_BY_HAND}{_RESTORE}", edited(without("probes"))),
        ("no tasks", f"lacks spec.tasks{_BY_HAND}{_RESTORE}",
            edited(lambda manifest: manifest["spec"].update(tasks=None))),
        ("other weights", f"not what was recorded (changed by hand, or half restored){_RESTORE}",
            edited(lambda manifest: manifest["spec"].update(identity="0" * 64))),
        ("no trace of anchors", f"lacks anchors, {_ANCHORS}{_BY_HAND}{_RESTORE}", edited(without_anchors)),
        ("anchors in another order", f"not what was recorded (changed by hand, or half restored){_RESTORE}",
            edited(lambda manifest: manifest.update(anchors=dict(reversed(manifest["anchors"].items()))))),
    ]
]

TABLES = [
    BadInput(f"{_TABLE}: {tried}", f"STORED/{_TABLE} is damaged: {problem}…",
        both(rewritten(_TABLE, change), reseal_tables), asked=TABLE)
    for tried, problem, change in [
        ("empty", "no table below its title", lambda written: b""),
        ("its title alone", "no table below its title", lambda written: written[:40]),
        ("zeros", "no table below its title", lambda written: b"\x00" * 500),
        ("cut off", "its rows and columns don't have the same labels", lambda written: written[:-30]),
        ("no text at its end", "", lambda written: written[:-40] + b"\xff\xfe\x00"),
        ("no text in a figure", "could not convert string to float: ",
            lambda written: written.replace(b"1.000000000", b"1.00\xff000000")),
        ("a letter in a figure", "could not convert string to float: ",
            lambda written: written.replace(b"0.", b"O.", 1)),
        ("figures of 1e300", "it holds values too large to be compared",
            lambda written: re.sub(rb"0\.\d+", b"1e300", written)),
    ]
]

_STAGED, _JOURNAL = ".update", ".update/journal.json"
_REMOVE = "; an interrupted recording left this, and no file was changed: remove STORED/.update and run again"
_NO_FILE = "a link or a folder where a file belongs"
_NO_FOLDER = "a link or a file where a folder belongs"
_NOT_WHOLE = f"{_STAGED}: what an interrupted recording left makes no whole baseline (STORED/…remove …"
_FIRST = f"{_STAGED}/0: the new {_ANCHORS}: "


def naming(name: str) -> Make:
    """A journal that names this in place of its last file."""
    return rewritten(_JOURNAL, lambda written: json.dumps([*json.loads(written)[:-1], name]).encode())


def moved_out(name: str) -> Make:
    """A file or folder moved outside, with a link to it in its place."""

    def make(folder: Path) -> None:
        outside = folder.parents[1] / Path(name).name
        shutil.move(folder / name, outside)
        (folder / name).symlink_to(outside)

    return make


def a_folder(name: str) -> Make:
    return both(lost(name), directory(name))


NAMES = {name: repr(name) for name in ("../../conftest.py", "../other/manifest.json", "/tmp/manifest.json", "", ".")}
NAMES |= {
    name: repr(name) for name in ("conftest.py", "known-failures.txt", _JOURNAL, "similarity/", "sub/tokens.json")
}
NAMES |= {name: repr(name) for name in ("similarity/../../../x.txt", "similarity/x.py")}
NAMES |= {"a\0b": r"'a\\x00b'", "x" * 5000: "'xxx…'"}
"""What is no part of a baseline, as a line names it."""

LEFTOVERS = [
    BadInput(f"left behind: a journal that names {name[:30]!r}" + ", to be recorded over" * (asked == RECORDED),
        f"STORED/{_JOURNAL}: {shown} is no file of a baseline{_REMOVE}", naming(name), asked=asked)
    for name, shown in NAMES.items()
    for asked in (LEFT, RECORDED)
] + [
    BadInput(f"left behind: {tried}", f"STORED/{said}", make, asked=LEFT)
    for tried, said, make in [
        *(
            (f"a journal of {written[:30]}", f"{_JOURNAL}: {said}{_REMOVE}", content(_JOURNAL, written))
            for written, said in {
                b"{": "not JSON (…)",
                b"": "not JSON (…)",
                b"\xff\xfe": "not JSON (…)",
                b"[" * 200_000: "not JSON (…)",
                b'{"tokens.json": 1}': "not a list of file names",
                b"[]": "not a list of file names",
                b"[1, null]": "not a list of file names",
                b'["tokens.json", "tokens.json"]': "names a file twice",
            }.items()
        ),
        ("a folder for the journal", f"{_JOURNAL}: {_NO_FILE}{_REMOVE}", a_folder(_JOURNAL)),
        ("a link for the journal", f"{_JOURNAL}: {_NO_FILE}{_REMOVE}", moved_out(_JOURNAL)),
        ("a journal of 10 TiB", f"{_JOURNAL}: {LARGER} 67,108,864 are read{_REMOVE}", huge(_JOURNAL)),
        ("a new file less", _NOT_WHOLE, lost(f"{_STAGED}/0")),
        ("a new file cut off", _NOT_WHOLE, cut_off(f"{_STAGED}/0", 5)),
        ("a journal of fewer names", _NOT_WHOLE, content(_JOURNAL, [_ANCHORS])),
        ("a folder for a new file", f"{_FIRST}{_NO_FILE}{_REMOVE}", a_folder(f"{_STAGED}/0")),
        ("a link for a new file", f"{_FIRST}{_NO_FILE}{_REMOVE}", moved_out(f"{_STAGED}/0")),
        ("a new file of 10 TiB", f"{_FIRST}{LARGER} 1,073,741,824 are read{_REMOVE}", huge(f"{_STAGED}/0")),
        ("a link for its folder", f"{_STAGED}: {_NO_FOLDER}{_REMOVE}", moved_out(_STAGED)),
        ("a file for its folder", f"{_STAGED}: {_NO_FOLDER}{_REMOVE}",
            both(lost(_STAGED), content(_STAGED, b"no folder"))),
        ("a link for the tables", f"similarity: {_NO_FOLDER}; remove it and run again", moved_out("similarity")),
        ("a folder for a table", f"{_TABLE}: a folder where a file belongs; remove it and run again", a_folder(_TABLE)),
    ]
]
"""What an interrupted recording left, damaged or forged: its new files, by number, and a journal of their names."""

DAMAGE = [*READ, *SHARED, *LISTED, *MANIFESTS, *TABLES, *LEFTOVERS]
"""Stored baselines that can't be compared with."""
