"""How fast does it encode? Per task and length regime, timed by pytest-benchmark.

A first call outside the clock warms up and gives the embeddings that the timed calls must reproduce; the device is
synchronised inside the clock. Rounds stop at the precision that the options ask for (see
``fixtures.run.pytest_policy`` and ``tox run -e bench``). Compare two runs on one machine with ``--benchmark-save`` and
``--benchmark-compare``.
"""

import pytest

from fixtures.comparing.bounds import rounding_distance
from fixtures.comparing.distances import cosine_distances, worst_texts
from fixtures.hardware import devices
from fixtures.run.throughput import REGIMES, workload


@pytest.mark.parametrize("regime", REGIMES)
def test_encode_throughput(benchmark, encoder, device, task, regime, settings, run_report, claims):
    work = workload(regime, settings.benchmark_tokens)
    reference = encoder.encode(work.texts, task, batch_tokens=512)
    encoder.encode(work.texts, task)
    benchmark.group = f"encode on {device}"

    def encode():
        vectors = encoder.encode(work.texts, task)
        devices.synchronize(device)
        return vectors

    vectors = benchmark(encode)
    distances = cosine_distances(vectors, reference)
    worst = worst_texts(work.texts, distances)
    allowed = rounding_distance(settings.dtype)
    claims.at_most("cosine distance of the timed result", distances.max(), allowed, worst=worst)
    if benchmark.stats is None:
        note = "throughput was not measured: benchmarks are disabled (--benchmark-disable, or pytest-xdist's -n)"
        run_report.notes += [note] if note not in run_report.notes else []
        return
    stats = benchmark.stats.stats
    figures = work.figures([len(ids) for ids in encoder.tokenize(work.texts, task)], stats.median)
    benchmark.extra_info.update(figures)
    for name in ("tokens_per_second", "sentences_per_second"):
        claims.measured(name, figures[name])
    spread = stats.iqr / stats.median / 2
    run_report.throughput.append({"device": device, "task": task, **figures, "spread": spread, "rounds": stats.rounds})
