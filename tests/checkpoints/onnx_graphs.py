"""Small ONNX graphs with random weights, and folders with one, written in a moment; and every way to spoil them.

A graph is what an exporter writes of an encoder of one layer: words, positions and types, attention by the mask, and a
dense layer. The same seed gives the same weights in every shape of it.

onnx is imported here, at once: pytester takes modules off again that a test imported first, and onnx aborts the process
when it is imported twice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

from tests.checkpoints.changes import write_json
from tests.checkpoints.tokenizer import vocabulary, write_tokenizer

ALL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
POSITIONS = 500


@dataclass(frozen=True)
class Shape:
    """What a graph looks like.

    Attributes:
        dimension: components of a token's state.
        positions: tokens that it takes at most.
        words: tokens that it knows; by default those of the tests' tokenizer.
        inputs: their names; one beyond the three that encoders have is added to the states as it is.
        ids: the type of elements of all inputs.
        output: the name of the states, or ``sentence_embedding``, their mean.
        both: whether it gives the states too where it gives the mean.
        normalised: whether it divides the mean by its length.
        element: the type of its weights and outputs.
        integers: whether its dense layer computes in integers, scaled by all that goes through at once.
        coarse: whether a token of few texts, "Y", is so large that these integers leave little of the others.
        fixed: the shape of its inputs where it isn't free.
        spoiled: a value that one weight of each word's gets.
    """

    dimension: int = 32
    positions: int = POSITIONS
    words: int | None = None
    inputs: tuple[str, ...] = ALL_INPUTS
    ids: str = "INT64"
    output: str = "last_hidden_state"
    both: bool = False
    normalised: bool = False
    element: str = "FLOAT"
    integers: bool = False
    coarse: bool = False
    fixed: tuple[int, int] | None = None
    spoiled: float | None = None


PLAIN = Shape()


class _Writing:
    """Collects nodes and weights."""

    def __init__(self, shape: Shape) -> None:
        from onnx import TensorProto

        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._shape = shape
        self._random = np.random.default_rng(7)
        self.element = getattr(TensorProto, shape.element)
        self._kind = {"FLOAT": np.float32, "FLOAT16": np.float16, "DOUBLE": np.float64}[shape.element]

    def random(self, name: str, *size: int, scale: float = 1.0) -> str:
        return self.constant(name, (self._random.standard_normal(size) * scale).astype(self._kind))

    def constant(self, name: str, value: Any, kind: Any = None) -> str:

        self.weights.append(numpy_helper.from_array(np.array(value, dtype=kind), name))
        return name

    def number(self, name: str, value: float) -> str:
        return self.constant(name, value, self._kind)

    def __call__(self, operator: str, *inputs: str, to: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, list(inputs), [to], **attributes))
        return to


def write_graph(path: Path, shape: Shape = PLAIN, *, external: str | None = None) -> None:
    """Write a graph; with ``external`` its weights lie in another file of that name beside it."""

    add = _Writing(shape)
    states = _states(add, shape)
    axes = shape.fixed or ("batch", "sequence")
    ids = getattr(TensorProto, shape.ids)
    inputs = [helper.make_tensor_value_info(name, ids, axes) for name in shape.inputs]
    outputs = [helper.make_tensor_value_info(states, add.element, [*axes, shape.dimension])]
    if shape.output == "sentence_embedding":
        _mean(add, states, normalised=shape.normalised)
        pooled = helper.make_tensor_value_info(shape.output, add.element, [axes[0], shape.dimension])
        outputs = [*(outputs if shape.both else []), pooled]
    graph = helper.make_graph(add.nodes, "encoder", inputs, outputs, add.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    outside = {"save_as_external_data": True, "location": external, "size_threshold": 1024} if external else {}
    onnx.save(model, str(path), **outside)


def _states(add: _Writing, shape: Shape) -> str:
    """Add the layers, and return the name of the last states."""
    size, words = shape.dimension, shape.words or len(vocabulary())
    scale = size**-0.5
    table = add.random("words", words, size)
    if shape.coarse:
        largest = np.ones((words, 1))
        largest[[piece for piece, _ in vocabulary()].index("Y")] = 60
        table = add("Mul", table, add.constant("largest", largest, np.float32), to="uneven_words")
    if shape.spoiled is not None:
        add("Mul", table, add.number("spoiled", shape.spoiled), to="spoiled_words")
        table = "spoiled_words"
    length = add("Gather", add("Shape", "input_ids", to="sizes"), add.constant("second", 1, np.int64), to="length")
    zero, one = add.constant("zero", 0, np.int64), add.constant("one", 1, np.int64)
    places = add("Range", zero, length, one, to="places")
    positions = add("Gather", add.random("positions", shape.positions, size, scale=0.1), places, to="placed")
    states = add("Add", add("Gather", table, "input_ids", to="looked_up"), positions, to="embedded")
    if "token_type_ids" in shape.inputs:
        types = add("Gather", add.random("types", 2, size, scale=0.1), "token_type_ids", to="typed")
        states = add("Add", states, types, to="embedded_typed")
    for name in (name for name in shape.inputs if name not in ALL_INPUTS):
        axis = add("Unsqueeze", _number(add, name), add.constant(f"{name}_axis", [2], np.int64), to=f"{name}_wide")
        states = add("Add", states, axis, to=f"embedded_{name}")
    keys = add("MatMul", states, add.random("key", size, size, scale=scale), to="keys")
    queries = add("MatMul", states, add.random("query", size, size, scale=scale), to="queries")
    scores = add("MatMul", queries, add("Transpose", keys, to="turned", perm=[0, 2, 1]), to="scores")
    if "attention_mask" in shape.inputs:
        missing = add("Sub", add.number("whole", 1), _number(add, "attention_mask"), to="missing")
        far = add("Mul", missing, add.number("far", -1e4), to="far_off")
        scores = add("Add", scores, add("Unsqueeze", far, add.constant("row", [1], np.int64), to="hidden"), to="masked")
    mixed = add("MatMul", add("Softmax", scores, to="shares", axis=-1), states, to="mixed")
    return _dense(add, add("Add", states, mixed, to="attended"), shape)


def _dense(add: _Writing, states: str, shape: Shape) -> str:
    size = shape.dimension
    name = "states" if shape.output == "sentence_embedding" and not shape.both else shape.output
    name = "token_embeddings" if shape.both else name
    if not shape.integers:
        return add("Add", states, add("MatMul", states, add.random("dense", size, size, scale=0.2), to="turn"), to=name)

    whole = np.random.default_rng(8).integers(-40, 40, (size, size))
    given = ["rounded", "scale", "middle"]
    add.nodes.append(helper.make_node("DynamicQuantizeLinear", [states], given))
    product = add("MatMulInteger", "rounded", add.constant("dense", whole, np.int8), "middle", to="product")
    number = _number(add, product)
    scale = add("Mul", add.number("step", 0.004), "scale", to="both_scales")
    return add("Add", states, add("Mul", number, scale, to="turn"), to=name)


def _number(add: _Writing, name: str) -> str:
    """Cast to the type of the weights."""

    add.nodes.append(helper.make_node("Cast", [name], [f"{name}_number"], to=add.element))
    return f"{name}_number"


def _mean(add: _Writing, states: str, *, normalised: bool) -> None:
    last = add.constant("last_axis", [2], np.int64)
    weights = add("Unsqueeze", _again(add, "attention_mask"), last, to="weights")
    along = add.constant("along", [1], np.int64)
    total = add("ReduceSum", add("Mul", states, weights, to="weighted"), along, to="total", keepdims=0)
    count = add("ReduceSum", weights, along, to="count", keepdims=0)
    mean = add("Div", total, count, to="mean" if normalised else "sentence_embedding")
    if normalised:
        add("Div", mean, add("ReduceL2", mean, to="long", axes=[1]), to="sentence_embedding")


def _again(add: _Writing, name: str) -> str:
    made = {output for node in add.nodes for output in node.output}
    return f"{name}_number" if f"{name}_number" in made else _number(add, name)


def write_onnx_folder(
    folder: Path,
    shape: Shape = PLAIN,
    *,
    graph: str = "model.onnx",
    modules: bool = True,
    pooling: str = "mean",
    normalise: bool = True,
    max_length: int | None = None,
    prompts: dict[str, str] | None = None,
) -> Path:
    """Write a folder with a graph and the tests' tokenizer, by default as sentence-transformers saves one.

    As published folders do, its three files state three lengths: ``tokenizer.json`` cuts at 24 tokens and fills up to
    24, ``tokenizer_config.json`` says 512; ``sentence_bert_config.json`` has the right one, ``max_length``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(folder / graph, shape)
    write_tokenizer(folder, max_length=512)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.normalizer = None  # decomposed letters are other tokens
    tokenizer.enable_truncation(24)
    tokenizer.enable_padding(length=24, pad_id=1, pad_token="<pad>")
    tokenizer.save(str(folder / "tokenizer.json"))
    if not modules:
        return folder
    positions = max_length or shape.positions
    steps = [("Transformer", ""), ("Pooling", "1_Pooling"), *([("Normalize", "2_Normalize")] if normalise else [])]
    write_json(
        folder / "modules.json",
        [
            {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for at, (kind, path) in enumerate(steps)
        ],
    )
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", {"embedding_dimension": shape.dimension, "pooling_mode": pooling})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": positions})
    write_json(folder / "config.json", {"model_type": "bert", "hidden_size": shape.dimension, "num_hidden_layers": 1})
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts or {}})
    return folder
