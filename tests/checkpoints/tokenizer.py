"""The tokenizer of every checkpoint that tests write."""

import string
import unicodedata
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from fixtures.texts import corpus
from fixtures.texts.long_texts import long_text
from tests.checkpoints.changes import write_json

JINA_V3_PREFIXES = {
    "retrieval.query": "Represent the query for retrieving evidence documents: ",
    "retrieval.passage": "Represent the document for retrieval: ",
    "separation": "",
    "classification": "",
    "text-matching": "",
}
TEXTS = ["Follow the white rabbit.", "Hello", "", "the query for the document " * 12, "Ünïcödé für alle"]
"""Texts that every layout is asked for: short, none, long, in other scripts."""
MAX_LENGTH = 500
SPECIAL_TOKENS = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}


@cache
def vocabulary() -> tuple[tuple[str, float], ...]:
    """The pieces, with scores, by id: words of the corpus, and characters and two endings for the rest."""
    shown = "".join(corpus.shown_sentences().values())
    latin = "".join(map(chr, range(0xC0, 0x100)))
    sentences = [text for meaning in corpus.meanings() for text in meaning.texts.values()]
    stock = " ".join([long_text(530), *JINA_V3_PREFIXES.values(), *sentences])
    characters = {"▁", *string.printable, *_normalised(shown), *latin} - {*string.whitespace}
    words = {f"▁{word}" for word in _normalised(stock).split() if word}
    pieces = [(token, 0.0) for token in SPECIAL_TOKENS.values()]
    pieces += [(character, -10.0) for character in sorted(characters)]
    pieces += [(ending, -8.0) for ending in ("ed", "ing")]  # pieces within a word, as a trained vocabulary has
    return (*pieces, *((word, -5.0) for word in sorted(words)))


def write_tokenizer(folder: Path, max_length: int = MAX_LENGTH) -> None:
    """Write XLM-RoBERTa's pipeline (unigrams, ``<s> ... </s>``) over this vocabulary."""
    tokenizer = Tokenizer(models.Unigram(list(vocabulary()), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    spaces = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), spaces])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS.values()))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {f"{kind}_token": token for kind, token in (SPECIAL_TOKENS | {"cls": "<s>", "sep": "</s>"}).items()}
    settings |= {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": max_length, "add_prefix_space": True}
    write_json(folder / "tokenizer_config.json", settings)


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
