"""The CUDA backend beside its peers: `measure-gpu` (this package's) and the torch libraries that are installed, on the
same shapes, one after another on the same device. It prints one table, and writes a record, a table for other programs
and a chart of time over image size.

    cargo build --release -p fastssim-benches
    python benches/peers/gpu.py [--write benches/results]
    python benches/peers/gpu.py --draw benches/results/2026-11-23-h100-80gb-hbm3-gpu.json     # the chart again

Two times are told apart, each the median of many rounds on inputs that rotate through more memory than the cache has.
*Kernel* is what the device takes by itself: of ours by events around calls that are in the queue before the device comes
to them, of peers the sum of their kernels and copies as torch's profiler sees them, without the gaps between them.
*Call* is what a stream of calls takes by events around it, launches included. Each peer's value and gradient are checked
before they are timed. What is missing is named as absent.
"""

import argparse
import datetime
import json
import pathlib
import subprocess

import gpu_record

ROUNDS = 11


def measured(program, *arguments):
    """The objects that our program prints, one a line."""
    lines = subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def peers_rows(shapes, rounds):
    """The rows of the peers, and what is known of each: its version, or why it is absent."""
    try:
        import gpu_peers
    except ImportError as error:
        return [], {"torch and what needs it": f"absent ({error})"}
    return gpu_peers.measure(shapes, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", default="target/release/measure-gpu", help="our program")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", type=pathlib.Path, metavar="FOLDER", help="where the record, the CSV and the chart go")
    parser.add_argument("--draw", type=pathlib.Path, metavar="RECORD", help="only draws the chart of a record, beside it")
    args = parser.parse_args()
    if args.draw:
        gpu_record.draw(json.loads(args.draw.read_text()), args.draw.with_suffix(".svg"))
        return

    rounds = ("--rounds", str(args.rounds))
    copy, *ours = measured(args.measure, *rounds)
    bus, *streams = measured(args.measure, "host-stream", *rounds)
    shapes = list(dict.fromkeys(tuple(row["shape"]) for row in ours))
    peers, libraries = peers_rows(shapes, args.rounds)
    record = {
        "date": datetime.date.today().isoformat(),
        **copy,
        "libraries": libraries,
        "rows": gpu_record.rows(ours, peers),
        "host_copy_bytes_per_second": bus["copy_bytes_per_second"],
        "host_stream": streams,
    }
    gpu_record.show(record)
    if args.write:
        gpu_record.write(record, args.write)


if __name__ == "__main__":
    main()
