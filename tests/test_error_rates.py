"""What `tox run -e error-rates` is made of: what is done to values, what is counted, and the tables of the page."""

import sys

import numpy as np
import pytest
from scipy.stats import beta

from fixtures.comparing.no_loss import CANT_TELL
from fixtures.comparing.quality import MEASURES
from fixtures.models.spec import Role
from fixtures.texts.evidence import topic_of
from tests import drawn_values
from tests.drawn_values import differences, sides
from tests.error_rates import __main__ as command
from tests.error_rates import scenarios, table
from tests.error_rates.rates import (
    BY_LANGUAGE,
    BY_ROLE,
    FAILED,
    LANGUAGE_LARGE,
    MEAN_LARGE,
    MEAN_SMALL,
    PASSED,
    SURE,
    UNDECIDED,
    Scenario,
    tally,
)
from tests.error_rates.systems import Observations, Observed
from tests.error_rates.topics import Together, together
from tests.error_rates.values import answered_by, compared, drawn_again, exchanged
from tests.floors.models import INTACT
from tests.real.carried import NotAsExpectedError
from tests.real.table import END
from tests.small_text_sets import random_vectors, some_evidence

ITEMS = [f"topic {number // 5}-{number}" for number in range(40)]
LANGUAGES = ("ar", "en", "zh")


def side(seed: int) -> dict[str, dict[tuple[str, str], float]]:
    """Two measures, of which one is asked in one language alone; no two values are equal."""
    drawn = np.random.default_rng(seed)
    keys = [(item, language) for item in ITEMS for language in LANGUAGES]
    return {
        "retrieval": dict(zip(keys, drawn.random(len(keys)).tolist(), strict=True)),
        "similarity": dict(zip([(item, "en") for item in ITEMS], drawn.random(len(ITEMS)).tolist(), strict=True)),
    }


OLD, NEW = side(0), side(1)


def origin(found: dict, old: dict = OLD, new: dict = NEW) -> dict[str, set[str]]:
    """Item -> which sides its values are from, over all measures and languages."""
    of_item: dict[str, set[str]] = {}
    for name, values in found.items():
        assert values.keys() == old[name].keys()
        for key, value in values.items():
            of_item.setdefault(key[0], set()).add({old[name][key]: "old", new[name][key]: "new"}[value])
    return of_item


# --- what is done to values ---------------------------------------------------------------------------------------


def test_exchange_leaves_the_pairs_of_an_item_together():
    first, second = exchanged(OLD, NEW, np.random.default_rng(0))
    from_first, from_second = origin(first), origin(second)
    assert {len(one) for one in (*from_first.values(), *from_second.values())} == {1}
    assert all(from_first[item] | from_second[item] == {"old", "new"} for item in ITEMS)
    swapped = [item for item in ITEMS if from_first[item] == {"new"}]
    assert 10 < len(swapped) < 30
    again, _ = exchanged(OLD, NEW, np.random.default_rng(1))
    assert origin(again) != from_first


def test_exchange_by_topic_moves_all_items_of_a_topic():
    found, _ = exchanged(OLD, NEW, np.random.default_rng(0), topic_of)
    by_topic: dict[str, set[str]] = {}
    for item, sides_of_item in origin(found).items():
        by_topic.setdefault(topic_of(item), set()).update(sides_of_item)
    assert len(by_topic) == 8 and {len(one) for one in by_topic.values()} == {1}
    assert len({*map(tuple, by_topic.values())}) == 2


def test_exchange_makes_as_many_gains_as_losses():
    """Of a side that is better in every item, half of the items end up on either side."""
    low, high = ({name: dict.fromkeys(values, level) for name, values in OLD.items()} for level in (0.2, 0.8))
    means = [
        compared(*exchanged(low, high, np.random.default_rng(seed)))["retrieval"].difference.mean for seed in range(200)
    ]
    assert np.mean(means) == pytest.approx(0, abs=3 * 0.6 / np.sqrt(200 * len(ITEMS)))


def test_weaker_model_answers_a_share_of_the_items_in_all_measures():
    found = origin(answered_by(OLD, NEW, 0.2, np.random.default_rng(0)))
    assert [*found.values()].count({"new"}) == 8 and [*found.values()].count({"old"}) == 32


