"""A collection of CLIP-like vectors: pictures of topics in a narrow cone, and queries by picture and by text."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

DIM = 512
N_QUERIES = 500
CHUNK = 20_000
# The share of each part in what a picture has beside the mean of all: theme, topic, subtopic, its own.
SHARES = (0.18, 0.17, 0.15, 0.50)
# The standard deviation along the k-th direction falls with this power of k: what many pictures share lies in few
# directions, what a picture has of its own in more.
POWERS = (0.6, 0.55, 0.5, 0.5)
# The mean's share of a picture is the mean cosine of two pictures.
MEAN_SHARE = 0.5
MIXED = 0.3
DUPLICATES = 0.03


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def generator(*seed):
    return np.random.Generator(np.random.SFC64(seed))


class World:
    """What pictures and texts are drawn from: two means, and a tree of themes, topics and subtopics.

    All is in coordinates in which the spectrum lies along the axes; `turn` brings it where no axis is special.
    """

    def __init__(self, n, seed):
        rng = generator(seed, 0)
        self.seed = seed
        self.turn = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0].astype(np.float32)
        self.sd = [spectrum(power, share * (1 - MEAN_SHARE)) for power, share in zip(POWERS, SHARES)]
        # The pictures' mean, and the texts', which lies elsewhere: the gap between the modalities.
        self.mean = unit(rng.standard_normal(DIM)).astype(np.float32)
        other = rng.standard_normal(DIM)
        other = unit(other - (other @ self.mean) * self.mean)
        self.text_mean = (0.25 * self.mean + np.sqrt(1 - 0.25**2) * other).astype(np.float32)
        # Larger collections show more subtopics, each of them more often, too.
        n_leaves = max(8, round(n**0.6))
        n_topics, n_themes = round(n_leaves**0.75), round(n_leaves**0.5)
        themes, topics, leaves = (
            rng.standard_normal((count, DIM), dtype=np.float32) * sd
            for count, sd in zip((n_themes, n_topics, n_leaves), self.sd)
        )
        theme_of_topic = rng.choice(n_themes, n_topics, p=zipf(n_themes))
        topic_of_leaf = rng.choice(n_topics, n_leaves, p=zipf(n_topics))
        self.leaves = leaves + topics[topic_of_leaf] + themes[theme_of_topic[topic_of_leaf]]
        self.frequency = zipf(n_leaves)
        # How much the pictures of a subtopic differ: photographs of coins less than those of crowds.
        self.breadth = rng.lognormal(0, 0.3, n_leaves).astype(np.float32)

    def pictures(self, n, stream, rare=0.0):
        """`n` pictures ([n, DIM], f32) with their subtopics; `rare` of them of subtopics as likely as any other."""
        rng = generator(self.seed, 1, stream)
        of = rng.choice(len(self.leaves), n, p=self.frequency)
        evenly = rng.random(n) < rare
        of[evenly] = rng.integers(len(self.leaves), size=evenly.sum())
        other = rng.choice(len(self.leaves), n, p=self.frequency)
        # Some show two things.
        weight = np.where(rng.random(n) < MIXED, rng.uniform(0.5, 1, n), 1).astype(np.float32)[:, None]
        rows = rng.standard_normal((n, DIM), dtype=np.float32)
        rows *= self.sd[-1]
        rows *= self.breadth[of, None]
        rows += weight * self.leaves[of]
        mixed = np.flatnonzero(weight[:, 0] < 1)
        rows[mixed] += np.sqrt(1 - weight[mixed] ** 2) * self.leaves[other[mixed]]
        # The same object photographed again stands beside its first photograph.
        again = np.flatnonzero(rng.random(n - 1) < DUPLICATES) + 1
        of[again] = of[again - 1]
        change = rng.uniform(0.05, 0.35, len(again)).astype(np.float32)[:, None]
        rows[again] = rows[again - 1] + change * self.sd[-1] * rng.standard_normal((len(again), DIM), dtype=np.float32)
        rows += np.sqrt(MEAN_SHARE) * self.mean
        return unit(rows @ self.turn), of

    def texts(self, n):
        """`n` texts ([n, DIM], f32): each of one to three subtopics, by their frequency or any as likely."""
        rng = generator(self.seed, 2)
        rows = np.zeros((n, DIM), np.float32)
        for row in rows:
            count = rng.choice((1, 2, 3), p=(0.5, 0.3, 0.2))
            frequency = self.frequency if rng.random() < 0.7 else None
            of = rng.choice(len(self.leaves), count, p=frequency)
            row += unit(rng.dirichlet(np.full(count, 3.0)) @ self.leaves[of])
        # What a text says beside, along the directions of pictures, and what only texts have, along any.
        beside = unit(rng.standard_normal((n, DIM), dtype=np.float32) * self.sd[-1])
        alone = unit(rng.standard_normal((n, DIM), dtype=np.float32))
        return unit((0.8 * self.text_mean + 0.24 * rows + 0.22 * beside + 0.45 * alone) @ self.turn)


def spectrum(power, variance):
    sd = np.arange(1, DIM + 1) ** -power
    return (sd * np.sqrt(variance / (sd @ sd))).astype(np.float32)


def zipf(n):
    weight = (np.arange(n) + 10.0) ** -0.8
    return weight / weight.sum()


def make(folder, n, seed, tables):
    """Writes the files of a collection of `n` vectors, in chunks, and with `tables` those of a data directory."""
    (folder / "features").mkdir(parents=True, exist_ok=True)
    world = World(n, seed)
    pictures, _ = world.pictures(N_QUERIES, n, rare=0.2)
    texts = world.texts(N_QUERIES)
    np.save(folder / "pictures.npy", pictures)
    np.save(folder / "texts.npy", texts)
    tops = {"pictures": Tops(pictures[::10]), "texts": Tops(texts[::10])}
    sample = []

    with open(folder / "features/features.npy", "wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (n, DIM)}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        start = file.tell()
        file.truncate(start + n * DIM * 2)

        def write(first):
            rows, of = world.pictures(min(CHUNK, n - first), first)
            halves = rows.astype("<f2")
            os.pwrite(file.fileno(), halves, start + first * DIM * 2)
            return halves[::50], {name: top.of(rows, of) for name, top in tops.items()}

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for halves, found in pool.map(write, range(0, n, CHUNK)):
                if len(sample) < 100:
                    sample.append(halves)
                for name, top in tops.items():
                    top.merge(*found[name])
    if tables:
        write_tables(folder, n)
    describe(n, world, np.concatenate(sample).astype(np.float32), tops)


class Tops:
    """The 100 best of all chunks for each of some queries, with their subtopics."""

    def __init__(self, queries):
        self.queries = queries
        self.sum = np.zeros(len(queries))
        self.scores = np.zeros((len(queries), 0), np.float32)
        self.topics = np.zeros((len(queries), 0), np.int64)

    def of(self, rows, topics):
        scores = self.queries @ rows.T
        best = np.argpartition(-scores, min(100, len(rows) - 1), axis=1)[:, :100]
        return scores.sum(axis=1, dtype=np.float64), np.take_along_axis(scores, best, 1), topics[best]

    def merge(self, total, scores, topics):
        self.sum += total
        scores = np.concatenate((self.scores, scores), axis=1)
        topics = np.concatenate((self.topics, topics), axis=1)
        best = np.argsort(-scores, axis=1)[:, :100]
        self.scores, self.topics = np.take_along_axis(scores, best, 1), np.take_along_axis(topics, best, 1)


def describe(n, world, sample, tops):
    """Prints how the vectors lie; `sample` has some rows of the collection ([m, DIM], f32)."""
    print(f"{n} x {DIM}, {len(world.leaves)} subtopics, the largest with {world.frequency[0]:.2%} of the rows")
    mean = sample.mean(axis=0)
    print(f"mean cosine of two pictures {mean @ mean:.3f}")
    variance = np.linalg.eigvalsh(np.cov(sample.T))[::-1]
    share = np.cumsum(variance) / variance.sum()
    print(
        f"effective dimension (participation ratio) {variance.sum() ** 2 / (variance @ variance):.0f}, "
        f"90 % of the variance in {np.searchsorted(share, 0.9) + 1} directions"
    )
    print(
        "| queries | mean cosine | best, median (10 % to 90 %) | 10th | 100th | local dimension | subtopics in 10 best |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, top in tops.items():
        low, median, high = np.quantile(top.scores[:, 0], (0.1, 0.5, 0.9))
        distance = np.sqrt(np.maximum(2 - 2 * top.scores, 1e-6))
        # The maximum likelihood of Levina and Bickel 2004, by the distances of the 100 nearest.
        local = np.median(-1 / np.log(distance[:, :-1] / distance[:, -1:]).mean(axis=1))
        topics = np.mean([len(set(row[:10])) for row in top.topics])
        print(
            f"| {name} | {top.sum.mean() / n:.3f} | {median:.3f} ({low:.3f} to {high:.3f}) | "
            f"{np.median(top.scores[:, 9]):.3f} | {np.median(top.scores[:, -1]):.3f} | {local:.0f} | {topics:.1f} |"
        )


def write_tables(folder, n):
    """The tables of a data directory: images of seven hosts, and their sizes."""
    with (
        open(folder / "images.csv", "w") as images,
        open(folder / "features/imageIds.csv", "w") as ids,
        open(folder / "sizes.csv", "w") as sizes,
    ):
        images.write("localIdentifier,iiif_url\n")
        ids.write("image_id\n")
        sizes.write("image_id,width,height,version,profile,measured\n")
        for row in range(n):
            name = row * 2654435761 % (1 << 32)
            url = f"https://iiif.museum-{row * 7 // n}.example.org/iiif/2/collection%2F{name:010d}"
            image_id = hashlib.blake2b(url.encode(), digest_size=20).hexdigest()
            images.write(f"{image_id},{url}\n")
            ids.write(f"{image_id}\n")
            sizes.write(f"{image_id},{2000 + row % 3000},{1500 + row % 2500},2,level2,info\n")
