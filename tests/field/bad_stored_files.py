"""Bad files in snapshots/: lists of known failures, and stored baselines."""

from tests.field.making_bad_inputs import (
    DEEP,
    BadInput,
    content,
    cut_rows,
    directory,
    ledger,
    link,
    lose_a_size,
    lose_a_task,
    pipe,
    put_a_nan,
    sealed,
)

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
    "known-long-line": BadInput(
        "known-failures.txt: a line of a million characters without a reason",
        f"snapshots/own/{_KNOWN}, line 1: 'xxx",
        content(_KNOWN, b"x" * 10**6),
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
        "manifest.json: format 1, needs 1 and a list of files; restore",
        sealed("manifest.json", lambda manifest: manifest["files"].update({"tokens.json": 5})),
    ),
    "manifest-dimension-true": BadInput(
        "manifest: a dimension that is true",
        "manifest.json: lacks dimension (changed by hand?); restore",
        sealed("manifest.json", lambda manifest: manifest.update(dimension=True)),
    ),
    "manifest-prefixes-numbers": BadInput(
        "manifest: prefixes that are numbers",
        "manifest.json: lacks prefixes (changed by hand?); restore",
        sealed("manifest.json", lambda manifest: manifest.update(prefixes={"separation": 5})),
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
    "signatures-size": BadInput(
        "signatures: a movement without its size",
        "signatures.safetensors: separation|CLS pooling of shape (12, 256), needs movements with their size; restore",
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
}
"""Damage in a stored baseline: what is compared with it fails."""
