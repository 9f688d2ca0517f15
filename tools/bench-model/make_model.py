"""Makes a model folder whose text tower has the shape of CLIP ViT-B/32 (63 million weights), for benches/texts.py.

The weights are random with a fixed seed: what it finds means nothing, what it costs is what such a model costs. The
image tower takes pictures and says next to nothing about them. Tokens are those of the fixture model, so that texts
have about twice as many as with the published vocabulary.

    python3 -m pip install onnx numpy
    python3 tools/bench-model/make_model.py FOLDER
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FIXTURE = Path(__file__).parent.parent.parent / "tests" / "fixtures" / "tiny-clip"
VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS, IMAGE = 49408, 77, 512, 12, 8, 224


class Graph:
    """Nodes and weights by name, in the order of their making."""

    def __init__(self, seed: int):
        self.nodes, self.weights, self.random, self.n = [], [], np.random.default_rng(seed), 0

    def constant(self, value, name=None) -> str:
        self.n += 1
        name = name or f"c{self.n}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, *shape, scale=None) -> str:
        scale = shape[0] ** -0.5 if scale is None else scale
        return self.constant(self.random.normal(0.0, scale, shape).astype(np.float32))

    def node(self, kind: str, *inputs: str, output=None, **attributes) -> str:
        self.n += 1
        output = output or f"t{self.n}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def norm(self, x: str) -> str:
        ones, zeros = self.constant(np.ones(WIDTH, np.float32)), self.constant(np.zeros(WIDTH, np.float32))
        return self.node("LayerNormalization", x, ones, zeros, axis=-1, epsilon=1e-5)

    def linear(self, x: str, n_in: int, n_out: int) -> str:
        product = self.node("MatMul", x, self.weight(n_in, n_out))
        return self.node("Add", self.weight(n_out, scale=0.1), product)

    def save(self, inputs, outputs, path: Path) -> None:
        graph = helper.make_graph(self.nodes, "tower", inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def text_tower(path: Path, end_of_text: int) -> None:
    g = Graph(1)
    shape = g.node("Shape", "input_ids")
    length = g.node("Gather", shape, g.constant(np.int64(1)), axis=0)

    length_1 = g.node("Unsqueeze", length, g.constant(np.array([0], np.int64)))
    positions = g.node("Slice", g.weight(CONTEXT, WIDTH, scale=0.01), g.constant(np.array([0], np.int64)), length_1)
    x = g.node("Add", g.node("Gather", g.weight(VOCABULARY, WIDTH, scale=0.02), "input_ids", axis=0), positions)
    # The mask of a causal model: what follows a token is -infinity away from it.
    below = np.triu(np.full((CONTEXT, CONTEXT), np.finfo(np.float32).min, np.float32), 1)
    square = g.node("Concat", length_1, length_1, axis=0)
    start = g.constant(np.array([0, 0], np.int64))
    mask = g.node("Slice", g.constant(below), start, square)
    heads = g.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
    together = g.constant(np.array([0, 0, WIDTH], np.int64))
    scale = g.constant(np.float32((WIDTH // HEADS) ** -0.5))
    for _ in range(LAYERS):
        y = g.norm(x)
        split = lambda t, perm: g.node("Transpose", g.node("Reshape", t, heads), perm=perm)
        query = split(g.node("Mul", g.linear(y, WIDTH, WIDTH), scale), [0, 2, 1, 3])
        key = split(g.linear(y, WIDTH, WIDTH), [0, 2, 3, 1])
        value = split(g.linear(y, WIDTH, WIDTH), [0, 2, 1, 3])
        scores = g.node("Add", g.node("MatMul", query, key), mask)
        seen = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
        seen = g.node("Reshape", g.node("Transpose", seen, perm=[0, 2, 1, 3]), together)
        x = g.node("Add", x, g.linear(seen, WIDTH, WIDTH))
        y = g.linear(g.norm(x), WIDTH, 4 * WIDTH)
        y = g.node("Mul", y, g.node("Sigmoid", g.node("Mul", y, g.constant(np.float32(1.702)))))
        x = g.node("Add", x, g.linear(y, 4 * WIDTH, WIDTH))
    x = g.norm(x)
    # The answer stands at the first end of text.
    is_end = g.node("Cast", g.node("Equal", "input_ids", g.constant(np.int64(end_of_text))), to=TensorProto.INT32)
    at = g.node("Unsqueeze", g.node("ArgMax", is_end, axis=1, keepdims=0), g.constant(np.array([1], np.int64)))
    pooled = g.node("GatherND", x, at, batch_dims=1)
    g.node("MatMul", pooled, g.weight(WIDTH, WIDTH), output="text_embeds")
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])]
    outputs = [helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["batch", WIDTH])]
    g.save(inputs, outputs, path)


def image_tower(path: Path) -> None:
    g = Graph(2)
    x = g.node("AveragePool", "pixel_values", kernel_shape=[32, 32], strides=[32, 32])
    x = g.node("MatMul", g.node("Flatten", x), g.weight(3 * (IMAGE // 32) ** 2, WIDTH))
    g.node("Add", x, g.weight(WIDTH, scale=0.1), output="image_embeds")
    shape = ["batch", 3, IMAGE, IMAGE]
    inputs = [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["batch", WIDTH])]
    g.save(inputs, outputs, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    shutil.copy(FIXTURE / "tokenizer.json", folder)
    config = json.loads((FIXTURE / "config.json").read_text())
    config["projection_dim"] = WIDTH
    config["text_config"]["max_position_embeddings"] = CONTEXT
    config["vision_config"]["image_size"] = IMAGE
    (folder / "config.json").write_text(json.dumps(config))
    pixels = json.loads((FIXTURE / "preprocessor_config.json").read_text())
    pixels |= {"size": {"shortest_edge": IMAGE}, "crop_size": {"height": IMAGE, "width": IMAGE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    text_tower(folder / "onnx" / "text_model.onnx", config["text_config"]["eos_token_id"])
    image_tower(folder / "onnx" / "vision_model.onnx")


if __name__ == "__main__":
    main()
