"""The measurements as Markdown."""

import os
import statistics

from rivals.collection import DIM

# What `compare` wants of the ten best hits, and what its filters leave of the rows.
RECALLS = (0.95, 0.98, 0.99)
FILTERS = (0.5, 0.1, 0.01, 0.001)


def print_tables(results):
    n = max(result.get("n", 0) for result in results)
    by_reading = statistics.median([result["exact_by_reading"] for result in results if "n" in result] or [0])
    print(
        f"{n} x {DIM}, {os.cpu_count()} processors. Ratios are to an exact scan by numpy, f32, one thread, "
        f"which takes {by_reading:.2f} times as long as reading the rows as f16.\n"
    )
    wanted = " | ".join(f"recall {recall}" for recall in RECALLS)
    print(f"| index | build, processor s | memory, MiB | disk, MiB | queries | {wanted} | best recall |")
    print("| --- " * (6 + len(RECALLS)) + "|")
    for result in results:
        if "failed" in result:
            print(f"| {result['name']} | {result['failed']} |" + " |" * (4 + len(RECALLS)))
            continue
        about = f"{result['build_cpu_s']:.0f} | {result['memory_mib']:.0f} | {result['disk_mib']:.0f}"
        for kind in ("pictures", "texts"):
            sweep = [row for row in result["sweep"] if row["kind"] == kind]
            cells = []
            for recall in RECALLS:
                first = next((row for row in sweep if row["recall"] >= recall), None)
                cells.append(f"{first['ratio']:.3f} ({result['parameter']} {first['value']})" if first else "–")
            best = max(sweep, key=lambda row: row["recall"])
            cells.append(f"{best['recall']:.3f} at {best['ratio']:.3f}")
            print(f"| {result['name']} | {about} | {kind} | {' | '.join(cells)} |")
    print()
    print("| index | queries | setting | " + " | ".join(f"{share * 100:g} % of the rows" for share in FILTERS) + " |")
    print("| --- " * (3 + len(FILTERS)) + "|")
    for result in results:
        for kind in ("pictures", "texts") if "n" in result else ():
            rows = [row for row in result["filters"] if row["kind"] == kind]
            cells = [f"{row['recall']:.3f} at {row['ratio']:.3f}" for row in rows]
            setting = f"{result['parameter']} {rows[0]['value']}" if rows else ""
            print(f"| {result['name']} | {kind} | {setting} | {' | '.join(cells or ['none'] * len(FILTERS))} |")
