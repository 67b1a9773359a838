"""Bad options of the command line."""

from tests.field.making_bad_inputs import LARGER, BadInput, huge_option, options

LONG = "x" * 5000

OPTIONS = {
    "model-long": BadInput("--model of 5,000 characters", "--model: unknown model 'xxx", options(f"--model={LONG}")),
    "hub-id-long": BadInput(
        "--model org/ and 5,000 characters", "can't be a Hub id: give organisation/name", options(f"--model=org/{LONG}")
    ),
    "baseline-long": BadInput(
        "--baseline of 5,000 characters", "is not a folder name; give the name of a", options(f"--baseline={LONG}")
    ),
    "baseline-long-recorded": BadInput(
        "the same, to be recorded",
        "is not a folder name; give the name of a",
        options(f"--baseline={LONG}", "--snapshot-update"),
    ),
    "revision-long": BadInput(
        "--revision of 5,000 characters",
        "can't be a revision; give a branch, a tag or a commit",
        options("--model=org/model", f"--revision={LONG}"),
    ),
    "trust-remote-code": BadInput(
        "--trust-remote-code",
        "--trust-remote-code: the jina-v3 runtime takes no such option; leave it out",
        options("--trust-remote-code"),
    ),
    "revision-empty": BadInput("--revision ''", "--revision: '' can't be a revision", options("--revision=")),
    "revision-blank": BadInput("--revision '  '", "--revision: '  ' can't be a revision", options("--revision=  ")),
    "revision-outside": BadInput(
        "--revision ../../other",
        "--revision: '../../other' can't be a revision",
        options("--model=org/model", "--revision=../../other"),
    ),
    "tasks-long": BadInput("--tasks of 5,000 characters", "--tasks: unknown task 'xxx", options(f"--tasks={LONG}")),
    "tasks-escape": BadInput(
        "--tasks with a terminal's escape", r"--tasks: unknown task '\x1b[2J'", options("--tasks=\x1b[2J")
    ),
    "task-map-huge": BadInput(
        "--task-map: a file of 10 TiB", f"huge: not a task map in TOML ({LARGER} 67,108,864", huge_option("--task-map")
    ),
    "texts-huge": BadInput(
        "--texts: a file of 10 TiB", f"huge: unreadable ({LARGER} 67,108,864 are read); it is", huge_option("--texts")
    ),
}
"""Options that are refused though the model's folder is a sound one."""
