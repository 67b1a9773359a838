"""The pages hang together: links lead somewhere, README is short, and figures are those of the stored tables."""

import re

import pytest

from fixtures.baselines.tables import read_table
from tests.conftest import ROOT
from tests.pages import shown_commands

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOK = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")


def anchors(page) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page):
    """Paths in code spans that begin with a folder of the project."""
    spans = re.findall(
        r"`((?:fixtures|evals|tests|docs|examples|recipe|snapshots/mini|\.ci)/[\w./-]*)`", page.read_text()
    )
    assert [span for span in spans if not (ROOT / span).exists()] == []


def test_every_page_is_reached_from_the_readme():
    linked = re.findall(r"\]\(docs/([\w.-]+\.md)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(linked) == {page.name for page in PAGES[1:]}


def test_readme_is_short():
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) < 150


def test_every_command_joins_an_option_and_its_path():
    """What follows a blank pytest takes for a folder of tests."""
    apart = re.compile(r"--(?:model|task-map|texts|report|snapshots)\s")
    assert [command for command in shown_commands(ROOT) if apart.search(command)] == []


@pytest.mark.parametrize(
    "shown_task", ["classification", "retrieval.passage", "retrieval.query", "separation", "text-matching"]
)
def test_matrices_of_the_notebook_page_are_the_stored_ones(shown_task):
    block = re.search(
        rf"^{re.escape(shown_task)}\n((?:.*\d\.\d{{3}}.*\n|\s+English.*\n)+)", NOTEBOOK, flags=re.MULTILINE
    )[1]
    shown = read_table(f"title\n\n{block}")
    stored = read_table((ROOT / "snapshots" / "mini" / "similarity" / f"{shown_task}.txt").read_text(encoding="utf-8"))
    assert list(shown.index) == list(stored.index)
    assert abs(shown - stored).to_numpy().max() <= 0.0005 + 1e-6


def test_differences_of_the_notebook_page_are_the_stored_ones():
    stored = read_table((ROOT / "snapshots" / "mini" / "task-differences.txt").read_text(encoding="utf-8"))
    shown = re.findall(r"^([\w.-]+) vs ([\w.-]+): (\d\.\d{3})$", NOTEBOOK, flags=re.MULTILINE)
    assert len(shown) == 10
    for first, second, figure in shown:
        assert abs(float(figure) - stored.loc[first, second]) <= 0.0005 + 1e-6
