"""Makes tests/fixtures/tables: small Parquet files as pyarrow writes them.

    pip install pyarrow==26.0.1 && python tools/fixture-tables/make.py
"""

import base64
import datetime
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

OUT = Path(__file__).parents[2] / "tests/fixtures/tables"


def urls(n: int) -> list[str]:
    return [f"http://x.example/iiif/{k:03}" for k in range(n)]


def kinds() -> pa.Table:
    """Five rows with a column of each kind, in row groups of two; every kind has a null but the URL."""
    utc, naive = datetime.timezone.utc, datetime.datetime
    day = datetime.date
    return pa.table(
        {
            "title": pa.array(["Näher am See", None, 'a "b", c', "", "5\n6"]),
            "IIIF-URL": pa.array(urls(5)),
            "large": pa.array(["one", "two", None, "four", "five"], pa.large_string()),
            "bytes": pa.array([b"plain", None, "Straße".encode(), b"\xff\xfe\x00", b""], pa.binary()),
            "artist": pa.array(["Hodler", "Anker", "Hodler", None, "Anker"]).dictionary_encode(),
            "year": pa.array([1890, None, -5, 2**40, 0], pa.int64()),
            "small": pa.array([1, None, -1, 127, 0], pa.int8()),
            "ratio": pa.array([0.1, None, 1890.0, -2.5, 1e21]),
            "sold": pa.array([True, None, False, True, False]),
            "day": pa.array([day(1890, 5, 1), None, day(1970, 1, 1), day(2026, 11, 27), day(1, 1, 1)]),
            "seen": pa.array(
                [naive(1890, 5, 1, 12), None, naive(1970, 1, 1), naive(2026, 11, 27, 1, 2, 3, 450000), naive(1700, 1, 1)],
                pa.timestamp("ns"),
            ),
            "changed": pa.array(
                [naive(1890, 5, 1, 12, tzinfo=utc), None, *[naive(2026, 11, 27, 1, 2, 3, tzinfo=utc)] * 3],
                pa.timestamp("ms", "UTC"),
            ),
            "price": pa.array([decimal.Decimal("12.50"), None, *[decimal.Decimal("-0.05")] * 3]),
            "tags": pa.array([["a", "b"], None, [], ["c"], [None]], pa.list_(pa.string())),
            "place": pa.array([{"lat": 47.0}, None, {"lat": None}, {"lat": 1.0}, {"lat": 2.0}]),
        }
    )


def plain(n: int) -> pa.Table:
    titles = [None if k % 7 == 3 else f"title {k % 5}" for k in range(n)]
    return pa.table({"iiif_url": urls(n), "title": titles})


class Keys(pe.KmsClient):
    """Keys that hide nothing."""

    def __init__(self, _config):
        super().__init__()

    def wrap_key(self, key, _master):
        return base64.b64encode(key)

    def unwrap_key(self, wrapped, _master):
        return base64.b64decode(wrapped)


def encrypted(path: Path, plaintext_footer: bool) -> None:
    factory = pe.CryptoFactory(Keys)
    settings = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["iiif_url", "title"]}, plaintext_footer=plaintext_footer
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), settings)
    table = plain(3)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def make() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    pq.write_table(kinds(), OUT / "kinds.parquet", row_group_size=2)
    for compression in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
        pq.write_table(plain(40), OUT / f"{compression}.parquet", compression=compression, row_group_size=16)
    encodings = {"iiif_url": "DELTA_BYTE_ARRAY", "title": "DELTA_LENGTH_BYTE_ARRAY"}
    pq.write_table(
        plain(40),
        OUT / "delta.parquet",
        data_page_version="2.0",
        use_dictionary=False,
        column_encoding=encodings,
        data_page_size=64,
    )
    pq.write_table(pa.table({"iiif_url": [urls(1)]}), OUT / "listed.parquet")
    pq.write_table(plain(0), OUT / "empty.parquet")
    encrypted(OUT / "encrypted.parquet", plaintext_footer=False)
    encrypted(OUT / "encrypted-columns.parquet", plaintext_footer=True)


if __name__ == "__main__":
    make()
