"""Command line: `python -m recipe build --work DIR`, or one stage at a time."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from recipe.workspace import Workspace

STAGES = {
    "fetch": "download and unpack the packages",
    "texts": "collect, balance and filter the training texts",
    "teach": "encode them with the teacher",
    "pairs": "make questions and passages that answer them",
    "tokenizer": "train the tokenizer",
    "base": "distil the teacher into the base model",
    "adapters": "train the five adapters together with the base",
    "export": "write the checkpoint in its published layout",
    "measure": "measure the checkpoint on texts it was not trained on",
    "audit": "prove that no held-out text, nor one near it, was trained on",
    "card": "write the model card",
    "install": "put the checkpoint in the place of the bundled one",
}


def main() -> None:
    """Run the stages that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m recipe", description=__doc__)
    parser.add_argument("stage", choices=["build", *STAGES], help="`build` runs every stage")
    parser.add_argument("--work", type=Path, required=True, help="work directory, kept between runs")
    parser.add_argument("--again", action="store_true", help="run a finished stage again")
    arguments = parser.parse_args()
    workspace = Workspace(arguments.work.resolve())
    for stage in STAGES if arguments.stage == "build" else [arguments.stage]:
        if workspace.is_done(stage) and not arguments.again:
            print(f"{stage}: already done")
            continue
        print(f"{stage}: {STAGES[stage]}", flush=True)
        getattr(importlib.import_module(f"recipe.{stage}"), stage)(workspace)


if __name__ == "__main__":
    main()
