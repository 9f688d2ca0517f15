"""Libraries of approximate search behind one door.

Each rival takes f16 rows of unit length ([n, 512], mapped from a file), is built with as many threads and as much
memory as it likes, and answers one query at a time. One that keeps less than f16 fetches more hits than are wanted and
has them scored by the rows themselves, as any of these would be used.
"""

import os

import numpy as np

BLOCK = 20_000
# Rows for each cell that cells are found by.
TRAINED = 32
SEED = 1


class Rival:
    """What all have in common; a subclass imports its library in `build`, so that each needs only its own."""

    # The values of the parameter that trades time for recall, ascending, and its name.
    parameter, sweep = "ef", (16, 32, 64, 128, 256, 512, 1024, 2048)
    # Whether a query may be held to some of the rows.
    filters = True

    def build(self, rows, folder):
        """Indexes `rows`; what lies on disk is put into `folder`."""
        raise NotImplementedError

    def only(self, mask):
        """What `search` wants as `only`, made once for a filter: `mask` is a bool for each row."""
        return mask

    def search(self, query, value, only=None):
        """The rows of the ten best hits, or more, for `query` ([512], f32) with `value` of the parameter."""
        raise NotImplementedError

    def rescored(self, query, found):
        """The ten best of the rows `found`."""
        found = found[found >= 0]
        return found[np.argsort(-(self.rows[found].astype(np.float32) @ query))[:10]]


def blocks(rows):
    for first in range(0, len(rows), BLOCK):
        yield first, rows[first : first + BLOCK].astype(np.float32)


def some(rows, count):
    chosen = np.random.default_rng(SEED).choice(len(rows), min(count, len(rows)), replace=False)
    return rows[np.sort(chosen)].astype(np.float32)


def n_cells(rows):
    return int(4 * np.sqrt(len(rows)))


class Faiss(Rival):
    def build(self, rows, folder):
        import faiss

        self.faiss, self.rows = faiss, rows
        self.index = faiss.index_factory(rows.shape[1], self.kind(rows), faiss.METRIC_INNER_PRODUCT)
        self.prepare(rows)
        for _, block in blocks(rows):
            self.index.add(block)

    def prepare(self, rows):
        self.index.train(some(rows, 50_000))

    def only(self, mask):
        bits = np.packbits(mask, bitorder="little")
        return bits, self.faiss.IDSelectorBitmap(len(mask), self.faiss.swig_ptr(bits))

    def found(self, query, count, **parameters):
        return self.index.search(query[None], count, params=self.parameters(**parameters))[1][0]


class FaissHnsw(Faiss):
    name = "faiss HNSW, M 32, f16"

    def kind(self, rows):
        return "HNSW32,SQfp16"

    def prepare(self, rows):
        self.index.hnsw.efConstruction = 100
        self.index.train(some(rows, 1000))

    def search(self, query, value, only=None):
        return self.found(query, 10, efSearch=value, sel=only and only[1])

    def parameters(self, **parameters):
        return self.faiss.SearchParametersHNSW(**parameters)


class FaissCells(Faiss):
    name = "faiss IVF, int8, 30 rescored"
    parameter, sweep = "nprobe", (4, 8, 16, 32, 64, 128, 256, 512, 1024)
    codes, rescore = "SQ8", 30

    def kind(self, rows):
        return f"IVF{n_cells(rows)},{self.codes}"

    def prepare(self, rows):
        clustering = self.index.cp
        clustering.niter, clustering.spherical, clustering.max_points_per_centroid = 10, True, TRAINED
        clustering.min_points_per_centroid = 1
        self.index.train(some(rows, TRAINED * n_cells(rows)))

    def search(self, query, value, only=None):
        return self.rescored(query, self.found(query, self.rescore, nprobe=value, sel=only and only[1]))

    def parameters(self, **parameters):
        return self.faiss.SearchParametersIVF(**parameters)


class FaissCellsPq(FaissCells):
    name = "faiss IVF, PQ256x4 fast scan, 200 rescored"
    codes, rescore = "PQ256x4fs", 200


class FaissCellsRaBitQ(FaissCells):
    name = "faiss IVF, RaBitQ fast scan of 4 bits, 50 rescored"
    codes, rescore = "RaBitQfs4", 50

    def parameters(self, **parameters):
        return self.faiss.IVFRaBitQSearchParameters(**parameters)


class FaissPq(Faiss):
    name = "faiss PQ256x4 fast scan of all"
    parameter, sweep = "rescored", (10, 20, 40, 100, 200, 400, 1000, 2000, 4000)
    filters = False

    def kind(self, rows):
        return "PQ256x4fs"

    def search(self, query, value, only=None):
        return self.rescored(query, self.index.search(query[None], value)[1][0])


class FaissRaBitQ(FaissPq):
    name = "faiss RaBitQ fast scan of all, 4 bits"

    def kind(self, rows):
        return "RaBitQfs4"


class Usearch(Rival):
    name = "usearch HNSW, M 16, f16"
    filters = False  # Python has none; C++ and Rust take a predicate.

    def build(self, rows, folder):
        from usearch.index import Index

        self.index = Index(ndim=rows.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=128)
        for first in range(0, len(rows), BLOCK):
            block = rows[first : first + BLOCK]
            self.index.add(np.arange(first, first + len(block)), np.ascontiguousarray(block))

    def search(self, query, value, only=None):
        self.index.expansion_search = value
        return self.index.search(query.astype(np.float16), 10).keys


