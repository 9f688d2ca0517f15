"""Views drawn by rule: what museum queries name and no emoji shows well.

Each function draws on a square RGB picture of any size with a random generator, and returns it.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Rng = np.random.Generator


def mix(a, b, t: float) -> tuple[int, int, int]:
    return tuple(int(x + (y - x) * t) for x, y in zip(a, b))


def vary(rng: Rng, colour, by: int = 18) -> tuple[int, int, int]:
    return tuple(int(np.clip(c + rng.integers(-by, by + 1), 0, 255)) for c in colour)


def gradient(size: int, top, bottom) -> Image.Image:
    ramp = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    column = np.array(top, np.float32) * (1 - ramp) + np.array(bottom, np.float32) * ramp
    return Image.fromarray(np.broadcast_to(column, (size, size, 3)).astype(np.uint8))


def clouds(rng: Rng, size: int, cells: int = 4) -> np.ndarray:
    """Smooth noise between 0 and 1, of shape (size, size)."""
    total = np.zeros((size, size), np.float32)
    for octave, weight in [(1, 0.6), (2, 0.28), (4, 0.12)]:
        grid = Image.fromarray((rng.random((cells * octave + 1,) * 2) * 255).astype(np.uint8))
        total += weight * np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC), np.float32) / 255
    return total


def ridge(rng: Rng, n: int, low: float, high: float, rough: float) -> np.ndarray:
    """`n` heights from the left edge to the right, by midpoint displacement."""
    heights = np.array([rng.uniform(low, high), rng.uniform(low, high)])
    step = rough
    while len(heights) < n:
        middle = (heights[:-1] + heights[1:]) / 2 + rng.normal(0, step, len(heights) - 1)
        heights = np.insert(heights, range(1, len(heights)), middle)
        step *= 0.5
    return np.interp(np.linspace(0, len(heights) - 1, n), range(len(heights)), heights)


SKIES = [((92, 150, 215), (205, 225, 240)), ((150, 170, 190), (215, 218, 222)), ((70, 110, 180), (240, 205, 170)),
         ((120, 165, 220), (235, 235, 225))]  # fmt: skip


def sky(rng: Rng, size: int) -> Image.Image:
    top, bottom = SKIES[rng.integers(len(SKIES))]
    picture = gradient(size, vary(rng, top), vary(rng, bottom))
    if rng.random() < 0.6:
        veil = (clouds(rng, size, 3) * 320 - 130).clip(0, 200).astype(np.uint8)
        picture.paste((250, 250, 250), mask=Image.fromarray(veil))
    return picture


def mountain(rng: Rng, size: int, draw: ImageDraw.ImageDraw, base: float, height: float, colour) -> None:
    peaks = rng.integers(1, 4)
    for i in np.argsort(-rng.random(peaks)):
        x = (i + rng.uniform(0.25, 0.75)) / peaks
        top, width = base - height * rng.uniform(0.7, 1.0), rng.uniform(0.35, 0.6)
        left = [(x - width * t, top + (base - top) * t) for t in (1, 0.66, 0.33)]
        right = [(x + width * t, top + (base - top) * t) for t in (0.33, 0.66, 1)]
        jag = lambda points: [(px + rng.normal(0, 0.02), py + rng.normal(0, 0.015)) for px, py in points]  # noqa: E731
        left, right = jag(left), jag(right)
        outline = [*left, (x, top), *right]
        shade = vary(rng, colour)
        draw.polygon([(px * size, py * size) for px, py in outline], fill=shade)
        dark = [(x, top), *right, (x + rng.uniform(-0.1, 0.1), base)]
        draw.polygon([(px * size, py * size) for px, py in dark], fill=mix(shade, (20, 25, 45), 0.3))
        if rng.random() < 0.75:
            snow = [(x, top), right[0], (x + 0.04, right[0][1] - 0.03), (x, right[0][1]), (x - 0.05, left[2][1] - 0.02), left[2]]
            draw.polygon([(px * size, py * size) for px, py in snow], fill=vary(rng, (240, 243, 248), 8))


def trees(rng: Rng, size: int, draw: ImageDraw.ImageDraw, base: float, n: int, height: float) -> None:
    for _ in range(n):
        x, y, h = rng.random(), base + rng.uniform(-0.02, 0.05), height * rng.uniform(0.6, 1.1)
        colour = vary(rng, (35, 80, 45), 25)
        w = h * 0.28
        draw.rectangle([(x - w * 0.1) * size, (y - h * 0.2) * size, (x + w * 0.1) * size, y * size], fill=(80, 55, 35))
        if rng.random() < 0.7:
            draw.polygon([((x - w) * size, (y - h * 0.15) * size), (x * size, (y - h) * size), ((x + w) * size, (y - h * 0.15) * size)], fill=colour)
        else:
            draw.ellipse([(x - w) * size, (y - h) * size, (x + w) * size, (y - h * 0.25) * size], fill=colour)


ROCKS = [(105, 110, 125), (125, 105, 95), (85, 100, 130), (95, 115, 95)]


def mountains(rng: Rng, size: int) -> Image.Image:
    picture = sky(rng, size)
    draw = ImageDraw.Draw(picture)
    rock = ROCKS[rng.integers(len(ROCKS))]
    mountain(rng, size, draw, 0.75, 0.45, mix(rock, (170, 190, 215), 0.4))
    mountain(rng, size, draw, 0.85, 0.6, rock)
    meadow = vary(rng, (110, 140, 70), 30)
    edge = ridge(rng, 40, 0.72, 0.82, 0.05)
    draw.polygon([(0, size), *[(x * size / 39, y * size) for x, y in enumerate(edge)], (size, size)], fill=meadow)
    trees(rng, size, draw, 0.85, int(rng.integers(0, 14)), 0.15)
    return picture


def water(rng: Rng, picture: Image.Image, top: float, colour, mirror: bool) -> None:
    """Fills the picture below `top` (a fraction of its height) with water."""
    size, row = picture.width, int(top * picture.height)
    height = size - row
    still = picture.crop((0, max(0, row - height), size, row)).transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((size, height))
    plain = gradient(size, mix(colour, (255, 255, 255), 0.25), mix(colour, (0, 0, 20), 0.35)).resize((size, height))
    surface = Image.blend(plain, still.filter(ImageFilter.GaussianBlur(size / 90)), 0.5 if mirror else 0.1)
    draw = ImageDraw.Draw(surface)
    for _ in range(int(rng.integers(15, 50))):
        x, y, w = rng.random() * size, rng.random() ** 1.3 * height, size * rng.uniform(0.03, 0.14)
        light = mix(colour, (255, 255, 255), rng.uniform(0.3, 0.7))
        if mirror:
            draw.line([x, y, x + w, y], fill=light, width=max(1, size // 200))
        else:
            draw.arc([x, y, x + w, y + w * 0.4], 190, 350, fill=light, width=max(1, size // 110))
    picture.paste(surface, (0, row))


def lake(rng: Rng, size: int) -> Image.Image:
    picture = sky(rng, size)
    draw = ImageDraw.Draw(picture)
    rock = ROCKS[rng.integers(len(ROCKS))]
    shore = rng.uniform(0.5, 0.66)
    mountain(rng, size, draw, shore + 0.02, 0.35, mix(rock, (170, 190, 215), 0.4))
    mountain(rng, size, draw, shore + 0.02, shore - 0.08, rock)
    trees(rng, size, draw, shore, int(rng.integers(0, 18)), 0.1)
    water(rng, picture, shore, vary(rng, (70, 130, 165), 30), mirror=True)
    if rng.random() < 0.5:
        draw = ImageDraw.Draw(picture)
        edge = ridge(rng, 30, 0.88, 0.99, 0.04)
        draw.polygon([(0, size), *[(x * size / 29, y * size) for x, y in enumerate(edge)], (size, size)], fill=vary(rng, (90, 115, 60), 25))
    return picture


def hull(draw: ImageDraw.ImageDraw, s: float, x: float, y: float, w: float, colour) -> None:
    draw.polygon([((x - w) * s, (y - w * 0.3) * s), ((x + w) * s, (y - w * 0.35) * s), ((x + w * 0.72) * s, y * s), ((x - w * 0.75) * s, y * s)], fill=colour)


def sailing_ship(rng: Rng, size: int, draw: ImageDraw.ImageDraw, x: float, y: float, w: float) -> None:
    masts = int(rng.integers(1, 4))
    wood, canvas = vary(rng, (95, 60, 35), 25), vary(rng, (235, 225, 200), 18)
    for i in range(masts):
        mx = x + w * (0 if masts == 1 else -0.6 + 1.2 * i / (masts - 1))
        top = y - w * rng.uniform(1.5, 2.0)
        draw.line([mx * size, y * size, mx * size, top * size], fill=wood, width=max(1, size // 90))
        sails = int(rng.integers(1, 4))
        for j in range(sails):
            a, b = top + (y - w * 0.45 - top) * j / sails + w * 0.06, top + (y - w * 0.45 - top) * (j + 1) / sails
            half = w * (0.26 + 0.08 * j) * (1.5 if masts == 1 else 1)
            if masts == 1 and sails == 1:
                draw.polygon([(mx * size, a * size), ((mx + half * 1.9) * size, b * size), (mx * size, b * size)], fill=canvas)
                draw.polygon([(mx * size - 2, (a + w * 0.2) * size), ((mx - half * 1.3) * size, b * size), (mx * size - 2, b * size)], fill=mix(canvas, (0, 0, 0), 0.15))
            else:
                draw.polygon([((mx - half * 0.8) * size, a * size), ((mx + half * 0.8) * size, a * size), ((mx + half) * size, b * size), ((mx - half) * size, b * size)], fill=mix(canvas, (0, 0, 0), 0.1 * rng.random()))
    hull(draw, size, x, y, w, wood)


def steamship(rng: Rng, size: int, draw: ImageDraw.ImageDraw, x: float, y: float, w: float) -> None:
    body = vary(rng, [(30, 35, 45), (120, 35, 30), (230, 230, 225)][rng.integers(3)])
    hull(draw, size, x, y, w, body)
    draw.rectangle([(x - w * 0.6) * size, (y - w * 0.55) * size, (x + w * 0.5) * size, (y - w * 0.32) * size], fill=vary(rng, (235, 230, 215), 12))
    for i in range(int(rng.integers(1, 4))):
        fx = x - w * 0.4 + i * w * 0.35
        draw.rectangle([fx * size, (y - w * 1.0) * size, (fx + w * 0.14) * size, (y - w * 0.55) * size], fill=vary(rng, (170, 50, 40), 30))
        for k in range(5):
            r = w * (0.07 + 0.04 * k)
            cx, cy = fx - w * 0.22 * k, y - w * (1.1 + 0.14 * k)
            draw.ellipse([(cx - r) * size, (cy - r) * size, (cx + r) * size, (cy + r) * size], fill=vary(rng, (130, 130, 132), 15))


def sea(rng: Rng, size: int, ship=None) -> Image.Image:
    picture = sky(rng, size)
    horizon = rng.uniform(0.42, 0.6)
    water(rng, picture, horizon, vary(rng, [(45, 95, 140), (60, 110, 120), (80, 100, 115)][rng.integers(3)], 15), mirror=False)
    draw = ImageDraw.Draw(picture)
    if ship is not None:
        n = int(rng.choice([1, 1, 2, 3]))
        for i in range(n):
            w = rng.uniform(0.2, 0.3) if n == 1 else rng.uniform(0.1, 0.16)
            ship(rng, size, draw, (i + rng.uniform(0.4, 0.6)) / n, horizon + rng.uniform(0.05, 0.25), w)
    elif rng.random() < 0.4:
        draw.polygon([(0, size), (size, size), (size, size * 0.86), (0, size * rng.uniform(0.75, 0.95))], fill=vary(rng, (215, 195, 150)))
    return picture


def sea_sailing(rng: Rng, size: int) -> Image.Image:
    return sea(rng, size, sailing_ship)


def sea_steam(rng: Rng, size: int) -> Image.Image:
    return sea(rng, size, steamship)


def city(rng: Rng, size: int) -> Image.Image:
    night = rng.random() < 0.35
    picture = gradient(size, vary(rng, (20, 25, 60)), vary(rng, (70, 60, 100))) if night else sky(rng, size)
    draw = ImageDraw.Draw(picture)
    base = rng.uniform(0.82, 0.98)
    for depth in range(2):
        x = -0.05
        while x < 1:
            w, h = rng.uniform(0.06, 0.17), rng.uniform(0.2, 0.62) * (1.1 if depth == 0 else 0.8)
            wall = vary(rng, (45, 45, 65) if night else [(150, 140, 135), (125, 130, 145), (165, 120, 100)][rng.integers(3)], 25)
            if depth == 0:
                wall = mix(wall, (170, 180, 200) if not night else (70, 65, 100), 0.4)
            draw.rectangle([x * size, (base - h) * size, (x + w) * size, base * size], fill=wall)
            kind = rng.random()
            if kind < 0.2:
                draw.polygon([(x * size, (base - h) * size), ((x + w / 2) * size, (base - h - 0.1) * size), ((x + w) * size, (base - h) * size)], fill=mix(wall, (90, 30, 20), 0.4))
            elif kind < 0.3:
                draw.line([(x + w / 2) * size, (base - h - 0.12) * size, (x + w / 2) * size, (base - h) * size], fill=wall, width=max(1, size // 80))
            if depth == 1:
                lit = (250, 220, 120) if night else mix(wall, (30, 40, 60), 0.5)
                for wy in np.arange(base - h + 0.03, base - 0.04, 0.05):
                    for wx in np.arange(x + 0.015, x + w - 0.02, 0.032):
                        if rng.random() < 0.7:
                            draw.rectangle([wx * size, wy * size, (wx + 0.014) * size, (wy + 0.022) * size], fill=lit)
            x += w * rng.uniform(0.85, 1.2)
    draw.rectangle([0, base * size, size, size], fill=vary(rng, (70, 70, 75), 15))
    return picture


def framed(rng: Rng, picture: Image.Image, width: float) -> Image.Image:
    """`picture` within a picture frame of the same outer size."""
    size = picture.width
    wood = [(190, 150, 60), (95, 60, 35), (45, 35, 30), (205, 190, 165)][rng.integers(4)]
    border = max(2, int(size * width))
    frame = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(frame)
    for i in range(border):
        t = abs(np.sin(3.1 * i / border * rng.uniform(0.97, 1.03)))
        draw.rectangle([i, i, size - 1 - i, size - 1 - i], outline=mix(wood, (255, 245, 210), t * 0.5 - 0.1))
    frame.paste(picture.resize((size - 2 * border,) * 2, Image.Resampling.BILINEAR), (border, border))
    return frame


def portrait(rng: Rng, size: int) -> Image.Image:
    ground = [(70, 50, 40), (50, 60, 55), (85, 70, 60), (40, 45, 65)][rng.integers(4)]
    picture = gradient(size, vary(rng, mix(ground, (255, 255, 255), 0.15)), vary(rng, ground))
    draw = ImageDraw.Draw(picture)
    box = lambda x, y, w, h, fill: draw.ellipse([(x - w) * size, (y - h) * size, (x + w) * size, (y + h) * size], fill=fill)  # noqa: E731
    skin = vary(rng, [(230, 190, 160), (205, 155, 120), (150, 100, 70), (240, 205, 180)][rng.integers(4)], 12)
    hair = vary(rng, [(50, 35, 25), (110, 75, 40), (170, 160, 150), (190, 150, 80)][rng.integers(4)], 15)
    coat = vary(rng, [(40, 40, 50), (110, 35, 35), (35, 60, 90), (60, 80, 50), (180, 170, 150)][rng.integers(5)], 15)
    x, y = 0.5 + rng.uniform(-0.06, 0.06), rng.uniform(0.36, 0.44)
    long = rng.random() < 0.5
    if long:
        box(x, y + 0.08, 0.22, 0.29, hair)
    box(x, 1.02, 0.42, 0.36, coat)
    draw.polygon([((x - 0.07) * size, (y + 0.12) * size), ((x + 0.07) * size, (y + 0.12) * size), ((x + 0.09) * size, (y + 0.34) * size), ((x - 0.09) * size, (y + 0.34) * size)], fill=mix(skin, (60, 30, 20), 0.2))
    box(x, y, 0.155, 0.2, skin)
    draw.chord([(x - 0.17) * size, (y - 0.235) * size, (x + 0.17) * size, (y + 0.15) * size], 180, 360, fill=hair)
    box(x, y - 0.02, 0.135, 0.12, skin)
    for side in (-1, 1):
        box(x + side * 0.06, y - 0.01, 0.022, 0.012, (245, 240, 235))
        box(x + side * 0.06, y - 0.01, 0.011, 0.012, (40, 35, 30))
    draw.line([x * size, y * size, (x + 0.015) * size, (y + 0.07) * size, (x - 0.01) * size, (y + 0.075) * size], fill=mix(skin, (80, 40, 30), 0.45), width=max(1, size // 120))
    draw.arc([(x - 0.05) * size, (y + 0.07) * size, (x + 0.05) * size, (y + 0.13) * size], 20, 160, fill=(150, 60, 60), width=max(1, size // 90))
    if not long and rng.random() < 0.4:
        draw.chord([(x - 0.13) * size, (y) * size, (x + 0.13) * size, (y + 0.26) * size], 15, 165, fill=hair)
    if rng.random() < 0.3:
        draw.rectangle([(x - 0.24) * size, (y - 0.17) * size, (x + 0.24) * size, (y - 0.14) * size], fill=(35, 30, 30))
        draw.rectangle([(x - 0.14) * size, (y - 0.33) * size, (x + 0.14) * size, (y - 0.15) * size], fill=(35, 30, 30))
    return framed(rng, picture, rng.uniform(0.06, 0.13))


def paper(rng: Rng, size: int) -> Image.Image:
    tone = np.array([(238, 226, 196), (228, 208, 165), (245, 240, 228), (215, 196, 158)][rng.integers(4)], np.float32)
    stain = (clouds(rng, size, 3)[..., None] - 0.5) * rng.uniform(20, 60)
    grain = rng.normal(0, 4, (size, size, 1))
    return Image.fromarray((tone + stain + grain).clip(0, 255).astype(np.uint8))


def old_map(rng: Rng, size: int) -> Image.Image:
    picture = paper(rng, size)
    land = clouds(rng, size, int(rng.integers(2, 5)))
    level = np.quantile(land, rng.uniform(0.35, 0.65))
    tint = Image.new("RGB", (size, size), vary(rng, [(200, 190, 130), (170, 195, 140), (220, 180, 150)][rng.integers(3)]))
    ocean = Image.new("RGB", (size, size), vary(rng, (165, 195, 210)))
    picture = Image.blend(picture, Image.composite(tint, ocean, Image.fromarray(((land > level) * 255).astype(np.uint8))), 0.55)
    coast = Image.fromarray(((np.abs(land - level) < 0.012) * 255).astype(np.uint8))
    picture.paste((80, 60, 40), mask=coast)
    draw = ImageDraw.Draw(picture)
    step = size / rng.integers(4, 8)
    for i in range(1, int(size / step) + 1):
        draw.line([i * step, 0, i * step, size], fill=(150, 125, 95), width=1)
        draw.line([0, i * step, size, i * step], fill=(150, 125, 95), width=1)
    for _ in range(int(rng.integers(3, 9))):
        x, y, r = rng.random() * size, rng.random() * size, size * 0.012
        draw.ellipse([x - r, y - r, x + r, y + r], fill=(160, 40, 30))
        draw.line([x + 2 * r, y, x + size * rng.uniform(0.05, 0.14), y], fill=(60, 45, 35), width=max(1, size // 90))
    if rng.random() < 0.7:
        cx, cy, r = rng.uniform(0.15, 0.85) * size, rng.uniform(0.15, 0.85) * size, size * rng.uniform(0.07, 0.13)
        for k in range(8):
            a, length = np.pi * k / 4, r if k % 2 == 0 else r * 0.55
            tip = (cx + length * np.cos(a), cy + length * np.sin(a))
            side = (cx + r * 0.15 * np.cos(a + 0.8), cy + r * 0.15 * np.sin(a + 0.8))
            draw.polygon([(cx, cy), side, tip], fill=(120, 35, 30) if k % 2 == 0 else (50, 45, 60))
        draw.ellipse([cx - r, cy - r, cx + r, cy + r], outline=(80, 60, 40), width=max(1, size // 150))
    return picture


def manuscript(rng: Rng, size: int) -> Image.Image:
    picture = paper(rng, size)
    draw = ImageDraw.Draw(picture)
    columns, margin = int(rng.integers(1, 3)), rng.uniform(0.08, 0.15)
    ink, lead = vary(rng, (60, 40, 25), 12), rng.uniform(0.035, 0.06)
    width = (1 - 2 * margin - 0.05 * (columns - 1)) / columns
    for c in range(columns):
        left, y = margin + c * (width + 0.05), margin
        initial = 0.0
        if rng.random() < 0.7:
            initial = rng.uniform(0.1, 0.2)
            colour = vary(rng, [(170, 40, 30), (35, 65, 140), (190, 150, 50)][rng.integers(3)])
            draw.rectangle([left * size, y * size, (left + initial) * size, (y + initial) * size], fill=colour)
            draw.arc([(left + initial * 0.2) * size, (y + initial * 0.15) * size, (left + initial * 0.8) * size, (y + initial * 0.85) * size], 40, 320, fill=(245, 235, 200), width=max(1, int(size * initial * 0.14)))
        while y < 1 - margin:
            x = left + (initial + 0.02 if y < margin + initial else 0)
            end = left + width * rng.uniform(0.85, 1.0)
            while x < end:
                w = rng.uniform(0.015, 0.07)
                colour = (165, 45, 35) if rng.random() < 0.04 else ink
                points = [(px * size, (y + lead * 0.5 + rng.uniform(-1, 1) * lead * 0.22) * size) for px in np.arange(x, min(x + w, end), 0.008)]
                if len(points) > 1:
                    draw.line(points, fill=colour, width=max(1, size // 110))
                x += w + 0.016
            y += lead
    return picture


def coin(rng: Rng, size: int) -> Image.Image:
    cloth = [(60, 20, 25), (25, 30, 50), (235, 235, 232), (40, 45, 40), (150, 140, 125)][rng.integers(5)]
    picture = gradient(size, vary(rng, cloth), vary(rng, cloth))
    draw = ImageDraw.Draw(picture)
    metal = vary(rng, [(205, 165, 70), (185, 188, 195), (165, 105, 65)][rng.integers(3)])
    x, y, r = rng.uniform(0.45, 0.55), rng.uniform(0.45, 0.55), rng.uniform(0.28, 0.42)
    disc = lambda k, fill: draw.ellipse([(x - r * k) * size, (y - r * k) * size, (x + r * k) * size, (y + r * k) * size], fill=fill)  # noqa: E731
    draw.ellipse([(x - r + 0.025) * size, (y - r + 0.03) * size, (x + r + 0.025) * size, (y + r + 0.03) * size], fill=mix(cloth, (0, 0, 0), 0.6))
    disc(1, mix(metal, (0, 0, 0), 0.35))
    disc(0.97, metal)
    disc(0.9, mix(metal, (0, 0, 0), 0.18))
    disc(0.88, mix(metal, (255, 255, 255), 0.12))
    n = int(rng.integers(14, 30))
    for k in range(n):
        a = 2 * np.pi * k / n
        if rng.random() < 0.8:
            cx, cy, d = x + r * 0.77 * np.cos(a), y + r * 0.77 * np.sin(a), r * 0.045
            draw.rectangle([(cx - d) * size, (cy - d * 1.3) * size, (cx + d) * size, (cy + d * 1.3) * size], fill=mix(metal, (0, 0, 0), 0.4))
    face = rng.choice([-1, 1])
    shape = [(-0.3, 0.55), (-0.15, 0.2), (-0.35, -0.1), (-0.25, -0.45), (0.05, -0.58), (0.28, -0.4), (0.3, -0.15), (0.42, 0.05), (0.29, 0.1), (0.28, 0.3), (0.1, 0.32), (0.2, 0.55)]
    points = [((x + face * px * r * 0.95) * size, (y + py * r * 0.95) * size) for px, py in shape]
    draw.polygon(points, fill=mix(metal, (0, 0, 0), 0.3))
    draw.polygon([(px - size * 0.008 * face, py - size * 0.008) for px, py in points], fill=mix(metal, (255, 255, 255), 0.22))
    return picture


def ground(rng: Rng, size: int, draw: ImageDraw.ImageDraw, base: float) -> None:
    draw.rectangle([0, base * size, size, size], fill=vary(rng, [(110, 140, 75), (165, 150, 120), (130, 125, 115), (235, 238, 242)][rng.integers(4)]))


def church(rng: Rng, size: int) -> Image.Image:
    picture = sky(rng, size)
    draw = ImageDraw.Draw(picture)
    base = rng.uniform(0.8, 0.9)
    ground(rng, size, draw, base)
    wall, roof = vary(rng, (225, 215, 195)), vary(rng, [(150, 70, 50), (80, 85, 95)][rng.integers(2)])
    side = rng.choice([-1, 1])
    tx, nx = 0.5 - side * 0.17, 0.5 + side * 0.1
    at = lambda px, py: (px * size, py * size)  # noqa: E731
    draw.polygon([at(nx - 0.22, base), at(nx - 0.22, base - 0.26), at(nx + 0.22, base - 0.26), at(nx + 0.22, base)], fill=wall)
    draw.polygon([at(nx - 0.25, base - 0.26), at(nx - 0.15, base - 0.42), at(nx + 0.15, base - 0.42), at(nx + 0.25, base - 0.26)], fill=roof)
    top = base - rng.uniform(0.45, 0.55)
    draw.rectangle([*at(tx - 0.08, top), *at(tx + 0.08, base)], fill=mix(wall, (0, 0, 0), 0.1))
    spire = top - rng.uniform(0.15, 0.25)
    draw.polygon([at(tx - 0.1, top), at(tx, spire), at(tx + 0.1, top)], fill=roof)
    draw.line([*at(tx, spire), *at(tx, spire - 0.09)], fill=(60, 50, 45), width=max(1, size // 80))
    draw.line([*at(tx - 0.03, spire - 0.06), *at(tx + 0.03, spire - 0.06)], fill=(60, 50, 45), width=max(1, size // 80))
    for k in range(3):
        wx = nx - 0.13 + k * 0.13
        draw.pieslice([*at(wx - 0.025, base - 0.2), *at(wx + 0.025, base - 0.14)], 180, 360, fill=(60, 70, 100))
        draw.rectangle([*at(wx - 0.025, base - 0.17), *at(wx + 0.025, base - 0.08)], fill=(60, 70, 100))
    draw.ellipse([*at(tx - 0.035, top + 0.06), *at(tx + 0.035, top + 0.13)], fill=(240, 240, 235), outline=(50, 45, 40))
    trees(rng, size, draw, base, int(rng.integers(0, 6)), 0.2)
    return picture


def castle(rng: Rng, size: int) -> Image.Image:
    picture = sky(rng, size)
    draw = ImageDraw.Draw(picture)
    base = rng.uniform(0.78, 0.88)
    stone = vary(rng, [(160, 155, 145), (175, 150, 120), (130, 125, 125)][rng.integers(3)])
    hill = vary(rng, (100, 120, 70), 25)
    draw.ellipse([-0.2 * size, (base - 0.12) * size, 1.2 * size, 1.6 * size], fill=hill)

    def tower(x: float, w: float, h: float, colour) -> None:
        draw.rectangle([(x - w) * size, (base - h) * size, (x + w) * size, base * size], fill=colour)
        if rng.random() < 0.35:
            draw.polygon([((x - w * 1.2) * size, (base - h) * size), (x * size, (base - h - w * 2.4) * size), ((x + w * 1.2) * size, (base - h) * size)], fill=(150, 60, 45))
            return
        n = max(3, int(w / 0.02))
        for k in range(n):
            bx = x - w + 2 * w * k / n
            if k % 2 == 0:
                draw.rectangle([bx * size, (base - h - 0.035) * size, (bx + 2 * w / n) * size, (base - h) * size], fill=colour)
        draw.rectangle([(x - 0.01) * size, (base - h * 0.75) * size, (x + 0.01) * size, (base - h * 0.6) * size], fill=(40, 38, 45))

    tower(0.5, 0.33, rng.uniform(0.2, 0.28), stone)
    tower(0.5, rng.uniform(0.09, 0.13), rng.uniform(0.42, 0.55), mix(stone, (0, 0, 0), 0.12))
    for x in (0.2, 0.8):
        tower(x + rng.uniform(-0.03, 0.03), rng.uniform(0.05, 0.08), rng.uniform(0.32, 0.45), mix(stone, (0, 0, 0), 0.2))
    draw.pieslice([0.43 * size, (base - 0.16) * size, 0.57 * size, (base + 0.04) * size], 180, 360, fill=(50, 40, 35))
    draw.rectangle([0.43 * size, (base - 0.06) * size, 0.57 * size, base * size], fill=(50, 40, 35))
    return picture


def bridge(rng: Rng, size: int) -> Image.Image:
    picture = sky(rng, size)
    draw = ImageDraw.Draw(picture)
    shore = rng.uniform(0.5, 0.62)
    trees(rng, size, draw, shore, 25, 0.14)
    water(rng, picture, shore, vary(rng, (85, 125, 130), 25), mirror=True)
    draw = ImageDraw.Draw(picture)
    stone = vary(rng, (150, 135, 115))
    top, base, arches = shore - rng.uniform(0.08, 0.14), shore + rng.uniform(0.1, 0.18), int(rng.integers(2, 5))
    mask = Image.new("L", (size, size), 0)
    cut = ImageDraw.Draw(mask)
    cut.rectangle([0, top * size, size, base * size], fill=255)
    for k in range(arches):
        a, b = (k + 0.12) / arches, (k + 0.88) / arches
        cut.pieslice([a * size, (top + 0.05) * size, b * size, (2 * base - top - 0.05) * size], 180, 360, fill=0)
    picture.paste(stone, mask=mask)
    draw.rectangle([0, (top - 0.02) * size, size, (top + 0.015) * size], fill=mix(stone, (0, 0, 0), 0.3))
    return picture


def forest(rng: Rng, size: int) -> Image.Image:
    autumn = rng.random() < 0.3
    picture = gradient(size, vary(rng, (170, 195, 190)), vary(rng, (60, 90, 55)))
    draw = ImageDraw.Draw(picture)
    for depth in range(3):
        for _ in range(14 - 3 * depth):
            x, base, h = rng.random(), 0.65 + depth * 0.14, rng.uniform(0.35, 0.6) * (0.7 + depth * 0.25)
            leaf = vary(rng, (185, 105, 40) if autumn else (40, 90, 45), 30)
            leaf = mix(leaf, (170, 195, 190), 0.35 - depth * 0.15)
            draw.rectangle([(x - 0.012) * size, (base - h * 0.5) * size, (x + 0.012) * size, base * size], fill=(75, 55, 40))
            for k in range(4):
                w = h * (0.1 + 0.05 * k)
                y = base - h + k * h * 0.18
                draw.polygon([((x - w) * size, (y + h * 0.25) * size), (x * size, y * size), ((x + w) * size, (y + h * 0.25) * size)], fill=vary(rng, leaf, 8))
    return picture


def sunset(rng: Rng, size: int) -> Image.Image:
    picture = gradient(size, vary(rng, (90, 60, 120)), vary(rng, (255, 150, 70)))
    draw = ImageDraw.Draw(picture)
    horizon, x, r = rng.uniform(0.58, 0.72), rng.uniform(0.3, 0.7), rng.uniform(0.08, 0.15)
    for k in range(6, -1, -1):
        q = r * (1 + k * 0.28)
        draw.ellipse([(x - q) * size, (horizon - 0.04 - q) * size, (x + q) * size, (horizon - 0.04 + q) * size], fill=mix((255, 235, 150), (255, 150, 75), k / 6))
    if rng.random() < 0.7:
        water(rng, picture, horizon, vary(rng, (120, 70, 90)), mirror=True)
        draw = ImageDraw.Draw(picture)
        for k in range(14):
            y, w = horizon + 0.02 + k * 0.028, r * rng.uniform(0.4, 1.1)
            draw.line([(x - w) * size, y * size, (x + w) * size, y * size], fill=(255, 205, 120), width=max(1, size // 90))
    else:
        edge = ridge(rng, 40, horizon - 0.03, horizon + 0.06, 0.05)
        draw.polygon([(0, size), *[(k * size / 39, y * size) for k, y in enumerate(edge)], (size, size)], fill=(45, 30, 50))
    return picture


def night_sky(rng: Rng, size: int) -> Image.Image:
    picture = gradient(size, vary(rng, (8, 10, 35), 8), vary(rng, (40, 45, 95)))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(40, 120))):
        x, y, r = rng.random() * size, rng.random() * size * 0.8, size * rng.uniform(0.002, 0.008)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=(245, 240, 215))
    x, y, r = rng.uniform(0.2, 0.8) * size, rng.uniform(0.15, 0.4) * size, rng.uniform(0.07, 0.14) * size
    dark = picture.getpixel((int(x), int(y)))
    draw.ellipse([x - r, y - r, x + r, y + r], fill=(250, 240, 200))
    if rng.random() < 0.5:
        draw.ellipse([x - r * 0.5, y - r * 1.1, x + r * 1.5, y + r * 0.9], fill=dark)
    edge = ridge(rng, 40, 0.78, 0.9, 0.06)
    draw.polygon([(0, size), *[(k * size / 39, v * size) for k, v in enumerate(edge)], (size, size)], fill=(12, 14, 25))
    return picture


def waterfall(rng: Rng, size: int) -> Image.Image:
    picture = sky(rng, size)
    draw = ImageDraw.Draw(picture)
    rock = vary(rng, (95, 95, 90))
    x, w, top = rng.uniform(0.4, 0.6), rng.uniform(0.08, 0.16), rng.uniform(0.15, 0.3)
    for side in (-1, 1):
        edge = ridge(rng, 20, top - 0.05, top + 0.05, 0.05)
        points = [(x + side * (w * 0.6 + k * 0.06), y) for k, y in enumerate(edge)]
        draw.polygon([(px * size, py * size) for px, py in [*points, (x + side * 2, 1), (x + side * w * 0.6, 1)]], fill=mix(rock, (0, 0, 0), 0.15 if side > 0 else 0))
    pool = rng.uniform(0.8, 0.88)
    draw.rectangle([(x - w) * size, top * size, (x + w) * size, pool * size], fill=vary(rng, (215, 230, 238), 8))
    for _ in range(30):
        lx = x + rng.uniform(-w, w)
        a = rng.uniform(top, pool)
        draw.line([lx * size, a * size, (lx + rng.uniform(-0.01, 0.01)) * size, min(pool, a + rng.uniform(0.1, 0.3)) * size], fill=vary(rng, (170, 200, 220), 20), width=max(1, size // 100))
    draw.rectangle([0, pool * size, size, size], fill=vary(rng, (95, 145, 160)))
    for _ in range(25):
        cx, cy, r = x + rng.normal(0, w), pool + rng.normal(0, 0.02), rng.uniform(0.015, 0.05)
        draw.ellipse([(cx - r) * size, (cy - r * 0.6) * size, (cx + r) * size, (cy + r * 0.6) * size], fill=vary(rng, (235, 242, 246), 8))
    trees(rng, size, draw, top + 0.03, int(rng.integers(3, 12)), 0.15)
    return picture


def desert(rng: Rng, size: int) -> Image.Image:
    picture = gradient(size, vary(rng, (110, 165, 215)), vary(rng, (240, 225, 190)))
    draw = ImageDraw.Draw(picture)
    if rng.random() < 0.6:
        x, y, r = rng.uniform(0.15, 0.85), rng.uniform(0.12, 0.3), 0.06
        draw.ellipse([(x - r) * size, (y - r) * size, (x + r) * size, (y + r) * size], fill=(255, 240, 190))
    for k in range(4):
        level = 0.5 + 0.13 * k
        t = np.linspace(0, 1, 50)
        edge = level + 0.06 * np.sin(t * rng.uniform(4, 9) + rng.uniform(0, 6)) + 0.02 * np.sin(t * 17)
        draw.polygon([(0, size), *[(a * size, b * size) for a, b in zip(t, edge)], (size, size)], fill=vary(rng, mix((235, 200, 135), (185, 130, 70), k / 4), 10))
    return picture


def flower_vase(rng: Rng, size: int) -> Image.Image:
    wall = [(90, 75, 65), (180, 190, 185), (60, 70, 85), (205, 190, 160)][rng.integers(4)]
    picture = gradient(size, vary(rng, wall), vary(rng, mix(wall, (0, 0, 0), 0.3)))
    draw = ImageDraw.Draw(picture)
    table = rng.uniform(0.74, 0.84)
    draw.rectangle([0, table * size, size, size], fill=vary(rng, (130, 85, 55), 30))
    x, vase = 0.5 + rng.uniform(-0.08, 0.08), vary(rng, [(60, 90, 160), (235, 235, 230), (150, 60, 50), (70, 120, 90)][rng.integers(4)])
    top = table - rng.uniform(0.2, 0.26)
    flowers = int(rng.integers(6, 14))
    for _ in range(flowers):
        fx, fy = x + rng.normal(0, 0.14), top - rng.uniform(0.03, 0.36)
        draw.line([x * size, top * size, fx * size, fy * size], fill=vary(rng, (60, 105, 50)), width=max(1, size // 90))
        colour = vary(rng, [(220, 60, 70), (240, 190, 60), (235, 150, 180), (245, 240, 235), (150, 90, 170)][rng.integers(5)])
        r = rng.uniform(0.03, 0.055)
        for k in range(6):
            a = k * np.pi / 3
            px, py = fx + r * np.cos(a), fy + r * np.sin(a)
            draw.ellipse([(px - r * 0.65) * size, (py - r * 0.65) * size, (px + r * 0.65) * size, (py + r * 0.65) * size], fill=colour)
        draw.ellipse([(fx - r * 0.5) * size, (fy - r * 0.5) * size, (fx + r * 0.5) * size, (fy + r * 0.5) * size], fill=(230, 180, 60))
    draw.ellipse([(x - 0.11) * size, (top + 0.03) * size, (x + 0.11) * size, (table + 0.07) * size], fill=vase)
    draw.rectangle([(x - 0.05) * size, (top - 0.02) * size, (x + 0.05) * size, (top + 0.09) * size], fill=vase)
    draw.ellipse([(x - 0.06) * size, (top - 0.035) * size, (x + 0.06) * size, (top) * size], fill=mix(vase, (0, 0, 0), 0.3))
    return picture


SCENES = {
    "lake": lake, "mountains": mountains, "sea": sea, "sailing ship": sea_sailing, "steamship": sea_steam, "city": city,
    "portrait": portrait, "map": old_map, "manuscript": manuscript, "coin": coin, "church": church, "castle": castle,
    "bridge": bridge, "forest": forest, "sunset": sunset, "night sky": night_sky, "waterfall": waterfall,
    "desert": desert, "flower vase": flower_vase,
}  # fmt: skip
