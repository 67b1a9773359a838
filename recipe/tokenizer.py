"""The student's tokenizer: XLM-R's own class and normalisation, with a vocabulary of its own."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import XLMRobertaTokenizer

from recipe.sources import CORE_LANGUAGES
from recipe.texts import SEED, TrainingText, load_texts
from recipe.workspace import Workspace

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
MASK_TOKEN = "<mask>"
VOCABULARY = 54_000
TRAINED_PIECES = 40_000
MAX_PIECE_LENGTH = 14
MAX_TOKENS = 1024
TEXTS_PER_LANGUAGE = 30_000
WHOLE_WORDS = 34_000
CHINESE_WORDS = 3_000
CHARACTERS = 5_500
MIN_CHARACTER_COUNT = 3
_CASELESS = ("zh", "ar")
_MIN_SHARE_OF_FORM = 0.25
_WRITTEN_KINDS = ("story", "phrase", "prose", "verse")
_WORD = re.compile(r"[^\W\d_]+")
_PUNCTUATION = re.compile(r"[^\w\s'’\-]")


def tokenizer(workspace: Workspace) -> None:
    """Stage `tokenizer`: train and save it."""
    texts = load_texts(workspace)
    words = whole_words((text.text for text in texts if text.kind in _WRITTEN_KINDS), WHOLE_WORDS)
    trained = train_tokenizer(balanced_sample(texts, TEXTS_PER_LANGUAGE), words=words)
    trained.save_pretrained(workspace.tokenizer)
    workspace.mark_done("tokenizer", vocabulary=len(trained))


def balanced_sample(texts: Iterable[TrainingText], per_language: int) -> list[str]:
    """At most so many texts of each language, in a seeded order."""
    shuffled = list(texts)
    random.Random(SEED).shuffle(shuffled)
    counts: Counter[str] = Counter()
    sample = []
    for text in shuffled:
        if counts[text.language] < per_language:
            counts[text.language] += 1
            sample.append(text.text)
    return sample


def whole_words(texts: Iterable[str], count: int) -> dict[str, float]:
    """Pieces for the most frequent words of each core language, with their log probabilities.

    A Unigram trainer cuts words into stems and endings; a small student learns more from words
    that stay whole. Written with a capital where the texts write them so.
    """
    from wordfreq import top_n_list, word_frequency

    written: Counter[str] = Counter()
    for text in texts:
        written.update(_WORD.findall(text))
    pieces: dict[str, float] = {}
    ranked = enumerate(zip(*(top_n_list(language, count) for language in CORE_LANGUAGES), strict=False))
    for rank, words in ranked:
        for language, word in zip(CORE_LANGUAGES, words, strict=True):
            if len(word) < 2 or not word.isalpha():
                continue
            if language == "zh" and rank >= CHINESE_WORDS:
                continue
            probability = word_frequency(word, language) / len(CORE_LANGUAGES)
            forms = {word} if language in _CASELESS else {word, word.capitalize()}
            total = sum(written[form] for form in forms) + len(forms)
            for form in sorted(forms):
                share = (written[form] + 1) / total
                if share >= _MIN_SHARE_OF_FORM:
                    piece = form if language == "zh" else f"▁{form}"
                    pieces[piece] = max(pieces.get(piece, -99.0), math.log(probability * share))
            if len(pieces) >= count:
                return pieces
    return pieces


def with_whole_words(
    trained: Sequence[tuple[str, float]], words: dict[str, float], size: int
) -> list[tuple[str, float]]:
    """The words, and as many of the trained pieces as there is room for, likeliest first."""
    special, learned = trained[: len(SPECIAL_TOKENS)], trained[len(SPECIAL_TOKENS) :]
    likeliest = sorted(learned, key=lambda item: -item[1])
    single = [item for item in likeliest if len(item[0]) == 1][:CHARACTERS]
    longer = [item for item in likeliest if len(item[0]) > 1 and item[0] not in words]
    room = size - len(special) - len(single) - len(words)
    return [*special, *single, *words.items(), *longer[: max(room, 0)]]


def train_tokenizer(
    texts: Sequence[str], vocabulary: int = VOCABULARY, words: dict[str, float] | None = None
) -> XLMRobertaTokenizer:
    """A Unigram tokenizer that treats text as XLM-R does: case kept, NFKC, no byte fallback."""
    charsmap = sentencepiece_normalisation()
    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.Precompiled(charsmap)
    unigram.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    trainer = trainers.UnigramTrainer(
        vocab_size=min(vocabulary - 1, TRAINED_PIECES),
        special_tokens=list(SPECIAL_TOKENS),
        unk_token="<unk>",
        max_piece_length=MAX_PIECE_LENGTH,
        initial_alphabet=_alphabet(texts),
        show_progress=False,
    )
    unigram.train_from_iterator((_PUNCTUATION.sub(r" \g<0> ", text) for text in texts), trainer)
    pieces = with_whole_words(_pieces(unigram), words or {}, vocabulary - 1)
    return XLMRobertaTokenizer(
        vocab=[*pieces, (MASK_TOKEN, 0.0)],
        model_max_length=MAX_TOKENS,
        _spm_precompiled_charsmap=charsmap,
    )


def sentencepiece_normalisation() -> bytes:
    """SentencePiece's `nmt_nfkc` rules, which XLM-R's tokenizer normalises by."""
    from sentencepiece import SentencePieceNormalizer, sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto())
    charsmap: bytes = proto.normalizer_spec.precompiled_charsmap
    return charsmap


def _alphabet(texts: Iterable[str]) -> list[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return sorted(char for char, count in counts.items() if count >= MIN_CHARACTER_COUNT)


def _pieces(unigram: Tokenizer) -> list[tuple[str, float]]:
    return [(piece, score) for piece, score in json.loads(unigram.to_str())["model"]["vocab"]]
