"""Pictograms as pictures, rendered once from the font."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from concepts import FONT

# The only size that the bitmap font has.
SIZE = 109


@cache
def font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), SIZE, layout_engine=ImageFont.Layout.RAQM)


@cache
def sprite(emoji: str) -> Image.Image:
    """The pictogram on a transparent ground, cropped to what is drawn."""
    canvas = Image.new("RGBA", (400, 180), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((10, 20), emoji, font=font(), embedded_color=True)
    box = canvas.getchannel("A").getbbox()
    if box is None or box[2] - box[0] > 150:
        raise ValueError(f"the font draws {emoji!r} as more or less than one pictogram")
    return canvas.crop(box)


def recoloured(picture: Image.Image, hue: float, saturation: float, light: float) -> Image.Image:
    """`hue` turns the colour circle (a fraction of it), the others multiply."""
    rgba = np.asarray(picture, dtype=np.float32)
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    angle = 2 * np.pi * hue
    # A turn about the grey axis keeps lightness about as it is.
    cos, sin = np.cos(angle), np.sin(angle) / np.sqrt(3)
    third = (1 - cos) / 3
    turn = np.array(
        [[cos + third, third - sin, third + sin], [third + sin, cos + third, third - sin], [third - sin, third + sin, cos + third]],
        dtype=np.float32,
    )
    rgb = rgb @ turn.T
    grey = rgb.mean(axis=-1, keepdims=True)
    rgb = (grey + (rgb - grey) * saturation) * light
    return Image.fromarray(np.concatenate([rgb.clip(0, 255), alpha], axis=-1).astype(np.uint8), "RGBA")
