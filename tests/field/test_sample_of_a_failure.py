"""README's sample of a failure is what its commands print, but for the last digits of figures on another processor."""

import re
import shutil

from tests.places import ROOT
from tests.runs import finished, run_apart

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## A failure, and how to read it\n")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"^\$ (.*)$", SECTION, flags=re.MULTILINE)
SAMPLE = re.search(r"^```text\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)[1]
OF_THE_MACHINE = re.compile(r"; (?:device|threads|versions): [^;\n]*")
"""What differs from the machine and the libraries that the baseline was recorded with."""
EXPLAINED = re.compile(r"^  explained by that: .*\n", re.MULTILINE)
FIGURE = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e-?\d+)?x?")


def test_sample_of_the_readme_is_what_its_commands_print(project):
    shutil.copytree(ROOT / "snapshots" / "mini", project.path / "snapshots" / "mini")
    make, run = COMMANDS
    assert finished(["bash", "-ec", make]).ret == 0
    result = run_apart(python=("-m", *run.split()))
    assert result.ret == 1
    printed, sample = str(result.stdout), SAMPLE
    if OF_THE_MACHINE.search(printed):  # then the weights alone don't explain it
        printed, sample = OF_THE_MACHINE.sub("", printed), EXPLAINED.sub("", SAMPLE)
    start = printed.index(sample.partition("\n")[0])
    assert FIGURE.sub("#", printed[start:]).startswith(FIGURE.sub("#", sample))
