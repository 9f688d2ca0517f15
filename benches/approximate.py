"""Collections of CLIP-like vectors of any size, to choose an approximate index by, and how libraries do on them.

    python -m venv venv && venv/bin/pip install numpy
    venv/bin/python benches/approximate.py make FOLDER N [--seed S] [--collection]

writes FOLDER/features/features.npy ([N, 512], f16, rows of unit length), FOLDER/pictures.npy and FOLDER/texts.npy
([500, 512], f32, queries of unit length), and says how the vectors lie. With --collection FOLDER is a data directory
that `clip-search serve` opens. The same N and seed give the same files. Ten million need 10 GB and 2 GB of memory.

    venv/bin/pip install threadpoolctl faiss-cpu usearch turbovec scann protobuf hannoy diskannpy zvec
    venv/bin/python benches/approximate.py compare FOLDER [--rivals NAME ...] [--limit SECONDS]

builds an index of each library for these files, in a process of its own, and prints two tables: what it takes to reach
a share of the ten best hits (recall@10), as a ratio to an exact scan by numpy in the same process, between whose turns
the queries stand; and what happens when a filter leaves some of the rows. Indexes are built by all processors. Queries
and the scan have one thread each (but turbovec's, which may have more): two that wait for one another say more
about what else the machine does than about an index. Results are kept in FOLDER/rivals, so that one library can be
measured again, or added.
"""

import argparse
from pathlib import Path

from rivals import collection, measure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make", help="write a collection")
    command.add_argument("folder", type=Path)
    command.add_argument("n", type=int, help="how many vectors")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--collection", action="store_true", help="also images.csv, sizes.csv and imageIds.csv")
    command.set_defaults(run=lambda args: collection.make(args.folder, args.n, args.seed, args.collection))
    command = commands.add_parser("compare", help="measure libraries on a collection")
    command.add_argument("folder", type=Path)
    command.add_argument("--rivals", nargs="*", help="names of rivals/libraries.py; all, unless told")
    command.add_argument("--limit", type=int, default=900, help="seconds that a build may take")
    command.add_argument("--queries", type=int, default=200, help="how many of each kind are asked")
    command.set_defaults(run=lambda args: measure.compare(args.folder, args.rivals, args.limit, args.queries))
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
