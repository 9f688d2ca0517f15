"""Learns the tokenizer from captions and writes tokenizer.json."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from captions import VIEWS, caption
from compose import Scene
from concepts import LANGUAGES, concepts

sys.path.append(str(Path(__file__).parent.parent))
from clip_tokenizer import learn  # noqa: E402

CONTEXT_LENGTH = 32


def sentences(scenes: list[Scene]) -> list[str]:
    rng = np.random.default_rng(0)
    texts = [caption(rng, scene, language) for scene in scenes for language in LANGUAGES]
    for language in LANGUAGES:
        # Every name often enough to become a few tokens at most.
        for concept in concepts():
            texts += [concept.names[language]] * 20 + concept.keywords[language] * 4
        for view in VIEWS.values():
            texts += view[language] * 20
    return texts


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pictures", type=Path, help="the folder that generate.py fills")
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--merges", type=int, default=6000)
    options = arguments.parse_args()
    lines = (options.pictures / "0000.jsonl").read_text(encoding="utf-8").splitlines()
    tokenizer = learn(sentences([Scene(**json.loads(line)) for line in lines]), options.merges)
    tokenizer.save(str(options.file), pretty=False)
    print(tokenizer.get_vocab_size(), "tokens")


if __name__ == "__main__":
    main()
