"""A small CLIP: a convolutional image tower and a transformer for texts, into one space."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 256
# Of all training pictures' channels, about; written to preprocessor_config.json.
MEAN, STD = [0.58, 0.55, 0.5], [0.27, 0.26, 0.26]


def convolution(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outside))


class Block(nn.Module):
    """A bottleneck of ResNet."""

    def __init__(self, channels: int):
        super().__init__()
        middle = channels // 2
        self.layers = nn.Sequential(
            convolution(channels, middle, 1), nn.ReLU(inplace=True), convolution(middle, middle, 3), nn.ReLU(inplace=True), convolution(middle, channels, 1)
        )  # fmt: skip
        # Starts as the identity.
        nn.init.zeros_(self.layers[-1][1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class ImageTower(nn.Module):
    """(n, 3, 96, 96) -> (n, WIDTH), not normalized."""

    def __init__(self, widths=(32, 64, 128, 288), blocks=(1, 2, 3)):
        super().__init__()
        layers: list[nn.Module] = [convolution(3, widths[0], 3, 2), nn.ReLU(inplace=True)]
        for inside, outside, n in zip(widths, widths[1:], blocks):
            layers += [convolution(inside, outside, 3, 2), nn.ReLU(inplace=True), *(Block(outside) for _ in range(n))]
        self.layers = nn.Sequential(*layers)
        self.project = nn.Linear(2 * widths[-1], WIDTH, bias=False)

    def features(self, pixel_values: Tensor) -> Tensor:
        grid = self.layers(pixel_values)
        return torch.cat([grid.mean(dim=(2, 3)), grid.amax(dim=(2, 3))], dim=1)

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.project(self.features(pixel_values))


class Layer(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        query, key, value = self.attention(self.norm_1(x)).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-1, -2)) * (width // self.heads) ** -0.5 + mask
        x = x + self.out((weights.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class TextTower(nn.Module):
    """Token ids (n, length) -> (n, WIDTH), not normalized. Causal, and read at the end-of-text token as
    CLIP does, so that padding after it changes nothing."""

    def __init__(self, vocabulary: int, context: int, width: int = 192, layers: int = 2, heads: int = 4):
        super().__init__()
        self.end = vocabulary - 1
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Parameter(torch.randn(context, width) * 0.01)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, WIDTH, bias=False)
        self.register_buffer("causal", torch.full((context, context), -1e4).triu(1), persistent=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        length = input_ids.shape[1]
        x = self.tokens(input_ids) + self.positions[:length]
        mask = self.causal[:length, :length]
        for layer in self.layers:
            x = layer(x, mask)
        last = (input_ids == self.end).int().argmax(dim=1)
        return self.project(self.norm(x[torch.arange(x.shape[0]), last]))
