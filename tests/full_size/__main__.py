"""Write a checkpoint of the published dimensions with random weights, load it, and measure what that costs.

Its tokenizer is the published one's vocabulary, out of a package that carries it. Measured are loading, and encoding
with adapters beside PEFT's own layers and beside the base alone; with ``--recording`` also a baseline of five tasks.
Not part of the suite's tests: it needs 1.2 GB of disk, up to 4 GB of memory and some minutes, a recording half an hour.
Exit code 1 if loading and a short encode hold more than ``ALLOWED`` times the weights in anonymous memory, beyond what
the imports and the tokenizer take, or if a recording sends more than ``BUDGET`` tokens through the model.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ALLOWED = 1.15
BUDGET = 500_000
"""Tokens that a recording of five tasks may take; two cores send 230 to 250 of them a second through it in float32."""
FOLDER_NAME = "random-weights-of-published-size"


def main() -> int:
    """Run the measurements that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.full_size", description=__doc__)
    parser.add_argument("--layout", nargs="+", choices=("native", "original"), default=["native", "original"])
    parser.add_argument("--dtype", nargs="+", default=["bfloat16", "float32"])
    parser.add_argument("--folder", type=Path, help="write here and keep it; by default a folder that is deleted")
    parser.add_argument("--recording", action="store_true", help="record a baseline of five tasks, in float32")
    parser.add_argument("--evals", nargs=argparse.REMAINDER, help="pytest arguments to run on the last checkpoint")
    options = parser.parse_args()

    root = options.folder or Path(tempfile.mkdtemp(prefix="full-size-"))
    too_much = False
    try:
        for layout in options.layout:
            folder = root / layout / FOLDER_NAME
            if not folder.is_dir():
                _run("write", layout, str(folder))
            for dtype in options.dtype:
                figures = json.loads(_run("load", str(folder), dtype))
                too_much |= figures["memory_share"] > ALLOWED
                if (figures["adapted_matrices"], figures["scalings"]) != (147, [0.25]):
                    raise SystemExit(f"not the published structure: {figures}")
                print(f"{layout} in {dtype}:", *(f"  {name}: {value}" for name, value in figures.items()), sep="\n")
            for dtype in options.dtype:
                shares = json.loads(_run("adapters", str(folder), dtype))
                print(f"{layout} in {dtype}:", *(f"  {name}: {value}" for name, value in shares.items()), sep="\n")
        if options.recording:
            recorded = json.loads(_run("record", str(folder)))
            too_much |= recorded["tokens"] > BUDGET
            print("recording:", *(f"  {name}: {value}" for name, value in recorded.items()), sep="\n")
        if options.evals is not None:
            subprocess.run([sys.executable, "-m", "pytest", "--model", str(folder), *options.evals], check=False)
    finally:
        if options.folder is None:
            shutil.rmtree(root)
    return int(too_much)


def _run(*arguments: str) -> str:
    """A step in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "tests.full_size.steps", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
