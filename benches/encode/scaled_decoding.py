"""Whether JPEGs may be decoded at 1/2, 1/4 or 1/8 of their size, by the cosine with the vector of the whole decoding.

    python scaled_decoding.py MODEL_FOLDER PICTURE...

Pictures in other formats are made JPEGs first. Pillow's draft mode has libjpeg compute fewer frequencies of each block. What comes of it is brought to the model's size as
the whole picture is. A margin of 2 means that the scaled picture is still at least twice as large as the model's input.
"""

import io
import json
import os
import sys
import time
from pathlib import Path

# Its library reports to its vendor otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from PIL import Image  # noqa: E402

MARGINS = (1, 1.5, 2, 3, 4)
WANTED = 0.9999


def pixels(image: Image.Image, settings: dict) -> np.ndarray:
    edge, crop = settings["size"]["shortest_edge"], settings["crop_size"]["height"]
    width, height = image.size
    size = (edge, edge * height // width) if width <= height else (edge * width // height, edge)
    image = image.convert("RGB").resize(size, Image.Resampling(settings["resample"]))
    left, top = (size[0] - crop) // 2, (size[1] - crop) // 2
    levels = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float64) * settings["rescale_factor"]
    mean, std = np.array(settings["image_mean"]), np.array(settings["image_std"])
    return ((levels - mean) / std).astype(np.float32).transpose(2, 0, 1)


def jpeg(path: Path) -> io.BytesIO:
    image = Image.open(path)
    if image.format == "JPEG":
        return io.BytesIO(path.read_bytes())
    encoded = io.BytesIO()
    image.convert("RGB").save(encoded, "JPEG", quality=90)
    return encoded


def scaled(file: io.BytesIO, margin: float, edge: int) -> tuple[Image.Image, int]:
    """The picture at the smallest scale that leaves the margin, and the divisor."""
    file.seek(0)
    image = Image.open(file)
    short = min(image.size)
    divisor = max((d for d in (1, 2, 4, 8) if short / d >= margin * edge), default=1)
    if divisor > 1:
        image.draft(None, (image.width // divisor, image.height // divisor))
    image.load()
    return image, divisor


def main() -> None:
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    edge = settings["size"]["shortest_edge"]
    file = next(path for path in (folder / "onnx").glob("vision_model*.onnx") if "quantized" not in path.name)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    element = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else np.float32

    def vector(image: Image.Image) -> np.ndarray:
        batch = pixels(image, settings)[None].astype(element)
        embedding = session.run(["image_embeds"], {"pixel_values": batch})[0][0].astype(np.float64)
        return embedding / np.linalg.norm(embedding)

    pictures = [jpeg(Path(name)) for name in sys.argv[2:]]
    for margin in MARGINS:
        cosines, times = [], [0.0, 0.0]
        for path in pictures:
            started = time.process_time()
            small, divisor = scaled(path, margin, edge)
            between = time.process_time()
            if divisor == 1:
                continue
            whole, _ = scaled(path, float("inf"), edge)
            times[0] += between - started
            times[1] += time.process_time() - between
            cosines.append(float(vector(small) @ vector(whole)))
        if cosines:
            n_good = sum(cosine >= WANTED for cosine in cosines)
            print(
                f"| {margin} | {len(cosines)} | {min(cosines):.6f} | {np.median(cosines):.6f} | {n_good} |"
                f" {times[0] / times[1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
