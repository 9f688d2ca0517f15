"""Learns a byte-level BPE tokenizer in the manner of CLIP's: lower case, `</w>` at the end of words."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

START, END = "<|startoftext|>", "<|endoftext|>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

Pair = tuple[str, str]


def learn_merges(words: Counter[str], n_merges: int) -> list[Pair]:
    """Byte-pair encoding, ties broken by the alphabet: the trainer of `tokenizers` breaks them by chance."""
    splits = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    pairs: Counter[Pair] = Counter()
    words_with: dict[Pair, set[str]] = {}

    def count(word: str, times: int) -> None:
        for pair in zip(splits[word], splits[word][1:]):
            pairs[pair] += times * words[word]
            words_with.setdefault(pair, set()).add(word)

    for word in words:
        count(word, 1)
    merges = []
    while len(merges) < n_merges and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word in words_with.pop(best):
            count(word, -1)
            parts = splits[word]
            for i in reversed(range(len(parts) - 1)):
                if tuple(parts[i : i + 2]) == best:
                    parts[i : i + 2] = [best[0] + best[1]]
            count(word, 1)
        for pair in [pair for pair, n in pairs.items() if n <= 0]:
            del pairs[pair]
    return merges


def learn(texts: Iterable[str], n_merges: int) -> Tokenizer:
    """A tokenizer of 512 bytes (within and at the end of words), up to `n_merges` merges, START and END."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END, continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    words: Counter[str] = Counter()
    for text in texts:
        text = tokenizer.normalizer.normalize_str(text)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    merges = learn_merges(words, n_merges)

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = letters + [letter + "</w>" for letter in letters] + [a + b for a, b in merges]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    vocabulary |= {START: len(vocabulary), END: len(vocabulary) + 1}
    tokenizer.model = models.BPE(
        vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=END, continuing_subword_prefix=""
    )
    tokenizer.add_special_tokens([START, END])
    tokenizer.post_processor = processors.RobertaProcessing(
        (END, vocabulary[END]), (START, vocabulary[START]), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer
