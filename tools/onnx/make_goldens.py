"""Makes small ONNX files with what onnxruntime computes, as goldens for reading ONNX.

    python tools/onnx/make_goldens.py tests/goldens/onnx

Each case is a graph written with `onnx.helper`: `NAME.onnx`, and `NAME.npz` with inputs `x0, …` and
outputs `y0, …`. Needs `onnx`, `onnxruntime` and `numpy`; the same versions give the same bytes.
"""

import pathlib
import sys
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

KINDS = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}
CASES = {}


class Graph:
    """Nodes that are being written; constants become initializers."""

    def __init__(self, name):
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def floats(self, *shape):
        return self.random.normal(size=shape).astype("float32") * np.float32(0.5)

    def constant(self, array):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def input(self, array, shape):
        name = f"input{len(self.inputs)}"
        self.inputs.append((name, np.asarray(array), shape))
        return name

    def node(self, op_type, *inputs, outputs=1, **options):
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        given = [f"{op_type.lower()}{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op_type, names, given, name=given[0], **options))
        return given[0] if outputs == 1 else given

    def output(self, *names):
        self.outputs += names


def case(opset=21):
    def add(function):
        CASES[function.__name__] = (function, opset)
        return function

    return add


@case()
def convolutions(g):
    x = g.input(g.floats(2, 3, 9, 8), ["n", 3, 9, 8])
    y = g.node("Conv", x, g.floats(6, 3, 3, 3), g.floats(6), pads=[1, 1, 1, 1], strides=[2, 2])
    y = g.node("Relu", y)
    y = g.node("Conv", y, g.floats(6, 1, 3, 3), g.floats(6), pads=[1, 1, 1, 1], group=6)
    y = g.node("BatchNormalization", y, g.floats(6), g.floats(6), g.floats(6), np.abs(g.floats(6)) + np.float32(0.5), epsilon=1e-3)
    y = g.node("Clip", y, np.float32(0), np.float32(6))
    z = g.node("Conv", y, g.floats(4, 3, 2, 2), pads=[0, 1, 1, 0], group=2)
    g.output(g.node("Conv", z, g.floats(5, 4, 3, 3), dilations=[2, 2], pads=[2, 2, 2, 2]))
    g.output(g.node("GlobalAveragePool", y))
    g.output(g.node("GlobalMaxPool", y))


@case()
def convolutions_1d_3d(g):
    x = g.input(g.floats(2, 3, 10), ["n", 3, 10])
    y = g.node("Conv", x, g.floats(4, 3, 3), g.floats(4), auto_pad="SAME_UPPER", strides=[2])
    g.output(g.node("Conv", y, g.floats(4, 1, 3), group=4, pads=[2, 0]))
    v = g.input(g.floats(2, 2, 4, 5, 4), ["n", 2, 4, 5, 4])
    g.output(g.node("Conv", v, g.floats(3, 2, 2, 3, 2), g.floats(3), pads=[1, 1, 0, 0, 1, 1]))


@case()
def transposed_convolutions(g):
    x = g.input(g.floats(2, 3, 4, 5), ["n", 3, 4, 5])
    y = g.node("ConvTranspose", x, g.floats(3, 2, 3, 3), g.floats(2), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    g.output(g.node("ConvTranspose", y, g.floats(2, 2, 2, 2)))
    s = g.input(g.floats(2, 3, 5), ["n", 3, 5])
    g.output(g.node("ConvTranspose", s, g.floats(3, 2, 4), g.floats(2), strides=[3], pads=[0, 2]))


@case()
def pooling(g):
    x = g.input(g.floats(2, 3, 7, 8), ["n", 3, 7, 8])
    g.output(g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    g.output(g.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1))
    g.output(g.node("AveragePool", x, kernel_shape=[2, 3], strides=[2, 1]))
    g.output(g.node("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    g.output(g.node("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1))
    s = g.input(g.floats(2, 3, 9), ["n", 3, 9])
    g.output(g.node("MaxPool", s, kernel_shape=[2], strides=[2]))
    g.output(g.node("Resize", x, "", np.array([1, 1, 2, 3], "float32"), mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"))
    g.output(g.node("Resize", x, "", np.array([1, 1, 2, 2], "float32"), mode="linear"))
    deep = g.node("Conv", x, g.floats(8, 3, 1, 1))
    g.output(g.node("DepthToSpace", deep, blocksize=2))
    g.output(g.node("DepthToSpace", deep, blocksize=2, mode="CRD"))


@case()
def dense(g):
    x = g.input(g.floats(3, 5), ["n", 5])
    y = g.node("Gemm", x, g.floats(6, 5), g.floats(6), transB=1, alpha=0.5, beta=2.0)
    y = g.node("Add", g.node("MatMul", g.node("Gelu", y), g.floats(6, 4)), g.floats(4))
    g.output(g.node("Softmax", y))
    g.output(g.node("LogSoftmax", g.node("MatMul", y, g.floats(4, 3))))
    g.output(g.node("Gemm", x, x, transB=1))
    g.output(g.node("Einsum", y, x, equation="bi,bj->bij"))


@case()
def activations(g):
    x = g.input(g.floats(3, 4, 2) * np.float32(3), ["n", 4, 2])
    for op_type, options in [
        ("Relu", {}), ("LeakyRelu", {"alpha": 0.2}), ("Elu", {"alpha": 0.7}), ("Sigmoid", {}),
        ("Tanh", {}), ("Softplus", {}), ("Softsign", {}), ("Selu", {}), ("Celu", {"alpha": 1.5}),
        ("Gelu", {}), ("Gelu", {"approximate": "tanh"}), ("Mish", {}), ("HardSigmoid", {}),
        ("HardSwish", {}), ("ThresholdedRelu", {"alpha": 0.4}), ("Softmax", {"axis": 1}),
        ("Identity", {}),
    ]:
        g.output(g.node("Neg", g.node(op_type, x, **options)))
    g.output(g.node("PRelu", x, g.floats(4, 1)))
    g.output(g.node("Clip", x, np.float32(-0.5), np.float32(1.5)))
    g.output(g.node("Dropout", g.node("Exp", x), np.float32(0.4)))


@case(opset=11)
def older_operations(g):
    x = g.input(g.floats(3, 4, 2), ["n", 4, 2])
    g.output(g.node("Softmax", x, axis=1))
    y = g.node("Squeeze", g.node("Unsqueeze", x, axes=[1, 4]), axes=[1])
    g.output(g.node("ReduceSum", y, axes=[1], keepdims=0))
    parts = g.node("Split", x, axis=1, split=[1, 3], outputs=2)
    g.output(*parts)
    g.output(g.node("Dropout", g.node("Abs", x), ratio=0.3))


@case(opset=9)
def slices_of_version_9(g):
    x = g.input(g.floats(1, 4, 6), [1, 4, 6])
    g.output(g.node("Slice", x, axes=[1, 2], starts=[1, -3], ends=[9223372036854775807, -1]))
    batch = g.node("Unsqueeze", g.node("Gather", g.node("Shape", x), np.int64(0), axis=0), axes=[0])
    shape = g.node("Concat", batch, np.array([-1], "int64"), np.array([3], "int64"), axis=0)
    g.output(g.node("Reshape", x, shape))
    g.output(g.node("Clip", x, min=-0.2, max=0.3))


@case()
def shapes(g):
    x = g.input(g.floats(3, 4, 6), ["n", 4, 6])
    g.output(g.node("Flatten", x))
    g.output(g.node("Reshape", x, np.array([0, 2, -1], "int64")))
    g.output(g.node("Reshape", x, np.array([-1, 24], "int64")))
    batch = g.node("Shape", x, start=0, end=1)
    half = g.node("Div", g.node("Shape", x, start=2, end=3), np.array([2], "int64"))
    shape = g.node("Concat", batch, np.array([8], "int64"), half, axis=0)
    g.output(g.node("Reshape", x, shape))
    g.output(g.node("Transpose", x, perm=[0, 2, 1]))
    g.output(g.node("Squeeze", g.node("Unsqueeze", x, np.array([1, -1])), np.array([1])))
    g.output(g.node("Concat", x, g.node("Neg", x), axis=2))
    g.output(g.node("Slice", x, np.array([-1, 1]), np.array([-9223372036854775807, 6]), np.array([1, 2]), np.array([-2, 3])))
    g.output(*g.node("Split", x, axis=2, num_outputs=2, outputs=2))
    g.output(g.node("Pad", x, np.array([0, 1, 2, 0, 0, 1]), np.float32(0.5)))
    g.output(g.node("Pad", x, np.array([0, 1, 2, 0, 0, 1]), mode="reflect"))
    g.output(g.node("Tile", x, np.array([1, 2, 1])))
    g.output(g.node("Gather", x, np.array([[2, 0], [-1, 1]]), axis=1))
    g.output(g.node("Add", x, g.node("Expand", g.floats(6), g.node("Shape", x, start=1))))
    g.output(g.node("Expand", g.node("ReduceMax", x, np.array([1, 2])), np.array([1, 4, 2])))
    g.output(g.node("Mul", g.node("Expand", g.floats(1, 2), g.node("Concat", batch, np.array([2]), axis=0)), np.float32(2)))


@case()
def lookups(g):
    words = g.input(np.array([[1, 4, 0], [3, 3, 2]]), ["n", 3])
    y = g.node("Gather", g.floats(5, 4), words)
    y = g.node("ReduceMean", y, np.array([1]), keepdims=0)
    g.output(g.node("Sigmoid", g.node("Gemm", y, g.floats(4, 2), g.floats(2))))
    x = g.input(g.floats(2, 6), ["n", 6])
    g.output(g.node("ArgMax", x, axis=1, keepdims=0))
    g.output(*g.node("TopK", x, np.array([3]), outputs=2))
    g.output(g.node("GatherElements", x, words, axis=1))


@case()
def arithmetic(g):
    x = g.input(np.abs(g.floats(3, 5)) * np.float32(0.5) + np.float32(0.1), ["n", 5])
    z = g.input(np.abs(g.floats(3, 5)) + np.float32(0.2), ["n", 5])
    for op_type in ["Abs", "Acos", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Round", "Sign", "Sin", "Sinh", "Sqrt", "Tan"]:
        g.output(g.node(op_type, x))
    for op_type in ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mean", "Sum"]:
        g.output(g.node(op_type, x, z))
        g.output(g.node(op_type, g.floats(5) + np.float32(2), z))
    g.output(g.node("Mod", x, z, fmod=1))
    for op_type in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]:
        g.output(g.node("Cast", g.node(op_type, x, z), to=TensorProto.FLOAT))
    smaller, small = g.node("Less", x, z), g.node("Less", x, np.float32(0.3))
    for op_type in ["And", "Or", "Xor"]:
        g.output(g.node("Cast", g.node(op_type, smaller, small), to=TensorProto.INT64))
    g.output(g.node("Where", g.node("Not", small), x, g.floats(5)))
    i = g.input(np.array([[7, -7, 9]]), ["m", 3])
    g.output(g.node("Div", i, np.array([2, 2, 4])), g.node("Mod", i, np.array([4])))


@case()
def reductions(g):
    x = g.input(g.floats(3, 4, 5), ["n", 4, 5])
    for op_type in ["ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"]:
        g.output(g.node(op_type, x, np.array([1])))
        g.output(g.node(op_type, x, np.array([1, -1]), keepdims=0))
    g.output(g.node("CumSum", x, np.int64(1)))


@case()
def normalizations(g):
    x = g.input(g.floats(2, 4, 5, 6), ["n", 4, 5, 6])
    g.output(g.node("LayerNormalization", x, g.floats(6), g.floats(6), epsilon=1e-4))
    g.output(g.node("LayerNormalization", x, g.floats(5, 6), axis=2))
    g.output(g.node("InstanceNormalization", x, g.floats(4), g.floats(4)))
    g.output(g.node("GroupNormalization", x, g.floats(4), g.floats(4), num_groups=2))


@case()
def recurrent(g):
    x = g.input(g.floats(4, 2, 3), [4, "n", 3])
    b = lambda directions, width: g.floats(directions, 2 * width)
    g.output(*g.node("LSTM", x, g.floats(1, 20, 3), g.floats(1, 20, 5), b(1, 20), hidden_size=5, outputs=3))
    g.output(*g.node("LSTM", x, g.floats(2, 8, 3), g.floats(2, 8, 2), b(2, 8), hidden_size=2, direction="bidirectional", outputs=3))
    g.output(*g.node("GRU", x, g.floats(1, 9, 3), g.floats(1, 9, 3), b(1, 9), hidden_size=3, linear_before_reset=1, outputs=2))
    g.output(*g.node("GRU", x, g.floats(1, 9, 3), g.floats(1, 9, 3), b(1, 9), hidden_size=3, direction="reverse", outputs=2))
    g.output(*g.node("RNN", x, g.floats(1, 4, 3), g.floats(1, 4, 4), hidden_size=4, activations=["Relu"], outputs=2))


def make(name, function, opset, folder):
    g = Graph(name)
    function(g)
    inputs = [helper.make_tensor_value_info(n, KINDS[a.dtype.name], s) for n, a, s in g.inputs]
    outputs = [onnx.ValueInfoProto(name=n) for n in g.outputs]
    graph = helper.make_graph(g.nodes, name, inputs, outputs, g.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model)
    known = {value.name: value for value in inferred.graph.output}
    for output in model.graph.output:
        output.CopyFrom(known[output.name])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(g.outputs, {n: a for n, a, _ in g.inputs})
    arrays = {f"x{k}": a for k, (_, a, _) in enumerate(g.inputs)}
    arrays |= {f"y{k}": a for k, a in enumerate(found)}
    onnx.save(model, folder / f"{name}.onnx")
    np.savez_compressed(folder / f"{name}.npz", **arrays)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (function, opset) in CASES.items():
        make(name, function, opset, folder)
        print(name)


if __name__ == "__main__":
    main()
