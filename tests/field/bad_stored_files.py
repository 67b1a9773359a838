"""Bad files in snapshots/: lists of known failures, and stored baselines."""

import numpy as np

from tests.field.making_bad_inputs import (
    CONFLICT,
    DEEP,
    LARGER,
    LFS_POINTER,
    BadInput,
    conflicted,
    content,
    cut_off,
    cut_rows,
    directory,
    huge,
    ledger,
    link,
    lose_a_size,
    lose_a_task,
    marked,
    no_columns,
    pipe,
    put_a_nan,
    retyped,
    sealed,
    utf_16,
)

_IS_POINTER = "is a Git LFS pointer, the file itself wasn't fetched; run git lfs pull"
_IS_CONFLICT = "holds an unresolved merge conflict; resolve it"
_ONE_SIDE = (
    "holds an unresolved merge conflict; take the whole folder from one side (git restore -SW --source=HEAD "
    "snapshots/mini; the other side is MERGE_HEAD), or record"
)
_IS_MARKED = "begins with a byte order mark, which an editor added; restore"
_TABLE = "similarity/separation.txt"
_SIGNATURE = "separation|CLS pooling"

_LARGEST = dict.fromkeys(("manifest.json", _TABLE, "tokens.json", "tolerance.json", "ledger.jsonl"), "67,108,864")
_LARGEST |= dict.fromkeys(("anchors.safetensors", "signatures.safetensors"), "1,073,741,824")

_MAP = "task-map.toml"
_KNOWN = "known-failures.txt"
KNOWN_FAILURES = {
    "known-utf-16": BadInput(
        "known-failures.txt in UTF-16",
        f"snapshots/own/{_KNOWN}: unreadable ('utf-8' codec can't decode byte 0xff",
        content(_KNOWN, "# none".encode("utf-16")),
    ),
    "known-folder": BadInput(
        "known-failures.txt: a folder",
        f"snapshots/own/{_KNOWN}: unreadable (a folder where a file belongs); it is a text in UTF-8",
        directory(_KNOWN),
    ),
    "known-link": BadInput(
        "known-failures.txt: a link to itself",
        f"snapshots/own/{_KNOWN}: unreadable (Too many levels of symbolic links)",
        link(_KNOWN),
    ),
    "known-pipe": BadInput(
        "known-failures.txt: a pipe",
        f"snapshots/own/{_KNOWN}: unreadable (a pipe or a device where a file belongs)",
        pipe(_KNOWN),
    ),
    "known-huge": BadInput(
        "known-failures.txt: 10 TiB",
        f"snapshots/own/{_KNOWN}: unreadable ({LARGER} 67,108,864 are read); it is a text in UTF-8",
        huge(_KNOWN),
    ),
    "map-huge": BadInput("task-map.toml: 10 TiB", f"{_MAP}: not a task map in TOML ({LARGER} 67,108,864", huge(_MAP)),
    "known-long-line": BadInput(
        "known-failures.txt: a line of a million characters without a reason",
        f"snapshots/own/{_KNOWN}, line 1: 'xxx",
        content(_KNOWN, b"x" * 10**6),
    ),
    "known-conflict": BadInput(
        "known-failures.txt: both sides of a merge", f"{_KNOWN}: {_IS_CONFLICT}", content(_KNOWN, CONFLICT)
    ),
    "known-pointer": BadInput(
        "known-failures.txt: a pointer of Git LFS", f"{_KNOWN}: {_IS_POINTER}", content(_KNOWN, LFS_POINTER)
    ),
    "map-conflict": BadInput(
        "task-map.toml: both sides of a merge", f"{_MAP}: {_IS_CONFLICT}", content(_MAP, CONFLICT)
    ),
    "map-pointer": BadInput(
        "task-map.toml: a pointer of Git LFS", f"{_MAP}: {_IS_POINTER}", content(_MAP, LFS_POINTER)
    ),
    "map-utf-16": BadInput(
        "task-map.toml in UTF-16",
        f"{_MAP}: not a task map in TOML ('utf-8' codec can't decode byte 0xff",
        content(_MAP, "# none".encode("utf-16")),
    ),
}
"""Damage in the model's own folder of snapshots/."""

