"""`make bench`: the measurements of docs/benchmarks.md, as ratios in one run."""

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks.importing import importing
from benchmarks.parsing import parsing
from benchmarks.pipeline import median_ratio, memory, naive, pipeline
from benchmarks.year import year


def main() -> None:
    """Run the named measurements, or all, and print a table."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        default=["pipeline", "naive", "memory", "parsing", "importing"],
        help="pipeline, naive, memory, parsing, importing, year",
    )
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=2, help="worker processes")
    parser.add_argument("--size", type=int, default=16_000, help="octets of a mail, about")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table to import")
    parser.add_argument(
        "--deliveries", type=int, default=10_000_000, help="of a year; 10⁸ take about 40 GB"
    )
    chosen = parser.parse_args()
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="medianote-bench-") as folder:
        place = Path(folder)
        ours = 0.0
        if "pipeline" in chosen.names or "naive" in chosen.names:
            (place / "pipeline").mkdir()
            print(f"full pipeline into smtp-sink, {chosen.people:,} people")
            pairs, size = pipeline(
                place / "pipeline",
                people=chosen.people,
                size_bytes=chosen.size,
                pairs=chosen.pairs,
                concurrency=chosen.concurrency,
            )
            ours = statistics.median(pair.ours for pair in pairs)
            rows.append(
                (f"full pipeline, {size:,} octets, against smtp-source", median_ratio(pairs))
            )
        if "naive" in chosen.names:
            (place / "naive").mkdir()
            print("the naive way: one Celery task a mail")
            theirs = naive(place / "naive", mails=300)
            print(f"  naive {theirs:,.1f}/s, ours {ours:,.0f}/s")
            rows.append(("full pipeline against one Celery task a mail", f"{ours / theirs:,.0f}"))
        if "memory" in chosen.names:
            peaks = {}
            for people in (10_000, 100_000):
                (place / f"memory-{people}").mkdir()
                peaks[people] = memory(place / f"memory-{people}", people) / 1024
                print(f"worker memory at {people:,} people: {peaks[people]:,.0f} MB", flush=True)
            rows.append(
                (
                    "largest worker process, 100,000 people against 10,000",
                    f"{peaks[100_000]:.0f} MB against {peaks[10_000]:.0f} MB",
                )
            )
        if "parsing" in chosen.names:
            seconds, words = parsing()
            rows.append(
                ("reading 5 MB of remarks", f"{seconds:.2f} s, {words:.1f} × finding its words")
            )
        if "importing" in chosen.names:
            (place / "importing").mkdir()
            print(f"import of {chosen.rows:,} subscribers against a bare COPY")
            loads = importing(place / "importing", people=chosen.rows, pairs=chosen.pairs)
            ratios = [load.ratio for load in loads]
            rows.append(
                (
                    f"import of {chosen.rows:,} subscribers, against a bare COPY",
                    f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                )
            )
            again = statistics.median(load.again.seconds / load.bare.seconds for load in loads)
            rows.append(("  the same file once more, which changes nothing", f"{again:.2f}"))
            peak = max(load.peak_mb for load in loads)
            rows.append(("  the command's largest resident memory", f"{peak:.0f} MB"))
        if "year" in chosen.names:
            (place / "year").mkdir()
            print(f"after a year of {chosen.deliveries:,} deliveries, {chosen.people:,} people")
            seen = year(
                place / "year",
                deliveries=chosen.deliveries,
                people=chosen.people,
                pairs=chosen.pairs,
            )
            rows.append(
                (
                    f"a distribution after {seen.deliveries:,} deliveries, against before",
                    f"{seen.ratio:.2f}",
                )
            )
            rows.append(
                (f"  reads of the year's {seen.partitions} partitions for it", f"{seen.scans}")
            )
            rows.append(
                (
                    "  a delivery on disk; PostgreSQL's log for one mail",
                    f"{seen.kept_octets:.0f} and {seen.wal_octets:.0f} octets",
                )
            )
            rows.append(
                (
                    "  dropping a partition of it",
                    f"{seen.dropping:.1f} s (a distribution meanwhile: {seen.meanwhile:.1f} s)",
                )
            )
    print()
    for what, figure in rows:
        print(f"{what:<62} {figure}")


if __name__ == "__main__":
    main()
