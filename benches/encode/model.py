"""Makes a CLIP model of the size of ViT-B/32 with random weights, in the layout that the program opens.

    python model.py FOLDER

The image tower is the published one in all its sizes and operations, 88 million weights; its quantized form comes from
onnxruntime.quantization as exports on model hubs do. The text tower is a table of tokens: no text is encoded here.
"""

import json
import os
import shutil
import sys
from pathlib import Path

# Its library reports to its vendor otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

WIDTH, LAYERS, HEADS, MLP, PATCH, SIDE, OUT = 768, 12, 12, 3072, 32, 224, 512
TOKENS = (SIDE // PATCH) ** 2 + 1
FIXTURE = Path(__file__).parents[2] / "tests/fixtures/tiny-clip"


class Graph:
    """Nodes in the order in which they are called, named by their number."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def constant(self, array: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, *shape: int, scale: float) -> str:
        return self.constant(self.random.normal(0, scale, shape).astype(np.float32))

    def op(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def linear(self, x: str, n_in: int, n_out: int) -> str:
        product = self.op("MatMul", x, self.weight(n_in, n_out, scale=n_in**-0.5))
        return self.op("Add", product, self.weight(n_out, scale=0.02))

    def norm(self, x: str) -> str:
        scale = self.constant(np.ones(WIDTH, np.float32))
        return self.op("LayerNormalization", x, scale, self.weight(WIDTH, scale=0.02), axis=-1, epsilon=1e-5)

    def heads(self, x: str, order: list[int]) -> str:
        shape = self.constant(np.array([0, TOKENS, HEADS, WIDTH // HEADS], np.int64))
        return self.op("Transpose", self.op("Reshape", x, shape), perm=order)

    def attention(self, x: str) -> str:
        query, key, value = (self.linear(x, WIDTH, WIDTH) for _ in range(3))
        query = self.op("Mul", query, self.constant(np.float32((WIDTH // HEADS) ** -0.5)))
        products = self.op("MatMul", self.heads(query, [0, 2, 1, 3]), self.heads(key, [0, 2, 3, 1]))
        mixed = self.op("MatMul", self.op("Softmax", products, axis=-1), self.heads(value, [0, 2, 1, 3]))
        mixed = self.op("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = self.op("Reshape", mixed, self.constant(np.array([0, TOKENS, WIDTH], np.int64)))
        return self.linear(mixed, WIDTH, WIDTH)

    def mlp(self, x: str) -> str:
        wide = self.linear(x, WIDTH, MLP)
        # CLIP's quick GELU.
        gate = self.op("Sigmoid", self.op("Mul", wide, self.constant(np.float32(1.702))))
        return self.linear(self.op("Mul", wide, gate), MLP, WIDTH)

    def save(self, path: Path, inputs: list, outputs: list) -> None:
        graph = helper.make_graph(self.nodes, "clip", inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def vision(path: Path) -> None:
    graph = Graph(seed=1)
    kernel = graph.weight(WIDTH, 3, PATCH, PATCH, scale=(3 * PATCH * PATCH) ** -0.5)
    patches = graph.op("Conv", "pixel_values", kernel, strides=[PATCH, PATCH], kernel_shape=[PATCH, PATCH])
    flat = graph.op("Reshape", patches, graph.constant(np.array([0, WIDTH, TOKENS - 1], np.int64)))
    patches = graph.op("Transpose", flat, perm=[0, 2, 1])
    # The class token once for each image: a patch times zero has the right shape.
    first = graph.op("Slice", patches, *(graph.constant(np.array([n], np.int64)) for n in (0, 1, 1)))
    nothing = graph.op("Mul", first, graph.constant(np.float32(0)))
    token = graph.op("Add", nothing, graph.weight(1, 1, WIDTH, scale=1.0))
    x = graph.op("Concat", token, patches, axis=1)
    x = graph.norm(graph.op("Add", x, graph.weight(1, TOKENS, WIDTH, scale=1.0)))
    for _ in range(LAYERS):
        x = graph.op("Add", x, graph.attention(graph.norm(x)))
        x = graph.op("Add", x, graph.mlp(graph.norm(x)))
    first = graph.op("Gather", x, graph.constant(np.array(0, np.int64)), axis=1)
    projected = graph.op("MatMul", graph.norm(first), graph.weight(WIDTH, OUT, scale=WIDTH**-0.5))
    graph.nodes.append(helper.make_node("Identity", [projected], ["image_embeds"]))
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    embeds = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["n", OUT])
    graph.save(path, [pixels], [embeds])


def text(path: Path, n_tokens: int) -> None:
    graph = Graph(seed=2)
    vectors = graph.op("Gather", graph.weight(n_tokens, OUT, scale=1.0), "input_ids", axis=0)
    graph.nodes.append(helper.make_node("ReduceMean", [vectors], ["text_embeds"], axes=[1], keepdims=0))
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "length"])
    embeds = helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["n", OUT])
    graph.save(path, [ids], [embeds])


def settings(folder: Path) -> int:
    config = json.loads((FIXTURE / "config.json").read_text())
    config["projection_dim"] = OUT
    config["vision_config"] = {
        "hidden_size": WIDTH,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "image_size": SIDE,
        "patch_size": PATCH,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    pixels = json.loads((FIXTURE / "preprocessor_config.json").read_text())
    pixels |= {"crop_size": {"height": SIDE, "width": SIDE}, "size": {"shortest_edge": SIDE}}
    pixels |= {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels, indent=1))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FIXTURE / name, folder)
    return config["text_config"]["vocab_size"]


def make(folder: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    files = folder / "onnx"
    files.mkdir(parents=True)
    text(files / "text_model.onnx", settings(folder))
    shutil.copy(files / "text_model.onnx", files / "text_model_quantized.onnx")
    vision(files / "vision_model.onnx")
    quantize_dynamic(
        files / "vision_model.onnx",
        files / "vision_model_quantized.onnx",
        weight_type=QuantType.QUInt8,
        op_types_to_quantize=["MatMul"],
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
