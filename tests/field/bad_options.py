"""Bad options of the command line, and bad files of a user's own in a baseline's folder."""

from tests.field.making_bad_inputs import (
    CONFLICT,
    LARGER,
    LFS_POINTER,
    BadInput,
    content,
    directory,
    huge,
    huge_option,
    link,
    options,
    pipe,
)

LONG = "x" * 5000
NO_FOLDER_NAME = "--baseline: 'xxx… is not a folder name; give the name of a…"
NO_REVISION = "--revision: {} can't be a revision; give a branch, a tag or a commit…"

# A row is a line, or a line and what goes on below it.
# fmt: off
OPTIONS = [
    BadInput("--model of 5,000 characters", "--model: unknown model 'xxx…", options(f"--model={LONG}")),
    BadInput("--model org/ and 5,000 characters", "--model: org/xxx… can't be a Hub id: give organisation/name…",
        options(f"--model=org/{LONG}")),
    BadInput("--baseline of 5,000 characters", NO_FOLDER_NAME, options(f"--baseline={LONG}")),
    BadInput("the same, to be recorded", NO_FOLDER_NAME, options(f"--baseline={LONG}", "--snapshot-update")),
    BadInput("--revision of 5,000 characters", NO_REVISION.format("'xxx…"),
        options("--model=org/model", f"--revision={LONG}")),
    BadInput("--revision ''", NO_REVISION.format("''"), options("--revision=")),
    BadInput("--revision '  '", NO_REVISION.format("'  '"), options("--revision=  ")),
    BadInput("--revision ../../other", NO_REVISION.format("'../../other'"),
        options("--model=org/model", "--revision=../../other")),
    BadInput("--trust-remote-code", "--trust-remote-code: the jina-v3 runtime takes no such option; leave it out",
        options("--trust-remote-code")),
    BadInput("--dim of 5,000 digits", "--dim: '111… is more than 1,000,000, the most that is taken",
        options(f"--dim={'1' * 5000}")),
    BadInput("--dim with a terminal's escape", r"--dim: '\x1b[2J' is not a whole number of at least 1",
        options("--dim=\x1b[2J")),
    BadInput("--dim of more than there are", "--dim: 33 is more than the 32 components of…; its sizes are 8, 16, 32",
        options("--dim=33")),
    BadInput("--dim of a callable", "--dim: the python runtime can't cut embeddings: have the callable itself return…",
        options("--model=python:own:encode", "--dim=16")),
    BadInput("--tasks of 5,000 characters", "--tasks: unknown task 'xxx…", options(f"--tasks={LONG}")),
    BadInput("--tasks with a terminal's escape", r"--tasks: unknown task '\x1b[2J'…", options("--tasks=\x1b[2J")),
    BadInput("--task-map: a file of 10 TiB", f"…huge: not a task map in TOML ({LARGER} 67,108,864…",
        huge_option("--task-map")),
    BadInput("--texts: a file of 10 TiB", f"…huge: unreadable ({LARGER} 67,108,864 are read); it is…",
        huge_option("--texts")),
]
"""Options that are refused though the model's folder is a sound one."""

_IS_POINTER = "is a Git LFS pointer, the file itself wasn't fetched; run git lfs pull"
_IS_CONFLICT = "holds an unresolved merge conflict; resolve it"
_KNOWN, _MAP = "known-failures.txt", "task-map.toml"
_UNREADABLE = f"snapshots/own/{_KNOWN}: unreadable ({{}}); it is a text in UTF-8"
_NO_MAP = f"…snapshots/own/{_MAP}: not a task map in TOML ({{}})"
_NO_UTF_8 = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
KNOWN_FAILURES = [
    BadInput(f"{_KNOWN} in UTF-16", _UNREADABLE.format(_NO_UTF_8), content(_KNOWN, "# none".encode("utf-16"))),
    BadInput(f"{_KNOWN}: a folder", _UNREADABLE.format("a folder where a file belongs"), directory(_KNOWN)),
    BadInput(f"{_KNOWN}: a link to itself", _UNREADABLE.format("Too many levels of symbolic links"), link(_KNOWN)),
    BadInput(f"{_KNOWN}: a pipe", _UNREADABLE.format("a pipe or a device where a file belongs"), pipe(_KNOWN)),
    BadInput(f"{_KNOWN}: 10 TiB", _UNREADABLE.format(f"{LARGER} 67,108,864 are read"), huge(_KNOWN)),
    BadInput(f"{_KNOWN}: a line of a million characters without a reason", f"snapshots/own/{_KNOWN}, line 1: 'xxx…",
        content(_KNOWN, b"x" * 10**6)),
    BadInput(f"{_KNOWN}: both sides of a merge", f"snapshots/own/{_KNOWN}: {_IS_CONFLICT}…", content(_KNOWN, CONFLICT)),
    BadInput(f"{_KNOWN}: a pointer of Git LFS", f"snapshots/own/{_KNOWN}: {_IS_POINTER}", content(_KNOWN, LFS_POINTER)),
    BadInput(f"{_MAP} in UTF-16", _NO_MAP.format(_NO_UTF_8), content(_MAP, "# none".encode("utf-16"))),
    BadInput(f"{_MAP}: 10 TiB", _NO_MAP.format(f"{LARGER} 67,108,864 are read"), huge(_MAP)),
    BadInput(f"{_MAP}: both sides of a merge", f"…snapshots/own/{_MAP}: {_IS_CONFLICT}…", content(_MAP, CONFLICT)),
    BadInput(f"{_MAP}: a pointer of Git LFS", f"…snapshots/own/{_MAP}: {_IS_POINTER}", content(_MAP, LFS_POINTER)),
]
"""Lists of known failures and task maps in the model's own folder of ``snapshots/``."""
