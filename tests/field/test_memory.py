"""Too little memory on the processor, with torch's own allocator and a limit that the kernel keeps."""

import sys

import pytest

from tests.runs import run_apart, section

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: a limit on a process's address space")

# An eval of the user's own. Once everything is loaded and warm, the process gets so many MiB more and no further.
EVAL = """
import pathlib
import resource

import pytest

from fixtures.texts.long_texts import long_text

TEXTS = [long_text(700, offset=offset) for offset in range(COUNT)]


@pytest.fixture
def little_memory(encoder):
    encoder.encode(["Warm up."], "separation")
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM * 2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_own_texts(encoder, device, little_memory):
    assert encoder.encode(TEXTS, "separation").shape == (COUNT, 256)
"""


def run_with_little_memory(project, room, count):
    project.makepyfile(test_own=EVAL.replace("ROOM", str(room)).replace("COUNT", str(count)))
    return run_apart("test_own.py", "--device=cpu", "--tasks=separation", "--batch-tokens=65536")


def test_batches_shrink_where_the_processor_has_too_little_memory(project):
    result = run_with_little_memory(project, room=256, count=48)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["note      out of memory on cpu: batches halved to * tokens"])


def test_text_that_does_not_fit_alone_is_one_line(project):
    result = run_with_little_memory(project, room=0, count=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = section(result, "FAILURES").splitlines()[1:]
    assert len(said) == 1 and said[0].startswith("encode: out of memory on cpu with one text of 972 tokens; ")
