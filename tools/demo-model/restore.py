"""Makes a checkpoint from an exported model folder, so that training goes on where nothing but the model
was kept.

An export has the batch normalizations folded into the convolutions before them. Here they are taken
apart again, by what the channels of some pictures are: the towers compute what the folder's do. What
training alone uses (the layer that names things, the optimizer's moments) starts anew.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer
from torch import nn

from model import ImageTower, TextTower
from tokenizer import CONTEXT_LENGTH
from train import Pictures, modules_and_scale, tensor


def weights(path: Path) -> tuple[dict[str, np.ndarray], list[list[str]]]:
    """The weights by name as 32-bit floats, and the inputs of each Conv and MatMul in their order."""
    graph = onnx.load(path).graph
    by_name = {w.name.removesuffix("_f16"): numpy_helper.to_array(w).astype(np.float32) for w in graph.initializer}
    return by_name, [list(node.input) for node in graph.node if node.op_type in ("Conv", "MatMul")]


def restore_text(tower: TextTower, path: Path) -> None:
    by_name, nodes = weights(path)
    products = iter([by_name[inputs[1]].T for inputs in nodes if inputs[1] in by_name])
    named = {name: value for name, value in by_name.items() if "::" not in name}
    for name, parameter in tower.named_parameters():
        value = named[name] if name in named else next(products)
        parameter.data.copy_(torch.from_numpy(value.copy()))


def restore_image(tower: ImageTower, path: Path, pixels: torch.Tensor) -> None:
    by_name, nodes = weights(path)
    folded = iter([inputs for inputs in nodes if len(inputs) == 3])
    layers = list(tower.modules())
    for convolution, norm in zip(layers, layers[1:]):
        if isinstance(norm, nn.BatchNorm2d):
            _, weight, bias = next(folded)
            weight, bias = torch.from_numpy(by_name[weight]), torch.from_numpy(by_name[bias])
            # The length of a filter is free, as the normalization undoes it.
            length = weight.flatten(1).norm(dim=1).clamp(min=1e-6)
            convolution.weight.data.copy_(weight / length[:, None, None, None])
            norm.bias.data.copy_(bias)
            norm.weight.data.copy_(length)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.register_forward_hook(measure)
    tower.project.weight.data.copy_(torch.from_numpy(by_name[nodes[-1][1]].T.copy()))
    tower.eval()(pixels)


@torch.no_grad()
def measure(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor], _: torch.Tensor) -> None:
    """Takes the mean and the variance of a layer's input as its own, without a change of what it computes."""
    mean, variance = inputs[0].mean(dim=(0, 2, 3)), inputs[0].var(dim=(0, 2, 3))
    norm.bias += norm.weight * mean
    norm.weight *= (variance + norm.eps).sqrt()
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("pictures", type=Path)
    arguments.add_argument("checkpoint", type=Path)
    arguments.add_argument("--step", type=int, default=0, help="how many the model has seen")
    options = arguments.parse_args()
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    modules, scale = modules_and_scale(tokenizer.get_vocab_size(), CONTEXT_LENGTH, torch.device("cpu"))
    scale.data.fill_(json.loads((options.model / "config.json").read_text(encoding="utf-8"))["logit_scale_init_value"])
    tower = lambda name: next((options.model / "onnx").glob(f"{name}_model*.onnx"))  # noqa: E731
    restore_text(modules["text"], tower("text"))
    pixels, _ = Pictures(options.pictures).batch(np.random.default_rng(0), 512)
    restore_image(modules["image"], tower("vision"), tensor(pixels, pixels.shape[1], torch.device("cpu")))
    torch.save({name: module.state_dict() for name, module in modules.items()} | {"scale": scale.data, "optimizer": None, "step": options.step, "begun": options.step}, options.checkpoint)


if __name__ == "__main__":
    main()
