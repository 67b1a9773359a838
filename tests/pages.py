"""The commands that a page shows: README and every other Markdown file, the examples, docstrings.

A command is what a reader would type: a line with a prompt (``$``), a line of a code block that begins with a program
or names one after a colon, a code span that begins with a program or with options that complete a command named nearby,
a step of a workflow.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_PROGRAM = r"(?:git|hf|pip|pytest|python|tox)\s"
_OPTIONS = r"(?:-[en]\s|--benchmark-(?:save|compare)\b)"
_PROMPT = re.compile(r"^[ \t]*\$ (.*)$", re.MULTILINE)
_SPAN = re.compile(rf"(?<!`)(`{{1,2}})((?:{_PROGRAM}|{_OPTIONS})[^`]*)\1(?!`)")
# What differs between two runtimes is shown as "runtime: python -> onnx", which is no command.
_LINE = re.compile(rf"^(?:.*: )?[ \t]*(?!\w+ -> )({_PROGRAM}.*)$", re.MULTILINE)
_STEP = re.compile(r"( *(?:- +)?)run: *(.*)")
_BLOCK = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)


def shown_commands(root: Path) -> set[str]:
    """Return every command that a page of the project shows, white space as one space, comments left out."""
    found = {command for page in _files(root, "*.md") for command in in_markdown(page.read_text(encoding="utf-8"))}
    for module in _files(root, "*.py"):
        found.update(in_python(module.read_text(encoding="utf-8")))
    for example in _files(root, "*.yml"):
        found.update(in_workflow(example.read_text(encoding="utf-8")))
    return found


def in_markdown(text: str) -> Iterator[str]:
    """Yield the commands of a Markdown page: after prompts, in code blocks, in code spans."""
    text = re.sub(r"\\\n", " ", text)
    yield from map(_plain, _PROMPT.findall(text))
    for block in _BLOCK.findall(text):
        yield from map(_plain, _LINE.findall(block))
    yield from _in_spans(_BLOCK.sub("", text))


def in_python(source: str) -> Iterator[str]:
    """Yield the commands of a module's docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documentation = ast.get_docstring(node) or ""
            yield from map(_plain, _PROMPT.findall(documentation))
            yield from _in_spans(documentation)


def in_workflow(text: str) -> Iterator[str]:
    """Yield the commands of a GitHub workflow: its steps, and comments that begin with a program."""
    yield from map(_plain, re.findall(rf"^#[ \t]+({_PROGRAM}.*)$", text, re.MULTILINE))
    yield from map(_plain, _in_steps(text.splitlines()))


def _in_steps(lines: Sequence[str]) -> Iterator[str]:
    """The commands of a workflow's steps, found without a YAML reader: beside the key, or in the lines below it."""
    for at, step in enumerate(map(_STEP.fullmatch, lines), start=1):
        if step is None:
            continue
        beside = step[2]
        if beside.startswith("|"):
            yield from _more_indented(lines[at:], len(step[1]))
        elif beside.startswith(">"):
            yield " ".join(_more_indented(lines[at:], len(step[1])))
        else:
            yield beside


def _more_indented(lines: Sequence[str], indent: int) -> Iterator[str]:
    """The lines, without their indentation, up to the first that is indented no more than the key above them."""
    for line in filter(str.strip, lines):
        if len(line) - len(line.lstrip()) <= indent:
            return
        yield line.strip()


def _in_spans(text: str) -> Iterator[str]:
    yield from (_plain(span) for _, span in _SPAN.findall(text))


def _plain(command: str) -> str:
    return " ".join(re.sub(r"\s#\s.*", "", command).split())


def _files(root: Path, pattern: str) -> list[Path]:
    """The project's files, without hidden folders (environments, caches) but those of workflows."""
    folders = {path: path.relative_to(root).parts for path in root.rglob(pattern)}
    return [path for path, parts in folders.items() if not any(part[0] == "." and part != ".github" for part in parts)]
