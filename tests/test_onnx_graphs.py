"""What an ONNX file holds is read without onnx and onnxruntime: held against what the onnx package reads."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fixtures.errors import CheckpointError
from fixtures.runtimes.onnx.graph import ELEMENTS, read_graph
from tests.checkpoints.onnx_graphs import ALL_INPUTS, PLAIN, Shape, write_graph

SHAPES = {
    "plain": PLAIN,
    "integers": Shape(integers=True),
    "float16": Shape(element="FLOAT16"),
    "pooled": Shape(output="sentence_embedding", both=True),
    "positions": Shape(inputs=(*ALL_INPUTS, "position_ids"), ids="INT32"),
    "fixed": Shape(fixed=(1, 16)),
}


def slots(values):
    """Name -> type and shape, as the onnx package reads them."""
    found = {}
    for value in values:
        tensor = value.type.tensor_type
        axes = [axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim]
        found[value.name] = (ELEMENTS[tensor.elem_type], tuple(axes))
    return found


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_graph_is_read_as_onnx_reads_it(tmp_path, shape):
    write_graph(tmp_path / "model.onnx", shape)
    read, theirs = read_graph(tmp_path / "model.onnx"), onnx.load(tmp_path / "model.onnx").graph
    assert {name: (slot.element, slot.shape) for name, slot in read.inputs.items()} == slots(theirs.input)
    assert {name: (slot.element, slot.shape) for name, slot in read.outputs.items()} == slots(theirs.output)
    assert read.operators == {node.op_type for node in theirs.node}
    weights = Counter()
    for one in theirs.initializer:
        weights[ELEMENTS[one.data_type]] += int(np.prod(one.dims))
    assert (read.weights, read.external) == (weights, ())


def test_numbers_of_types_are_those_of_onnx():
    spelled = {"float32": "FLOAT", "float64": "DOUBLE"}
    theirs = {number: TensorProto.DataType.Value(spelled.get(name, name.upper())) for number, name in ELEMENTS.items()}
    assert theirs == {number: number for number in ELEMENTS}


def test_operators_of_branches_and_functions_and_numbers_of_constants_are_read_too(tmp_path):
    number = numpy_helper.from_array(np.ones((2, 3), np.float16), "number")
    inner = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "branch",
        [],
        [helper.make_tensor_value_info("c", TensorProto.INT32, None)],
        [numpy_helper.from_array(np.zeros(7, np.int8), "b")],
    )
    nodes = [
        helper.make_node("Constant", [], ["constant"], value=number),
        helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("x", "number_of_old_graphs")]
    outputs = [helper.make_tensor_value_info("y", TensorProto.INT32, None)]
    old = [numpy_helper.from_array(np.array(True), "number_of_old_graphs")]
    own = helper.make_function(
        "own", "Layer", ["p"], ["q"], [helper.make_node("QLinearMatMul", ["p"], ["q"])], [helper.make_opsetid("", 17)]
    )
    model = helper.make_model(helper.make_graph(nodes, "outer", inputs, outputs, old), functions=[own])
    onnx.save(model, tmp_path / "model.onnx")
    read = read_graph(tmp_path / "model.onnx")
    assert read.operators == {"Constant", "If", "MatMulInteger", "QLinearMatMul"}
    assert read.weights == {"float16": 6, "int8": 14, "bool": 1}
    assert list(read.inputs) == ["x"]  # what has a value already is asked of nobody
    assert read.outputs["y"].shape is None


def test_files_with_weights_of_a_graph_are_named(tmp_path):
    write_graph(tmp_path / "model.onnx", external="weights.bin")
    assert read_graph(tmp_path / "model.onnx").external == ("weights.bin",)


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9, 0.99999])
def test_graph_that_was_cut_off_is_refused(tmp_path, share):
    write_graph(tmp_path / "model.onnx")
    content = (tmp_path / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(content[: max(3, int(len(content) * share))])
    with pytest.raises(CheckpointError, match=r"model\.onnx: (cut off, or )?no ONNX file.*; fetch or export it again"):
        read_graph(tmp_path / "model.onnx")


def test_whatever_the_bytes_are_reading_ends_in_a_graph_or_in_one_line(tmp_path):
    write_graph(tmp_path / "model.onnx", Shape(dimension=2, words=5, positions=3))
    content = bytearray((tmp_path / "model.onnx").read_bytes())
    random = np.random.default_rng(1)
    refused = []
    for _ in range(400):
        damaged = content.copy()
        for at in random.integers(0, len(content), 3):
            damaged[at] = random.integers(0, 256)
        (tmp_path / "model.onnx").write_bytes(damaged)
        try:
            read_graph(tmp_path / "model.onnx")
        except CheckpointError as error:
            refused.append(str(error))
    assert len(refused) > 50 and not any("\n" in line for line in refused)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "empty; fetch or export it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "is a Git LFS pointer"),
        (b"\x08\x09", "holds no ONNX graph"),
    ],
    ids=["empty", "pointer", "no graph"],
)
def test_file_that_holds_no_graph_is_refused(tmp_path, content, line):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=line):
        read_graph(tmp_path / "model.onnx")


def test_folder_by_the_name_of_a_graph_is_refused(tmp_path):
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(CheckpointError, match="a folder where a file belongs"):
        read_graph(tmp_path / "model.onnx")
