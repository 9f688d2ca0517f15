"""Writes a trained checkpoint as a model folder in the hub's ONNX layout.

Weights are stored as 16-bit floats and cast when the model is loaded: half the size, and computed as
32-bit floats, so that results do not depend on what a processor makes of 16 bits.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

from generate import PIXELS
from model import MEAN, STD, WIDTH, ImageTower, TextTower
from tokenizer import CONTEXT_LENGTH

sys.path.append(str(Path(__file__).parent.parent))
from clip_tokenizer import END, START  # noqa: E402


def halve(path: Path) -> None:
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT and np.prod(weight.dims) >= 64:
            name = weight.name
            short = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}_f16")
            weight.CopyFrom(short)
            casts.append(helper.make_node("Cast", [short.name], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export(module: torch.nn.Module, example: torch.Tensor, name: str, output: str, axes: dict, path: Path, whole: bool) -> None:
    torch.onnx.export(
        module.eval(), (example,), str(path), input_names=[name], output_names=[output],
        dynamic_axes={name: axes, output: {0: "batch"}}, opset_version=17, dynamo=False,
    )  # fmt: skip
    if not whole:
        halve(path)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("checkpoint", type=Path)
    arguments.add_argument("tokenizer", type=Path)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--whole", action="store_true", help="32-bit weights, to measure what halving them costs")
    options = arguments.parse_args()
    saved = torch.load(options.checkpoint, weights_only=False, map_location="cpu")
    vocabulary = Tokenizer.from_file(str(options.tokenizer)).get_vocab_size()
    image, text = ImageTower(), TextTower(vocabulary, CONTEXT_LENGTH)
    image.load_state_dict(saved["image"])
    text.load_state_dict(saved["text"])
    onnx_folder = options.folder / "onnx"
    onnx_folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(options.tokenizer, options.folder / "tokenizer.json")
    suffix = "" if options.whole else "_fp16"
    example = torch.tensor([[vocabulary - 2, 5, 6, vocabulary - 1]] * 2)
    export(text, example, "input_ids", "text_embeds", {0: "batch", 1: "length"}, onnx_folder / f"text_model{suffix}.onnx", options.whole)
    pixels = torch.zeros(2, 3, PIXELS, PIXELS)
    export(image, pixels, "pixel_values", "image_embeds", {0: "batch"}, onnx_folder / f"vision_model{suffix}.onnx", options.whole)
    config = {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": WIDTH,
        "logit_scale_init_value": float(saved["scale"]),
        "text_config": {
            "vocab_size": vocabulary,
            "max_position_embeddings": CONTEXT_LENGTH,
            "bos_token_id": vocabulary - 2,
            "eos_token_id": vocabulary - 1,
            "pad_token_id": vocabulary - 1,
        },
        "vision_config": {"image_size": PIXELS},
    }
    preprocessor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": PIXELS},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": PIXELS, "width": PIXELS},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
    special = {"tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END, "pad_token": END, "model_max_length": CONTEXT_LENGTH}
    for name, content in [("config", config), ("preprocessor_config", preprocessor), ("tokenizer_config", special)]:
        (options.folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in options.folder.rglob("*") if file.is_file())
    print(f"{options.folder}: {size / 1e6:.2f} MB after {saved['step']} steps")


if __name__ == "__main__":
    main()
