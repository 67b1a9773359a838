"""Is it slower than the old system? Both are open and timed in turn: made with ``--max-slowdown``, else not collected.

What is timed, how it is judged, and how often that is wrong: docs/throughput.md.
"""

import pytest


def test_it_is_not_slower_than_the_old_system(device, speed_beside_the_old, claims):
    if not speed_beside_the_old:
        pytest.skip("not asked: --max-slowdown gives no slowdown to judge by")
    claims.hold(*speed_beside_the_old)