STORED = {
    "manifest-pipe": BadInput(
        "manifest.json: a pipe",
        "manifest.json: a pipe or a device where a file belongs; restore",
        pipe("manifest.json"),
    ),
    "manifest-deep": BadInput(
        "manifest.json: 100,000 lists in each other",
        "manifest.json: nested too deeply; restore",
        content("manifest.json", DEEP),
    ),
    "tokens-folder": BadInput(
        "tokens.json: a folder", "tokens.json: a folder where a file belongs; restore", directory("tokens.json")
    ),
    "anchors-link": BadInput(
        "anchors.safetensors: a link to itself",
        "anchors.safetensors: Too many levels of symbolic links; restore",
        link("anchors.safetensors"),
    ),
    "tolerance-pipe": BadInput(
        "tolerance.json: a pipe", "tolerance.json: a pipe or a device where a file belongs", pipe("tolerance.json")
    ),
    "manifest-files-numbers": BadInput(
        "manifest: hashes that are numbers",
        "manifest.json: format 2, needs 1 or 2 and a list of files; restore",
        sealed("manifest.json", lambda manifest: manifest["files"].update({"tokens.json": 5})),
    ),
    "manifest-dimension-true": BadInput(
        "manifest: a dimension that is true",
        "manifest.json: lacks spec.dimension (changed by hand?); restore",
        sealed("manifest.json", lambda manifest: manifest["spec"].update(dimension=True)),
    ),
    "manifest-prefixes-numbers": BadInput(
        "manifest: prompts that are numbers",
        "manifest.json: lacks the prompts of spec.tasks (changed by hand?); restore",
        sealed("manifest.json", lambda manifest: manifest["spec"]["tasks"]["separation"].update(prompt=5)),
    ),
    "manifest-rounding-text": BadInput(
        "manifest: a rounding that is a text",
        "manifest.json: rounding is 'x', needs a number of at least 0; restore",
        sealed("manifest.json", lambda manifest: manifest.update(rounding="x")),
    ),
    "tokens-numbers": BadInput(
        "tokens.json: a number in place of token ids",
        "tokens.json: question is 5, needs a list of token ids; restore",
        sealed("tokens.json", lambda tokens: tokens.update(question=5)),
    ),
    "tokens-list": BadInput(
        "tokens.json: a list", "tokens.json: not a JSON object; restore", sealed("tokens.json", lambda tokens: [5])
    ),
    "anchors-rows": BadInput(
        "anchors: a row less under a task",
        "anchors.safetensors: separation of shape (92, 256), needs finite embeddings of shape (93, 256); restore",
        sealed("anchors.safetensors", cut_rows),
    ),
    "anchors-task": BadInput(
        "anchors: a task less than in the manifest",
        "anchors.safetensors: holds no embeddings of separation; restore",
        sealed("anchors.safetensors", lose_a_task),
    ),
    "anchors-nan": BadInput(
        "anchors: NaN",
        "anchors.safetensors: separation of shape (93, 256), needs finite embeddings of shape (93, 256); restore",
        sealed("anchors.safetensors", put_a_nan),
    ),
    **{
        f"anchors-{kind}": BadInput(
            f"anchors: {kind}",
            f"anchors.safetensors: separation is {kind}, needs float32; restore",
            sealed("anchors.safetensors", retyped("separation", kind)),
        )
        for kind in ("complex64", "float64", "int32", "bool")
    },
    "anchors-empty": BadInput(
        "anchors: embeddings without components",
        "of shape (93, 0), needs finite embeddings of shape (93, n); restore",
        sealed("anchors.safetensors", no_columns),
    ),
    **{
        f"signatures-{kind}": BadInput(
            f"signatures: {kind}",
            f"signatures.safetensors: {_SIGNATURE} is {kind}, needs float16; restore",
            sealed("signatures.safetensors", retyped(_SIGNATURE, kind)),
        )
        for kind in ("complex64", "float64", "int32", "bool")
    },
    "signatures-size-complex": BadInput(
        "signatures: a size that is complex64",
        f"signatures.safetensors: {_SIGNATURE}|size is complex64, needs float64; restore",
        sealed("signatures.safetensors", retyped(f"{_SIGNATURE}|size", "complex64")),
    ),
    "signatures-nan": BadInput(
        "signatures: NaN",
        f"signatures.safetensors: {_SIGNATURE} holds values that a movement, or its size, can't have; restore",
        sealed("signatures.safetensors", lambda tensors: tensors[_SIGNATURE].fill(np.nan)),
    ),
    "signatures-size-endless": BadInput(
        "signatures: a size of 1e300",
        f"signatures.safetensors: {_SIGNATURE}|size holds values that a movement, or its size, can't have; restore",
        sealed("signatures.safetensors", lambda tensors: tensors[f"{_SIGNATURE}|size"].fill(1e300)),
    ),
    "signatures-size": BadInput(
        "signatures: a movement without its size",
        "signatures.safetensors: separation|CLS pooling of shape (12, 128), needs movements with their size; restore",
        sealed("signatures.safetensors", lose_a_size),
    ),
    "tolerance-runs-true": BadInput(
        "tolerance: a number of runs that is true",
        "tolerance.json: its entry for float32 can't be read (needs bounds, largest_seen and the number of runs)",
        sealed("tolerance.json", lambda tolerance: tolerance["float32"].update(runs=True)),
    ),
    "tolerance-figure-text": BadInput(
        "tolerance: a bound that is a text, in another dtype",
        "tolerance.json: its entry for float16 can't be read (bounds of matrix max is 'x', needs a number",
        sealed("tolerance.json", lambda tolerance: tolerance["float16"]["bounds"].update({"matrix max": "x"})),
    ),
    "ledger-numbers": BadInput(
        "ledger: lines that are no objects", "ledger.jsonl: needs a JSON object in each line; restore", ledger("5\n5\n")
    ),
    "ledger-deep": BadInput(
        "ledger: 100,000 lists in each other", "ledger.jsonl: nested too deeply; restore", ledger(DEEP.decode())
    ),
    "manifest-cut": BadInput(
        "manifest.json without its last bracket",
        "manifest.json: cut off, as its JSON has no end; restore",
        cut_off("manifest.json", 2),
    ),
    "manifest-cut-in-two": BadInput(
        "manifest.json: its first half",
        "manifest.json: cut off, as its JSON has no end; restore",
        cut_off("manifest.json", 1500),
    ),
    "manifest-empty": BadInput("manifest.json: empty", "manifest.json: empty; restore", content("manifest.json", b"")),
    "manifest-utf-16": BadInput(
        "manifest.json in UTF-16",
        "manifest.json: is in UTF-16, as an editor saved it; restore",
        utf_16("manifest.json"),
    ),
    "tokens-utf-16": BadInput(
        "tokens.json in UTF-16", "tokens.json: is in UTF-16, as an editor saved it; restore", utf_16("tokens.json")
    ),
    "tokens-mark": BadInput("tokens.json with a byte order mark", f"tokens.json: {_IS_MARKED}", marked("tokens.json")),
    "table-mark": BadInput("a table with a byte order mark", f"{_TABLE}: {_IS_MARKED}", marked(_TABLE)),
    "ledger-mark": BadInput(
        "ledger.jsonl with a byte order mark", f"ledger.jsonl: {_IS_MARKED}", marked("ledger.jsonl")
    ),
    **{
        f"conflict-{name}": BadInput(f"{name}: both sides of a merge", f"{name}: {_ONE_SIDE}", conflicted(name))
        for name in ("manifest.json", _TABLE, "tokens.json", "ledger.jsonl", "tolerance.json")
    },
    **{
        f"huge-{name}": BadInput(f"{name}: 10 TiB", f"{name}: {LARGER} {largest} are read; restore", huge(name))
        for name, largest in _LARGEST.items()
    },
    **{
        f"pointer-{name}": BadInput(
            f"{name}: a pointer of Git LFS", f"{name}: {_IS_POINTER}, or record", content(name, LFS_POINTER)
        )
        for name in ("manifest.json", _TABLE, "tokens.json", "anchors.safetensors", "signatures.safetensors")
    },
}
"""Damage in a stored baseline: evals that compare with it fail."""