def test_weaker_model_answers_in_one_language():
    found = answered_by(OLD, NEW, 0.5, np.random.default_rng(0), ["ar"])
    moved = {key for name, values in found.items() for key, value in values.items() if value != OLD[name][key]}
    assert len(moved) == 20 and {language for _, language in moved} == {"ar"}
    assert found["similarity"] == OLD["similarity"]


def test_items_drawn_again_keep_their_values_and_count_as_often_as_they_are_drawn():
    first, second = drawn_again(OLD, NEW, np.random.default_rng(0))
    names = {item for item, _ in first["retrieval"]}
    assert len(names) == len(ITEMS) and len({name.partition(" ")[2] for name in names}) < len(ITEMS)
    for name, values in first.items():
        assert values.keys() == second[name].keys()
        for (copy, language), value in values.items():
            original = copy.partition(" ")[2], language
            assert (value, second[name][copy, language]) == (OLD[name][original], NEW[name][original])


# --- what is counted ----------------------------------------------------------------------------------------------


def lower(loss: float, languages: int = 6, losing: int = 6, spread: float = 0.25):
    """One role, which loses so much in some of its languages."""

    def draw(generator: np.random.Generator):
        drawn = differences(generator, 200, languages, spread)
        drawn[:, :losing] -= loss
        old, new = sides(drawn)
        return compared({"retrieval": old}, {"retrieval": new})

    return draw


def counts(draw, runs: int = 10) -> dict[str, int]:
    return dict(tally(Scenario("", draw, signs=199), runs, seed=0).counts)


def test_nothing_that_differs_passes_and_is_below_no_cut():
    assert counts(lower(0, spread=0)) == {PASSED: 10}


def test_loss_in_all_languages_fails_by_role_and_language():
    assert counts(lower(0.3)) == dict.fromkeys(
        [FAILED, BY_ROLE, BY_LANGUAGE, SURE, MEAN_SMALL, MEAN_LARGE, LANGUAGE_LARGE], 10
    )


def test_loss_in_one_language_fails_by_the_worst_language_alone():
    assert counts(lower(0.15, losing=1, spread=0.1)) == dict.fromkeys(
        [FAILED, BY_LANGUAGE, SURE, MEAN_SMALL, LANGUAGE_LARGE], 10
    )


def test_sure_loss_within_the_margin_passes():
    assert counts(lower(0.03, spread=0.05)) == dict.fromkeys([PASSED, SURE, MEAN_SMALL], 10)


def test_run_that_can_not_tell_neither_fails_nor_passes():
    found = counts(lower(0, languages=1, losing=1, spread=0.45), runs=40)
    assert found[UNDECIDED] > 10 and sum(found.get(what, 0) for what in (FAILED, UNDECIDED, PASSED)) == 40
    assert UNDECIDED == CANT_TELL


def test_run_that_fails_in_one_role_and_can_not_tell_in_another_fails():
    worse, unsure = lower(0.3, languages=1), lower(0, languages=1, losing=1, spread=0.45)
    found = counts(lambda generator: {**worse(generator), "similarity": unsure(generator)["retrieval"]}, runs=40)
    assert found[FAILED] == found[BY_ROLE] == 40 and UNDECIDED not in found and PASSED not in found


def test_what_was_lost_is_the_mean_over_draws():
    found = tally(Scenario("", lower(0.06, losing=1), signs=19), 40, seed=0)
    assert found.losses["retrieval"] == pytest.approx(0.01, abs=0.005)
    assert found.cell_losses["retrieval", "l0"] == pytest.approx(0.06, abs=0.008)
    assert found.spread == pytest.approx(0.25 * np.sqrt(0.5 + 0.5 / 6), rel=0.05)
    assert table.largest(found.cell_losses).endswith(" retrieval, l0")


def test_first_draws_are_the_same_however_many_there_are():
    few, more = (tally(Scenario("", lower(0.03), signs=99), runs, seed=0) for runs in (3, 6))
    last = more.counts - few.counts
    assert not few.counts - more.counts and sum(last[what] for what in (FAILED, UNDECIDED, PASSED)) == 3


