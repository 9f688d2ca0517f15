"""Learns the byte-level BPE tokenizer from captions and writes tokenizer.json as CLIP's is built."""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from captions import VIEWS, caption
from compose import Scene
from concepts import LANGUAGES, concepts

CONTEXT_LENGTH = 32
START, END = "<|startoftext|>", "<|endoftext|>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def empty() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END, continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def learn_merges(words: Counter[str], size: int) -> list[tuple[str, str]]:
    """Byte-pair encoding with ties broken by the alphabet: `tokenizers` breaks them by chance."""
    parts = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[str]] = {}
    for word, split in parts.items():
        for pair in zip(split, split[1:]):
            pairs[pair] += words[word]
            where.setdefault(pair, set()).add(word)
    merges = []
    while len(merges) < size and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        merges.append(best)
        for word in where.pop(best):
            split = parts[word]
            for pair in zip(split, split[1:]):
                pairs[pair] -= words[word]
                if pair in where:
                    where[pair].discard(word)
            i = 0
            while i + 1 < len(split):
                if (split[i], split[i + 1]) == best:
                    split[i : i + 2] = [best[0] + best[1]]
                i += 1
            for pair in zip(split, split[1:]):
                pairs[pair] += words[word]
                where.setdefault(pair, set()).add(word)
        pairs = +pairs
    return merges


def learn(scenes: list[Scene], n_merges: int) -> Tokenizer:
    rng = np.random.default_rng(0)
    texts = [caption(rng, scene, language) for scene in scenes for language in LANGUAGES]
    for language in LANGUAGES:
        # Every name often enough to become a few tokens at most.
        for concept in concepts():
            texts += [concept.names[language]] * 20 + concept.keywords[language] * 4
        for view in VIEWS.values():
            texts += view[language] * 20
    tokenizer = empty()
    words: Counter[str] = Counter()
    for text in texts:
        text = tokenizer.normalizer.normalize_str(text)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    merges = learn_merges(words, n_merges)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = letters + [letter + "</w>" for letter in letters] + [a + b for a, b in merges]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    vocabulary |= {START: len(vocabulary), END: len(vocabulary) + 1}
    tokenizer.model = models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=END, continuing_subword_prefix="")
    tokenizer.add_special_tokens([START, END])
    tokenizer.post_processor = processors.RobertaProcessing((END, vocabulary[END]), (START, vocabulary[START]), trim_offsets=False, add_prefix_space=False)
    return tokenizer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pictures", type=Path, help="the folder that generate.py fills")
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--merges", type=int, default=6000)
    options = arguments.parse_args()
    lines = (options.pictures / "0000.jsonl").read_text(encoding="utf-8").splitlines()
    tokenizer = learn([Scene(**json.loads(line)) for line in lines], options.merges)
    tokenizer.save(str(options.file), pretty=False)
    print(tokenizer.get_vocab_size(), "tokens")


if __name__ == "__main__":
    main()
