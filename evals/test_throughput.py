"""How fast does it encode? Per task and length regime, timed by pytest-benchmark.

A first call outside the clock warms up and gives the embeddings that the timed calls must reproduce; the device is
synchronised inside the clock. Rounds stop at the precision that the options ask for (see
``fixtures.run.pytest_policy`` and ``tox run -e bench``). Compare two runs on one machine with ``--benchmark-save`` and
``--benchmark-compare``.
"""

import pytest

from fixtures.comparing.cases import farthest
from fixtures.comparing.distances import cosine_distances
from fixtures.comparing.rows import THROUGHPUT, at_most, measured
from fixtures.speed.measuring import in_other_batches, lengths_of, why_not
from fixtures.texts.workloads import REGIMES, workload


@pytest.mark.parametrize("regime", REGIMES)
def test_encode_throughput(benchmark, encoder, device, task, regime, settings, rounding, run_report, claims):
    work = workload(regime, settings.benchmark_tokens)
    if reason := why_not(encoder.spec, work):
        pytest.skip(reason)
    reference = in_other_batches(encoder, work.texts, task)
    encoder.encode(work.texts, task)
    benchmark.group = f"encode on {device}"

    def encode():
        vectors = encoder.encode(work.texts, task)
        encoder.wait()
        return vectors

    vectors = benchmark(encode)
    distances = cosine_distances(vectors, reference)
    worst = farthest(work.texts, distances)
    same = at_most("cosine distance of the timed result", distances.max(), rounding, worst=worst)
    if benchmark.stats is None:
        claims.hold(same)
        note = "throughput was not measured: benchmarks are disabled (--benchmark-disable, or pytest-xdist's -n)"
        run_report.notes += [note] if note not in run_report.notes else []
        return
    stats = benchmark.stats.stats
    figures = work.figures(lengths_of(encoder, work.texts, task), stats.median)
    benchmark.extra_info.update(figures)
    detail = {**figures, "spread": stats.iqr / stats.median / 2, "rounds": stats.rounds}
    claims.hold(
        same,
        measured("sentences_per_second", figures["sentences_per_second"]),
        measured("tokens_per_second", figures["tokens_per_second"]),
        measured(THROUGHPUT, figures["sentences_per_second"], n=stats.rounds, detail=detail),
    )