def test_interval_of_a_rate_is_that_of_clopper_and_pearson():
    found = tally(Scenario("", lower(0.03), signs=99), 20, seed=0)
    count = found.counts[FAILED]
    assert 0 < count < 20
    ends = beta.ppf(0.025, count, 21 - count), beta.ppf(0.975, count + 1, 20 - count)
    assert found.rate(FAILED) == pytest.approx((count / 20, *ends))
    assert found.rate("never") == pytest.approx((0, 0, 1 - 0.025 ** (1 / 20)))
    assert table.rate(found, "never") == "0% (0 to 16.8)"


def test_usual_spread_passes_in_nine_of_ten_null_runs_and_fails_in_at_most_one_of_twenty():
    (usual,) = [one for one in scenarios.simulated_null() if one.least_passes]
    found = tally(usual, 60, seed=0)
    assert found.missing == [] and found.counts[PASSED] >= 54 and found.counts[FAILED] <= 3


def test_exponential_differences_have_no_mean():
    drawn = [
        one.difference.mean for seed in range(20) for one in scenarios.skewed(np.random.default_rng(seed)).values()
    ]
    assert np.mean(drawn) == pytest.approx(0, abs=3 * scenarios.SKEW / np.sqrt(20 * 4 * 200 * 6))


def test_more_failures_than_allowed_are_said():
    found = tally(Scenario("lossy", lower(0.2), 99, most_failures=0.05, least_passes=0.9), 20, seed=0)
    assert found.missing == [
        "lossy: fails in 100.0% of 20 runs, needs at most 5%",
        "lossy: passes in 0.0% of 20 runs, needs at least 90%",
    ]
    assert tally(Scenario("lossy", lower(0.2), 99), 20, seed=0).missing == []


# --- topics -----------------------------------------------------------------------------------------------------


def by_topic(within: float, between: float, languages: int = 3) -> Together:
    """Of 200 topics of five items, whose differences spread by so much within a topic and between topics."""
    drawn = np.random.default_rng(0)
    of_item = drawn.normal(0, between, (200, 1)) + drawn.normal(0, within, (200, 5))
    names = [f"topic {topic}-{item}" for topic in range(200) for item in range(5)]
    old, new = sides(np.repeat(of_item.reshape(-1, 1), languages, axis=1))
    rename = {f"item {row:05}": name for row, name in enumerate(names)}
    one, other = ({(rename[item], language): value for (item, language), value in side.items()} for side in (old, new))
    return together(compared({"role": one}, {"role": other})["role"], topic_of)


def test_items_that_differ_each_on_its_own_hang_in_no_topic():
    found = by_topic(within=0.1, between=0)
    assert found.correlation == pytest.approx(0, abs=0.05) and found.wider == pytest.approx(1, abs=0.1)


def test_items_of_a_topic_that_differ_alike_widen_the_error():
    """A correlation of .5 among five items makes the error sqrt(1 + 4 x .5) as large."""
    found = by_topic(within=0.1, between=0.1)
    assert found.correlation == pytest.approx(0.5, abs=0.06)
    assert found.wider == pytest.approx(np.sqrt(1 + 4 * found.correlation), rel=0.01)
    assert by_topic(0, 0) == Together(0, 1)


# --- systems ------------------------------------------------------------------------------------------------------


@pytest.fixture
def texts():
    return some_evidence()


def random_system(name: str, texts, seed: int, asked: list[str], languages=None) -> Observed:
    """A system whose vectors have nothing to do with texts, and a copy of it that gives all texts one vector."""
    by_text = {text.text: random_vectors(texts, seed)[text.id] for text in texts.texts}

    def open_(work):
        asked.append(name)
        return lambda some, task: {
            INTACT: np.stack([by_text[text] for text in some]),
            "one vector": np.ones((len(some), 16)),
        }

    return Observed(name, open_, dict.fromkeys(Role, "embedding"), languages)


def test_systems_are_asked_once_and_their_answers_kept(texts, tmp_path):
    asked: list[str] = []
    system = random_system("random", texts, 0, asked, ("en", "ar"))
    found = Observations(texts, tmp_path, [system]).values("random")
    again = Observations(texts, tmp_path, [system])
    assert again.values("random") == found and asked == ["random"]
    assert found.keys() == {measure.name for measure in MEASURES}
    assert {language for _, language in found["retrieval"]} == {"en", "ar"}
    assert again.values("random", "one vector")["retrieval"] != found["retrieval"]


