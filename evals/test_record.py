"""A record of the speed on each device, for machines laid side by side: made with ``--record``, else not collected.

Batches are swept first, and what is timed afterwards has the size at the peak: 4,096 tokens at once starve a card.
pytest-benchmark does the timing, as in ``test_throughput.py``, and timed embeddings must be those of other batches. The
record says how far the system moved from the old side, so that nobody picks a fast wrong kernel.
"""

import pytest

from fixtures.comparing.cases import farthest
from fixtures.comparing.distances import cosine_distances
from fixtures.comparing.rows import at_most, measured
from fixtures.speed import measuring
from fixtures.texts.workloads import LONG_REGIMES, REGIMES, workload


def test_batch_sweep(speed_record, swept, encoder, claims):
    if swept is None:
        pytest.skip(f"batches can't be set: {speed_record.unknown['batch sweep']}")
    curve = {str(size): speed for size, speed in swept.curve.items()}
    detail = {"curve": curve, "ended": swept.ended}
    claims.hold(measured("tokens of a batch at the peak", swept.peak, n=len(curve), detail=detail))


@pytest.mark.parametrize("regime", [*REGIMES, *LONG_REGIMES])
def test_speed(benchmark, regime, speed_record, swept, encoder, device, settings, rounding, claims):
    with speed_record.part(regime, pytest.skip.Exception):
        work = workload(regime, settings.benchmark_tokens)
        if reason := measuring.why_not(encoder.spec, work):
            pytest.skip(reason)
        task, vary = speed_record.task, {} if swept is None else {"batch_tokens": swept.peak}
        reference = measuring.in_other_batches(encoder, work.texts, task, vary.get("batch_tokens"))
        encoder.encode(work.texts, task, **vary)
        benchmark.group = f"record on {device}"

        def encode():
            vectors = encoder.encode(work.texts, task, **vary)
            encoder.wait()
            return vectors

        distances = cosine_distances(benchmark(encode), reference)
        stats = benchmark.stats.stats
        found = speed_record.timed(work, stats.median, stats.iqr / stats.median / 2, stats.rounds, distances)
        worst = farthest(work.texts, distances)
        claims.hold(
            at_most("cosine distance of the timed result", distances.max(), rounding, worst=worst),
            measured("sentences_per_second", found.sentences_per_second, n=found.rounds),
            measured("tokens_per_second", found.tokens_per_second, n=found.rounds),
        )


def test_latency_of_one_text(benchmark, speed_record, swept, encoder, device, settings, seconds_to_time, claims):
    with speed_record.part("latency", pytest.skip.Exception):
        texts, task = workload("short", settings.benchmark_tokens).texts, speed_record.task
        benchmark.group = f"record on {device}"

        def encode(text):
            encoder.encode([text], task)
            encoder.wait()

        encode(texts[0])
        took = measuring.seconds_of(lambda: encode(texts[0]))
        calls = measuring.latencies_within(took, seconds_to_time)
        benchmark.pedantic(encode, setup=measuring.in_turn(texts), rounds=calls)
        found = speed_record.latency(benchmark.stats.stats.data)
        claims.hold(
            measured("seconds for one text, median", found["median"], n=found["calls"]),
            measured("seconds for one text, 95th percentile", found["p95"], n=found["calls"]),
        )


def test_what_was_timed_is_beside_the_old_side(speed_record, old_side, request, claims):
    with speed_record.part("drift", pytest.skip.Exception):
        if old_side.reference is None:
            pytest.skip(old_side.problem or "nothing was recorded to compare with")
        findings = request.getfixturevalue("findings")
        verdicts = {task: (one.verdict.outcome, *one.verdict.worst) for task, one in findings.items()}
        if not verdicts:
            pytest.skip(f"{old_side.reference.called} and the model have no task in common")
        speed_record.drift(old_side.reference.called, verdicts)
        outcomes = ", ".join(dict.fromkeys(outcome for outcome, *_ in verdicts.values()))
        claims.hold(measured("outcome beside the old side", outcomes, n=len(verdicts)))
