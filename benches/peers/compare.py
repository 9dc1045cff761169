"""Runs fastssim and the Python peers on the same arrays, in turn, and prints one table.

    pip install -r benches/peers/requirements.txt
    python benches/peers/compare.py --write benches/results

Each peer's value is checked before it is timed. Rounds alternate between all of them, so that a
change of the machine's speed meets everyone; a figure is the median over the rounds of each
round's median. A peer that is not installed is named as absent. Speed is in megapixels of one
channel per second; valid padding, an 11x11 Gaussian window with sigma 1.5, as all of them have it.
"""

import argparse
import csv
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", default="1920x1080", help="width x height")
    parser.add_argument("--write", type=pathlib.Path, help="a folder for the JSON and CSV records")
    # The pools of the peers read the number of threads when they start: one process for each.
    parser.add_argument("--threads", type=int, help="only this number of threads (default: 1, then 2)")
    return parser.parse_args()


def arrays(numpy, width, height):
    """A textured pattern and a noisy version of it, as u8 and as f32 from 0 to 1."""
    random = numpy.random.default_rng(5)
    i, j = numpy.mgrid[:height, :width]
    smooth = 128 + 60 * numpy.sin(j / 37) + 40 * numpy.cos(i / 23)
    x = numpy.clip(smooth + random.normal(0, 8, (height, width)), 0, 255).astype(numpy.uint8)
    y = numpy.clip(x + random.normal(0, 12, (height, width)), 0, 255).astype(numpy.uint8)
    unit = lambda a: (a / 255).astype(numpy.float32)
    return {"u8": (x, y), "f32": (unit(x), unit(y))}


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def reference(numpy, x, y, limit):
    """SSIM in double precision, straight from the definition."""
    g = numpy.exp(-0.5 * (numpy.arange(-5, 6) / 1.5) ** 2)
    g /= g.sum()

    def blur(a):
        a = sum(w * a[k : a.shape[0] - 10 + k] for k, w in enumerate(g))
        return sum(w * a[:, k : a.shape[1] - 10 + k] for k, w in enumerate(g))

    x, y = x.astype(numpy.float64), y.astype(numpy.float64)
    c1, c2 = (0.01 * limit) ** 2, (0.03 * limit) ** 2
    a, b = blur(x), blur(y)
    sx, sy, sxy = blur(x * x) - a * a, blur(y * y) - b * b, blur(x * y) - a * b
    return float(numpy.mean((2 * a * b + c1) * (2 * sxy + c2) / ((a * a + b * b + c1) * (sx + sy + c2))))


def frame_analytics(threads):
    import frame_analytics
    import torch

    torch.set_num_threads(threads)

    def forward(x, y, limit):
        x, y = (torch.from_numpy(a)[None, None] for a in (x, y))
        return lambda: float(frame_analytics.ssim(x, y, data_range=limit))

    def gradient(x, y, limit):
        x, y = (torch.from_numpy(a)[None, None] for a in (x, y))
        x.requires_grad_(True)

        def call():
            x.grad = None
            score = frame_analytics.ssim(x, y, data_range=limit)
            score.backward()
            return float(score.detach())

        return call

    return forward, gradient


def pytorch_msssim(threads):
    import pytorch_msssim
    import torch

    torch.set_num_threads(threads)

    def tensors(x, y):
        return (torch.from_numpy(a)[None, None].float() for a in (x, y))

    def forward(x, y, limit):
        x, y = tensors(x, y)
        return lambda: float(pytorch_msssim.ssim(x, y, data_range=limit))

    def gradient(x, y, limit):
        x, y = tensors(x, y)
        x.requires_grad_(True)

        def call():
            x.grad = None
            score = pytorch_msssim.ssim(x, y, data_range=limit)
            score.backward()
            return float(score.detach())

        return call

    return forward, gradient


def opencv(threads):
    """The recipe of OpenCV's tutorials: five Gaussian blurs and the formula, cropped to valid."""
    import cv2
    import numpy

    cv2.setNumThreads(threads)

    def forward(x, y, limit):
        c1, c2 = (0.01 * limit) ** 2, (0.03 * limit) ** 2
        blur = lambda a: cv2.GaussianBlur(a, (11, 11), 1.5)[5:-5, 5:-5]

        def call():
            a, b = x.astype(numpy.float32), y.astype(numpy.float32)
            ma, mb = blur(a), blur(b)
            sa, sb, sab = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
            score = (2 * ma * mb + c1) * (2 * sab + c2) / ((ma * ma + mb * mb + c1) * (sa + sb + c2))
            return float(score.mean(dtype=numpy.float64))

        return call

    return forward, None