def test_broken_language_has_the_vectors_of_the_other_system(texts, tmp_path):
    systems = [random_system(name, texts, seed, []) for seed, name in enumerate(("sound", "other"))]
    observed = Observations(texts, tmp_path, systems)
    sound, other = (observed.values(name)["retrieval"] for name in ("sound", "other"))
    mixed = observed.with_language_of("sound", "other", "ar")["retrieval"]
    arabic = {key for key in mixed if key[1] == "ar"}
    assert (
        {key: mixed[key] for key in arabic}
        == {key: other[key] for key in arabic}
        != {key: sound[key] for key in arabic}
    )
    assert all(mixed[key] == sound[key] for key in mixed.keys() - arabic)


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def run_command(monkeypatch, tmp_path):
    """Run the command on tables of one row that loses so much, or whose model can't be had; the page is a copy."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{command.begin('null')}\n\nold\n{END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(command, "PAGE", page)

    def run(loss, *options):
        def of(observed):
            if isinstance(loss, Exception):
                raise loss
            yield Scenario("a row", lower(loss), 19, most_failures=0.05)

        drawn = {"null": table.of_null, "layers": table.of_losses}
        monkeypatch.setattr(command, "SECTIONS", {name: command._drawn(of, in_md) for name, in_md in drawn.items()})
        monkeypatch.setattr(sys, "argv", ["tests.error_rates", f"--work={tmp_path / 'work'}", "--draws=8", *options])
        return command.main(), page.read_text(encoding="utf-8")

    return run


def test_command_fails_where_null_runs_do(run_command, capsys):
    assert run_command(0, "--only=layers")[0] == 0
    assert run_command(0.2, "--only=null")[0] == 1
    assert "\na row: fails in 100.0% of 8 runs, needs at most 5%" in capsys.readouterr().out


def test_command_writes_the_tables_that_were_asked_for(run_command):
    assert "\nold\n" in run_command(0, "--only=null")[1]
    page = run_command(0, "--only=null", "--page")[1]
    assert page.startswith(f"before\n{command.begin('null')}\n\n| two sides | widest spread |")
    assert "\n| a row | 0.19 | 0% (0 to 36.9) |" in page and page.endswith(f"\n{END}\nafter\n")


def test_model_that_can_not_be_had_is_one_line(run_command, capsys):
    assert run_command(NotAsExpectedError("some-weights==1.0 isn't installed"), "--only=null")[0] == 2
    assert capsys.readouterr().err == "tests.error_rates: some-weights==1.0 isn't installed\n"


# --- the page -----------------------------------------------------------------------------------------------------


def rows_of(section: str) -> list[list[str]]:
    """Cells of a table's rows, but for the two of its heading."""
    page = command.PAGE.read_text(encoding="utf-8")
    lines = page.partition(command.begin(section))[2].partition(END)[0].strip().splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in lines[2:]]


class Nobody:
    """In place of observations, where only the names of scenarios are read."""

    def values(self, name: str, copy: str = INTACT) -> dict:
        return {"retrieval": {("item", language): 0.0 for language in ("ar", "de", "en", "es", "fr", "zh")}}

    def with_language_of(self, name: str, broken: str, language: str) -> dict:
        return self.values(name)


@pytest.mark.parametrize("section", command.DRAWN)
def test_page_has_every_row_in_order(section):
    of, _ = command.DRAWN[section]
    assert [row[0] for row in rows_of(section)] == [scenario.name for scenario in of(Nobody())]


def test_page_has_every_pair_and_role():
    pairs = [f"{scenarios.called(old)} / {scenarios.called(new)}" for old, new in scenarios.PAIRS]
    assert [(row[0], row[1]) for row in rows_of("topics")] == [(name, one.name) for name in pairs for one in MEASURES]


def share(cell: str) -> float:
    return float(cell.partition("%")[0])


def test_page_says_what_null_runs_may_do():
    held = [scenario.name for scenario in scenarios.null(Nobody()) if scenario.most_failures is not None]
    failures = {row[0]: share(row[2]) for row in rows_of("null")}
    assert len(held) == len(scenarios.PAIRS) + 1
    assert max(failures[name] for name in held) <= 100 * scenarios.MOST_FAILURES
    (usual,) = [row for row in rows_of("null") if f"spread {drawn_values.SPREAD}," in row[0]]
    assert share(usual[7]) >= 100 * scenarios.LEAST_PASSES
