"""Makes tests/fixtures: a tiny CLIP model in the hub's ONNX layout, its tokenizer, small odd images,
and what the Python reference (transformers, torch float32) computes for them.

Nothing here is trained: the weights are random with a fixed seed, so rankings mean nothing. All
sizes differ from those of the published CLIP models, so that code which assumes those fails.
"""

import argparse
import json
import math
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

# Its library reports to its vendor otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnx
import onnxruntime
import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from PIL import Image, ImageDraw
from tokenizers import Tokenizer
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))
from clip_tokenizer import END, START, learn  # noqa: E402

WIDTH = 20
CONTEXT_LENGTH = 20
IMAGE_SIZE = 48
SHORTEST_EDGE = 52
MEAN = [0.5, 0.45, 0.4]
STD = [0.25, 0.26, 0.28]

TEXTS = [
    "",
    "a mountain lake",
    "A  Mountain\tLAKE \n",
    "der See und die Berge im Abendlicht",
    "blick auf die Brücke über den Fluss",
    "blick auf die Bru\u0308cke u\u0308ber den Fluss",
    "it's what they've seen, isn't it?",
    "1850–1914",
    "山の湖 🏔️",
    "unwahrscheinlichkeitsrechnung",
    "a <|endoftext|> b",
    " ".join(["people walking in the streets of the old town"] * 5),
]


def make_tokenizer() -> Tokenizer:
    return learn((HERE / "corpus.txt").read_text(encoding="utf-8").splitlines(), n_merges=340)


def make_model(vocab_size: int) -> CLIPModel:
    config = CLIPConfig(
        text_config={
            "vocab_size": vocab_size,
            "hidden_size": 24,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": CONTEXT_LENGTH,
            "bos_token_id": vocab_size - 2,
            "eos_token_id": vocab_size - 1,
            "pad_token_id": vocab_size - 1,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": IMAGE_SIZE,
            "patch_size": 8,
        },
        projection_dim=WIDTH,
        attn_implementation="eager",
    )
    model = CLIPModel(config).eval()
    generator = torch.Generator().manual_seed(20)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            # Matrices keep the scale of what flows through them; embeddings are of size 1.
            fan_in = math.prod(weight.shape[1:]) if weight.dim() > 1 and "embedding.weight" not in name else 1
            if "patch_embedding" in name:
                fan_in = math.prod(weight.shape[1:])
            if weight.dim() > 1 or "class_embedding" in name:
                weight.normal_(0.0, 1.0 / math.sqrt(fan_in), generator=generator)
            elif name.endswith("bias"):
                weight.normal_(0.0, 0.1, generator=generator)
    return model


class TextTower(torch.nn.Module):
    def __init__(self, model: CLIPModel):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask=None):
        output = self.model.text_model(input_ids=input_ids, attention_mask=attention_mask)
        return self.model.text_projection(output.pooler_output), output.last_hidden_state


class VisionTower(torch.nn.Module):
    def __init__(self, model: CLIPModel):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        output = self.model.vision_model(pixel_values=pixel_values)
        return self.model.visual_projection(output.pooler_output), output.last_hidden_state


class Combined(torch.nn.Module):
    """With 32-bit ids: exporters differ in that too."""

    def __init__(self, model: CLIPModel):
        super().__init__()
        self.text, self.vision = TextTower(model), VisionTower(model)

    def forward(self, input_ids, pixel_values, attention_mask):
        text = torch.nn.functional.normalize(self.text(input_ids.long(), attention_mask.long())[0], dim=-1)
        image = torch.nn.functional.normalize(self.vision(pixel_values)[0], dim=-1)
        return image @ text.T, text @ image.T, text, image