class Turbovec(Rival):
    name = "turbovec, scan of all, 4 bits"
    parameter, sweep = "rescored", (10, 20, 40, 100, 200, 400, 1000)

    def build(self, rows, folder):
        from turbovec import TurboQuantIndex

        self.rows = rows
        self.index = TurboQuantIndex(rows.shape[1], 4)
        self.index.calibrate(some(rows, 4096))
        for _, block in blocks(rows):
            self.index.add(block)
        self.index.prepare()

    def search(self, query, value, only=None):
        found = self.index.search(query[None], value, mask=only)[1][0]
        return self.rescored(query, found.astype(np.int64))


class Scann(Rival):
    name = "ScaNN, cells and 4 bits, 100 rescored"
    parameter, sweep = "leaves", (4, 8, 16, 32, 64, 128, 256, 512, 1024)
    filters = False

    def build(self, rows, folder):
        from scann.scann_ops.py import scann_ops_pybind

        all_rows = rows.astype(np.float32)
        builder = scann_ops_pybind.builder(all_rows, 10, "dot_product")
        builder = builder.tree(n_cells(rows), 16, training_sample_size=TRAINED * n_cells(rows), spherical=True)
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100)
        builder.set_n_training_threads(os.cpu_count())
        self.index = builder.build()

    def search(self, query, value, only=None):
        return self.index.search(query, 10, 100, value)[0]


class Hannoy(Rival):
    name = "hannoy HNSW, M 16, f32 in LMDB"
    filters = False  # Python has none; Rust takes a Roaring bitmap of candidates.
    metric = "COSINE"

    def build(self, rows, folder):
        import hannoy

        self.rows = rows
        base = hannoy.Database(str(folder), getattr(hannoy.Metric, self.metric), env_size=1 << 35)
        with base.writer(rows.shape[1], m=16, ef=128) as writer:
            for first, block in blocks(rows):
                writer.add_items(list(range(first, first + len(block))), block)
        self.base, self.index = base, base.reader()

    def search(self, query, value, only=None):
        return np.array([row for row, _ in self.index.by_array(query, n=10, ef_search=value)])


class HannoyBits(Hannoy):
    name = "hannoy HNSW, M 16, bits, all of ef rescored"
    metric = "BQ_COSINE"

    def search(self, query, value, only=None):
        found = self.index.by_array(query, n=value, ef_search=value)
        return self.rescored(query, np.array([row for row, _ in found]))


class DiskAnnMemory(Rival):
    name = "diskannpy in memory, R 64, f32"
    parameter, sweep = "L", (16, 32, 64, 128, 256, 512, 1024, 2048)
    filters = False  # Only by labels that are known when the index is built.

    def build(self, rows, folder):
        import diskannpy

        threads = os.cpu_count()
        all_rows = rows.astype(np.float32)
        diskannpy.build_memory_index(all_rows, "l2", str(folder), 100, 64, threads)
        del all_rows
        self.index = diskannpy.StaticMemoryIndex(str(folder), 1, 2048)

    def search(self, query, value, only=None):
        # `search` of 0.7.0 answers the best hit ten times.
        return self.index.batch_search(query[None], 10, value, 1).identifiers[0]


class DiskAnnDisk(DiskAnnMemory):
    name = "diskannpy on disk, R 64, PQ in memory"

    def build(self, rows, folder):
        import diskannpy

        threads = os.cpu_count()
        # Memory for 64 bytes of each row, in GB.
        memory = len(rows) * 64 / 2**30
        diskannpy.build_disk_index(rows.astype(np.float32), "l2", str(folder), 100, 64, memory, 8.0, threads)
        self.index = diskannpy.StaticDiskIndex(str(folder), 1, 0)

    def search(self, query, value, only=None):
        return self.index.batch_search(query[None], 10, value, 1, 4).identifiers[0]


class Zvec(Rival):
    name = "zvec HNSW, M 16, f16"
    filters = False  # Only by fields of the documents, not by a set of rows.

    def build(self, rows, folder):
        import zvec

        self.zvec = zvec
        zvec.init(log_level=zvec.LogLevel.ERROR)
        index = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.IP, m=16, ef_construction=128, quantize_type=zvec.QuantizeType.FP16
        )
        schema = zvec.CollectionSchema(
            name="images",
            vectors=zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, rows.shape[1], index_param=index),
        )
        self.index = zvec.create_and_open(str(folder / "zvec"), schema)
        for first, block in blocks(rows):
            for at in range(0, len(block), 1000):
                some_rows = enumerate(block[at : at + 1000], first + at)
                self.index.insert([zvec.Doc(id=str(i), vectors={"vector": row.tolist()}) for i, row in some_rows])
        self.index.optimize()

    def search(self, query, value, only=None):
        found = self.index.query(
            self.zvec.Query(field_name="vector", vector=query.tolist(), param=self.zvec.HnswQueryParam(ef=value)),
            topk=10,
            output_fields=[],
        )
        return np.array([int(doc.id) for doc in found])


RIVALS = {
    "faiss-hnsw": FaissHnsw,
    "faiss-ivf": FaissCells,
    "faiss-ivf-pq": FaissCellsPq,
    "faiss-ivf-rabitq": FaissCellsRaBitQ,
    "faiss-pq": FaissPq,
    "faiss-rabitq": FaissRaBitQ,
    "usearch": Usearch,
    "turbovec": Turbovec,
    "scann": Scann,
    "hannoy": Hannoy,
    "hannoy-bits": HannoyBits,
    "diskann": DiskAnnMemory,
    "diskann-disk": DiskAnnDisk,
    "zvec": Zvec,
}