def scikit_image(threads):
    from skimage.metrics import structural_similarity

    def forward(x, y, limit):
        return lambda: float(
            structural_similarity(
                x, y, data_range=limit, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        )

    return (forward if threads == 1 else None), None


PEERS = {
    "frame-analytics": frame_analytics,
    "opencv-python-headless": opencv,
    "scikit-image": scikit_image,
    "pytorch-msssim": pytorch_msssim,
}


def ours(files, work, threads):
    """One round of ours: a process of its own, like a peer's warm interpreter after two calls."""
    command = [ROOT / "target/release/measure", *files, "--valid", "--work", work, "--threads", str(threads)]
    out = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return out["score"], statistics.median(out["seconds"])


def timed(call, least=0.3):
    """The median time of a call, over at least three calls and `least` seconds."""
    call()
    seconds, start = [], time.perf_counter()
    while len(seconds) < 3 or time.perf_counter() - start < least:
        t = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - t)
    return statistics.median(seconds)


def measure(args):
    import numpy

    threads = args.threads
    width, height = map(int, args.size.split("x"))
    data = arrays(numpy, width, height)
    absent = [name for name in PEERS if version(name) is None]
    peers = {name: make(threads) for name, make in PEERS.items() if name not in absent}
    tasks, folder = [], tempfile.TemporaryDirectory()
    for kind, (x, y) in data.items():
        limit = 255.0 if kind == "u8" else 1.0
        expected = reference(numpy, x, y, limit)
        files = [os.path.join(folder.name, f"{kind}-{name}.npy") for name in "xy"]
        for file, array in zip(files, (x, y)):
            numpy.save(file, array)
        for work in ("forward", "gradient"):
            score, _ = ours(files, work, threads)
            check("fastssim", score, expected, 1e-8)
            tasks.append((kind, work, "fastssim", lambda f=files, w=work: ours(f, w, threads)[1]))
            for name, (forward, gradient) in peers.items():
                make = forward if work == "forward" else gradient
                if make is None or (work == "gradient" and kind == "u8"):
                    continue
                call = make(x, y, limit)
                check(name, call(), expected, 1e-4)
                tasks.append((kind, work, name, lambda c=call: timed(c)))
    rounds = [[run() for *_, run in tasks] for _ in range(args.rounds)]
    rows = []
    for index, (kind, work, name, _) in enumerate(tasks):
        seconds = statistics.median(r[index] for r in rounds)
        mine = next(i for i, t in enumerate(tasks) if t[:3] == (kind, work, "fastssim"))
        ratio = statistics.median(r[index] / r[mine] for r in rounds)
        rows.append(
            {
                "threads": threads,
                "type": kind,
                "work": work,
                "library": name,
                "version": version(name) or "this tree",
                "milliseconds": round(seconds * 1e3, 3),
                "megapixels_per_second": round(width * height / seconds / 1e6, 1),
                "times_ours": round(ratio, 2),
            }
        )
    return rows, absent


def check(name, score, expected, tolerance):
    if not abs(score - expected) <= tolerance:
        sys.exit(f"{name} returns {score}, but the reference is {expected}: not timed")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def show(rows):
    print(f"{'threads':>7} {'type':>4} {'work':>9}  {'library':<24} {'ms':>9} {'MP/s':>8} {'time / ours':>11}")
    for r in rows:
        print(
            f"{r['threads']:>7} {r['type']:>4} {r['work']:>9}  {r['library']:<24} {r['milliseconds']:>9.2f} "
            f"{r['megapixels_per_second']:>8.1f} {r['times_ours']:>11.2f}"
        )


def record(args, rows, absent):
    now = datetime.date.today().isoformat()
    about = {
        "date": now,
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "command": f"python benches/peers/compare.py --size {args.size} --rounds {args.rounds}",
        "size": args.size,
        "absent": absent,
        "rows": rows,
    }
    args.write.mkdir(parents=True, exist_ok=True)
    (args.write / f"{now}-cpu.json").write_text(json.dumps(about, indent=1) + "\n")
    with open(args.write / f"{now}-cpu.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def main():
    args = parse()
    if args.threads:
        rows, absent = measure(args)
        print(json.dumps([rows, absent]))
        return
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "fastssim-benches"], check=True, cwd=ROOT)
    rows, absent = [], []
    for threads in (1, 2):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        command = [sys.executable, __file__, "--threads", str(threads)]
        command += ["--rounds", str(args.rounds), "--size", args.size]
        out = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
        new, absent = json.loads(out.splitlines()[-1])
        rows += new
    show(rows)
    for name in absent:
        print(f"absent: {name} is not installed")
    if args.write:
        record(args, rows, absent)


if __name__ == "__main__":
    main()