def export(model: torch.nn.Module, inputs: dict, outputs: list, axes: dict, path: Path) -> None:
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    # Folds the constants of the traced graph: a third of the file.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def shorten(path: Path) -> None:
    """Removes what running does not need; traced names are longer than the weights here."""
    model = onnx.load(path)
    graph = model.graph
    fixed = {value.name for value in [*graph.input, *graph.output]} | {""}
    short: dict[str, str] = {}
    rename = lambda name: name if name in fixed else short.setdefault(name, f"t{len(short)}")
    for weight in graph.initializer:
        weight.name = rename(weight.name)
    for node in graph.node:
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
        node.name = node.doc_string = ""
        del node.metadata_props[:]
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def export_all(model: CLIPModel, folder: Path) -> None:
    folder.mkdir(parents=True)
    end = model.config.text_config.eos_token_id
    ids = torch.tensor([[end - 1, 5, 6, end], [end - 1, 7, 8, end]])
    mask = torch.ones_like(ids)
    pixels = torch.zeros(2, 3, IMAGE_SIZE, IMAGE_SIZE)
    text_axes = {0: "text_batch", 1: "sequence"}
    text = (["text_embeds", "last_hidden_state"], {"input_ids": text_axes, "text_embeds": {0: "text_batch"}})
    image_axes = {"pixel_values": {0: "image_batch"}, "image_embeds": {0: "image_batch"}}

    text_file, vision_file = folder / "text_model.onnx", folder / "vision_model.onnx"
    export(TextTower(model), {"input_ids": ids}, *text, text_file)
    export(VisionTower(model), {"pixel_values": pixels}, ["image_embeds", "last_hidden_state"], image_axes, vision_file)

    # The 16-bit text model takes a mask, as many exports do; both take and give 16-bit numbers.
    masked = folder / "masked.onnx"
    axes = text[1] | {"attention_mask": text_axes}
    export(TextTower(model), {"input_ids": ids, "attention_mask": mask}, text[0], axes, masked)
    for source, target in [(masked, "text_model_fp16.onnx"), (vision_file, "vision_model_fp16.onnx")]:
        onnx.save(convert_float_to_float16(onnx.load(source)), folder / target)
    masked.unlink()

    combined = folder / "combined.onnx"
    export(
        Combined(model),
        {"input_ids": ids.int(), "pixel_values": pixels, "attention_mask": mask.int()},
        ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"],
        axes | image_axes,
        combined,
    )
    for source, target in [
        (text_file, "text_model_quantized.onnx"),
        (vision_file, "vision_model_quantized.onnx"),
        (combined, "model_quantized.onnx"),
    ]:
        quantize_dynamic(source, folder / target, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul", "Gemm", "Gather"])
    combined.unlink()
    for file in folder.iterdir():
        shorten(file)


def scene(size: tuple[int, int], seed: int) -> Image.Image:
    """Something with colours, edges and a direction."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng(seed)
    red = 255 * x / max(1, width - 1)
    green = 255 * y / max(1, height - 1)
    blue = 127 + 120 * np.sin(x / 7 + y / 11 + seed)
    image = Image.fromarray(np.stack([red, green, blue], -1).clip(0, 255).astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x0, y0 = rng.integers(0, width), rng.integers(0, height)
        draw.ellipse([x0, y0, x0 + width // 4, y0 + height // 3], fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
    return image


def make_images(folder: Path) -> None:
    folder.mkdir(parents=True)
    scene((70, 50), 1).save(folder / "landscape.png")
    scene((45, 80), 2).save(folder / "portrait.jpg", quality=85)
    scene((81, 63), 3).save(folder / "progressive.jpg", quality=80, progressive=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    scene((64, 40), 4).save(folder / "rotated-by-exif.jpg", quality=90, exif=exif)
    scene((60, 60), 5).convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    alpha = scene((56, 48), 6)
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    alpha.save(folder / "alpha.png")
    alpha.convert("LA").save(folder / "grey-alpha.png")
    scene((64, 48), 7).quantize(16).save(folder / "palette.png", transparency=3)
    grey16 = (np.arange(50 * 40, dtype=np.uint16).reshape(40, 50) // 3).astype(np.uint16)
    Image.fromarray(grey16).save(folder / "grey16.png")
    scene((60, 44), 8).convert("1").save(folder / "bilevel.png")
    scene((6, 300), 9).save(folder / "strip.png")
    scene((3, 2), 10).save(folder / "tiny.png")
    frames = [scene((52, 40), 11).quantize(32), scene((52, 40), 12).quantize(32)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:], duration=100)
    scene((72, 54), 13).save(folder / "lossy.webp", quality=80)
    scene((90, 60), 14).convert("1").save(folder / "fax.tif", compression="group4")
    scene((50, 36), 15).convert("CMYK").save(folder / "cmyk.tif", compression="tiff_lzw")
    scene((50, 36), 16).quantize(16).save(folder / "palette.tif", compression="tiff_lzw")


def numbers(vector: torch.Tensor) -> list[float]:
    return [round(float(x), 7) for x in torch.nn.functional.normalize(vector, dim=0)]


@torch.no_grad()
def expect(model: CLIPModel, tokenizer: Tokenizer, processor: CLIPImageProcessorPil, images: Path) -> dict:
    tokenizer.enable_truncation(CONTEXT_LENGTH)
    texts, rows = [], []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        texts.append({"text": text, "ids": ids, "embedding": numbers(TextTower(model)(torch.tensor([ids]))[0][0])})
    for file in sorted(images.iterdir()):
        image = Image.open(file)
        # An array: the processor takes its channel axis for something else if a side is 1 to 3 long.
        pixels = np.asarray(image.convert("RGB"))
        pixels = processor(pixels, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
        rows.append(
            {
                "file": file.name,
                "mode": image.mode,
                "size": image.size,
                "pixel_mean": [round(float(x), 6) for x in pixels[0].mean(dim=(1, 2))],
                "embedding": numbers(VisionTower(model)(pixels)[0][0]),
            }
        )
    packages = {p.__name__: p.__version__ for p in [torch, transformers, onnx, np]}
    return {"made_with": packages | {"pillow": Image.__version__}, "texts": texts, "images": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent.parent / "tests" / "fixtures")
    out = parser.parse_args().out
    torch.manual_seed(0)
    folder, images = out / "tiny-clip", out / "images"
    for old in [folder, images]:
        shutil.rmtree(old, ignore_errors=True)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer.get_vocab_size())
    export_all(model, folder / "onnx")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SHORTEST_EDGE},
        crop_size={"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        image_mean=MEAN,
        image_std=STD,
    )
    config = model.config.to_dict()
    keep = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
    text_keys = keep + ["vocab_size", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id"]
    write(
        folder / "config.json",
        {
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": WIDTH,
            "text_config": {k: config["text_config"][k] for k in text_keys},
            "vision_config": {k: config["vision_config"][k] for k in keep + ["image_size", "patch_size"]},
        },
    )
    write(
        folder / "preprocessor_config.json",
        {
            "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
            "do_center_crop": True,
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": MEAN,
            "image_processor_type": "CLIPImageProcessor",
            "image_std": STD,
            "resample": 3,
            "rescale_factor": 1 / 255,
            "size": {"shortest_edge": SHORTEST_EDGE},
        },
    )
    write(
        folder / "tokenizer_config.json",
        {
            "bos_token": START,
            "eos_token": END,
            "model_max_length": CONTEXT_LENGTH,
            "pad_token": END,
            "tokenizer_class": "CLIPTokenizer",
            "unk_token": END,
        },
    )
    make_images(images)
    write(out / "expected.json", expect(model, tokenizer, processor, images), indent=None)


def write(path: Path, value: dict, indent: int | None = 2) -> None:
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
