"""Run the suite on real models, out of packages that carry them, and print what it says of them as tables in Markdown.

For each model: all evals with a quick recording; then drift and tables again with one thread, with other batches and on
a processor held to AVX2, which has to be no drift; noise on what was recorded, which has to be drift; then some changes
that upgrades bring, each of which has to be told rightly. Exit code 1 where something is red that isn't on the model's
list (``tests/real/known``) or a verdict is wrong, 2 where a model isn't the one that the figures are of.
"""

import argparse
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from fixtures.baselines.baseline import Baseline
from fixtures.baselines.reference import reference_of
from fixtures.baselines.stored_files import KNOWN_FAILURES
from tests.real import noise
from tests.real.carried import NotAsExpectedError
from tests.real.packed_e5 import NotPackedError
from tests.real.saying import unsaid
from tests.real.suite_runs import ROOT, SuiteRun, run, sentences
from tests.real.systems import CHANGES, HARMLESS, OTHER_BATCHES, SYSTEMS, Change, System
from tests.real.table import OfChange, OfSystem, markdown, what_is_red, with_tables
from tests.real.work_folder import WorkFolder, file_name

WORK = ROOT / ".tox" / "real-models"
PAGE = ROOT / "docs" / "real-models.md"
BEGIN = "<!-- what tests.real prints -->"

COMPARED = ("evals/test_drift.py", "evals/test_similarity.py")
FEW_TOKENS, FEW_TEXTS = 512, 7
"""What goes through a model at once where other batches are asked; of a callable, a call."""


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.real", description=__doc__)
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--only", metavar="MODEL", action="append", choices=names, help=f"one of: {'; '.join(names)}")
    parser.add_argument("--work", type=Path, metavar="FOLDER", default=WORK, help="for models, baselines and logs")
    parser.add_argument("--page", action="store_true", help="write the tables into docs/real-models.md too")
    options = parser.parse_args()
    began = time.monotonic()
    chosen = [system for system in SYSTEMS if not options.only or system.name in options.only]
    try:
        work = Work(options.work.resolve())
        systems = [work.evaluated(system) for system in chosen]
        changes = [work.changed(one) for one in CHANGES if one.baseline in chosen]
    except (NotAsExpectedError, NotPackedError) as error:
        print(f"tests.real: {error}", file=sys.stderr)
        return 2
    tables = markdown(systems, changes)
    red = what_is_red(systems, changes)
    print(f"\n{tables}\n{(time.monotonic() - began) / 60:.0f} minutes", *red, sep="\n")
    if options.page:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables, BEGIN), encoding="utf-8")
    return 1 if red else 0


class Work:
    """Runs systems, one after the other, in one folder of models, baselines and logs.

    Args:
        folder: baselines and logs of an earlier run go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = WorkFolder(folder)
        self._baselines, self._runs = self._folder.empty("baselines"), self._folder.empty("runs")

    def evaluated(self, system: System) -> OfSystem:
        """Run all evals while recording a baseline, then compare under harmless changes, then noise."""
        own = self._baselines / system.baseline
        if system.known_failures.is_file():
            own.mkdir()
            shutil.copyfile(system.known_failures, own / KNOWN_FAILURES)
        command = self._command(system)
        whole = self._run(system, "all evals", ["evals", *command, "--snapshot-update", "--quick-recording"])
        found = OfSystem(system.name, system.runtime, command[0].partition("=")[2], whole)
        for change, variables in HARMLESS.items():
            other = self._in_other_batches(system) if change == OTHER_BATCHES else command
            found.harmless[change] = self._run(system, change, [*COMPARED, *other], variables)
        reference = reference_of(Baseline(own))
        spec = reference.observation.spec
        found.least_noise = noise.least_drift(reference)
        found.weak_bounds = noise.weak_bounds(reference.bounds(spec, len(reference.observation.texts)))
        return found

    def changed(self, change: Change) -> OfChange:
        """Compare a system with another one's baseline."""
        system, old = change.system, change.baseline
        against = [] if system.baseline == old.baseline else [f"--baseline={old.baseline}"]
        ran = self._run(system, f"against {old.name}", [COMPARED[0], *self._command(system), *against])
        verdicts = [str(row.new) for row in ran.drift]
        said = [
            sentence
            for row in ran.drift
            for sentence in sentences(row)
            if re.match("cosine|moved|looks like|norms|token", sentence)
        ]
        verdict = ", ".join(dict.fromkeys(verdicts))
        return OfChange(change.name, old.name, system.name, verdict, said, unsaid(change.says, [*verdicts, *said]))

    def _command(self, system: System, task_map: str | None = None) -> list[str]:
        task_map = self._folder.task_map(system) if task_map is None else task_map
        options = [f"--model={self._folder.model(system)}", f"--snapshots={self._baselines}"]
        options += [f"--task-map={task_map}"] if task_map else []
        return options if system.own_device else [*options, "--device=cpu"]

    def _in_other_batches(self, system: System) -> list[str]:
        if not system.own_device:
            return [*self._command(system), f"--batch-tokens={FEW_TOKENS}"]
        stated = (ROOT / "fixtures" / "models" / "maps" / f"{system.task_map}.toml").read_text(encoding="utf-8")
        few = self._folder.written_map(system.task_map, f"texts_a_call = {FEW_TEXTS}\n{stated}")
        return self._command(system, few)

    def _run(
        self, system: System, what: str, options: Sequence[str], variables: dict[str, str] | None = None
    ) -> SuiteRun:
        ran = run(options, self._runs / file_name(f"{system.name} {what}"), variables)
        failed = sum(one.became == "failed" for one in ran.evals)
        print(f"{system.name}, {what}: {len(ran.evals)} evals, {failed} failed, {ran.seconds:.0f} s", flush=True)
        return ran


if __name__ == "__main__":
    sys.exit(main())
