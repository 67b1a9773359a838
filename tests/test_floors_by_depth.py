"""Floors of models that are deeper than the one that they were measured on."""

from fixtures.comparing import drift
from fixtures.comparing.floors import floors
from fixtures.texts.anchors import anchor_set
from tests.checkpoints.sentence_transformers_folders import write_sentence_transformers
from tests.opened_folders import opened

TEXTS = [text for text in anchor_set(None).texts.values() if len(text) < 200][:40]


def largest_shares(folder, layers: int) -> dict[str, float]:
    """The largest movement between batches of a random model, as shares of its floors."""
    encoder = opened(write_sentence_transformers(folder, layers=layers, spread=0.25))
    task, seen = encoder.tasks[0], []
    before = encoder.encode(TEXTS, task)
    for options in ({"batch_tokens": 1}, {"batch_tokens": 64}, {"padding_side": "left"}):
        seen.append(drift.measure(before, encoder.encode(TEXTS, task, **options)))
    least = floors("float32", encoder.spec.layers)
    return {name: max(one[name] for one in seen) / least[name] for name in ("vector max", "vector rms")}


def test_rounding_over_24_layers_takes_no_larger_share_of_their_floors_than_over_two(tmp_path):
    shallow, deep = (largest_shares(tmp_path / str(layers), layers) for layers in (2, 24))
    for name, share in deep.items():
        # Seen: about as large a share. By the floors of two layers it would be three times as large.
        assert 0 < share < 1.75 * shallow[name]
