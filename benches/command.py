"""The command on a folder of JPEG pairs: where its time goes, and that of its peers on the same files.

    cargo build --release -p fastssim-cli
    cargo install dssim                              # 3.5
    pip install numpy pillow scikit-image
    python benches/command.py --pairs 1000 --record benches/results/…-command.json
    python benches/command.py --backend cpu cuda     # where there is a GPU

All run on the same cores, as many as `--cores` says, whatever the machine has: fastssim with that many threads, dssim and
the loop of scikit-image as that many processes that each take pairs. Each reads the files itself, as its users would have
it do: dssim its own way, scikit-image through Pillow (libjpeg-turbo). Peers, which are slower, get a part of the pairs;
times are those of a pair. A peer that is not installed is named as absent. The programs do not compute the same thing:
dssim is another metric, and scikit-image is called with Wang's settings.

The shares are those of the time on the clock, of all threads together, by what the command says about itself: the sum of
`decoding_seconds`, the sum of `seconds` (the metric, which waits for the GPU if there is one), and all else, which is
the command's own share. The processors' time of a pair hardly depends on what else the machine does, as that on the
clock does.
"""

import argparse
import csv
import importlib.util
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pool

import numpy as np
from PIL import Image

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests/data"

# How many different pictures there are; all other pairs are copies of their files.
PICTURES = 8


def write_pairs(folder: pathlib.Path, count: int) -> None:
    """Photographs at 1080p with some grain, turned and mirrored, at the qualities 95 and 75."""
    rng = np.random.default_rng(0)
    for side in "ab":
        (folder / side).mkdir()
    for at in range(min(count, PICTURES)):
        image = Image.open(DATA / ["coffee.png", "chelsea.png"][at % 2]).convert("RGB").resize((1920, 1080), Image.LANCZOS)
        image = image.transpose(Image.FLIP_LEFT_RIGHT) if at & 2 else image
        image = image.transpose(Image.FLIP_TOP_BOTTOM) if at & 4 else image
        grain = rng.normal(0, 4, (1080, 1920, 1))
        image = Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))
        image.save(folder / "a" / f"{at:04}.jpg", quality=95)
        image.save(folder / "b" / f"{at:04}.jpg", quality=75)
    for at in range(PICTURES, count):
        for side in "ab":
            shutil.copy(folder / side / f"{at % PICTURES:04}.jpg", folder / side / f"{at:04}.jpg")


def cpu_seconds() -> float:
    """Of all processes that have been started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_fastssim(program: str, folder: pathlib.Path, cores: int, backend: str, options: list[str]) -> dict:
    output = folder / "results.csv"
    cpu, start = cpu_seconds(), time.perf_counter()
    subprocess.run(
        [program, "compare", folder / "a", folder / "b", f"--backend={backend}", f"--threads={cores}", "-o", output]
        + options,
        check=True,
    )
    wall = time.perf_counter() - start
    with open(output) as file:
        rows = list(csv.DictReader(file))
    count = len(rows)
    assert all(row["backend"] == backend and not row["error"] for row in rows)
    decoding = sum(float(row["decoding_seconds"]) for row in rows)
    scoring = sum(float(row["seconds"]) for row in rows)
    return {
        "pairs": count,
        "ms_per_pair": 1e3 * wall / count,
        "cpu_ms_per_pair": 1e3 * (cpu_seconds() - cpu) / count,
        "decoding_share": decoding / (cores * wall),
        "scoring_share": scoring / (cores * wall),
        "own_share": 1 - (decoding + scoring) / (cores * wall),
        "scores": [float(row["ssim"]) for row in rows],
    }


def pairs_of(folder: pathlib.Path, count: int) -> list[tuple[str, str]]:
    names = sorted(os.listdir(folder / "a"))[:count]
    return [(str(folder / "a" / name), str(folder / "b" / name)) for name in names]


def run_dssim(folder: pathlib.Path, cores: int, count: int) -> dict:
    # It has threads of its own, which would have more than their share of the cores.
    environment = dict(os.environ, RAYON_NUM_THREADS="1")

    def score(pair):
        subprocess.run(["dssim", *pair], check=True, env=environment, stdout=subprocess.DEVNULL)

    cpu, start = cpu_seconds(), time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(score, pairs_of(folder, count)))
    wall = time.perf_counter() - start
    return {"pairs": count, "ms_per_pair": 1e3 * wall / count, "cpu_ms_per_pair": 1e3 * (cpu_seconds() - cpu) / count}


def decode(pair):
    return [np.asarray(Image.open(path)) for path in pair]


def only_decode(pair):
    decode(pair)


def score_skimage(pair):
    from skimage.metrics import structural_similarity

    a, b = decode(pair)
    return structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def run_python(work, folder: pathlib.Path, cores: int, count: int) -> dict:
    cpu = cpu_seconds()
    with Pool(cores) as pool:
        pool.map(abs, range(cores))
        start = time.perf_counter()
        scores = pool.map(work, pairs_of(folder, count), chunksize=1)
        wall = time.perf_counter() - start
        pool.close()
        pool.join()
    cpu = cpu_seconds() - cpu
    return {"pairs": count, "ms_per_pair": 1e3 * wall / count, "cpu_ms_per_pair": 1e3 * cpu / count, "scores": scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/fastssim")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--peer-pairs", type=int, default=20)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--backend", nargs="+", choices=["cpu", "cuda"], default=["cpu"])
    parser.add_argument("--record", type=pathlib.Path)
    args = parser.parse_args()

    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < args.cores:
        parser.error(f"--cores {args.cores}: there are {len(allowed)}")
    # For all that is started from here, as `taskset` does it.
    os.sched_setaffinity(0, allowed[: args.cores])

    absent = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_pairs(folder, args.pairs)
        few = min(args.peer_pairs, args.pairs)
        load = os.getloadavg()[0]
        results = {}
        for backend in args.backend:

            def run(*options, backend=backend):
                return run_fastssim(args.program, folder, args.cores, backend, list(options))

            # A first run has the files in memory for all, and the kernels compiled by the driver.
            run()
            results[f"fastssim {backend}"] = run("--padding", "valid")
            results[f"fastssim {backend} --gray"] = run("--gray")
        results["Pillow, decoding only"] = run_python(only_decode, folder, args.cores, min(10 * few, args.pairs))
        if importlib.util.find_spec("skimage"):
            results["scikit-image loop"] = run_python(score_skimage, folder, args.cores, few)
        else:
            absent.append("scikit-image")
        if shutil.which("dssim"):
            results["dssim"] = run_dssim(folder, args.cores, few)
        else:
            absent.append("dssim")

    first = next(iter(results))
    ours = results[first]["scores"]
    print(f"{args.cores} cores, {args.pairs} pairs of 1920x1080 JPEG, load before {load:.1f}")
    # The same settings must give the same scores before times are worth anything.
    for name, result in results.items():
        scores = result.pop("scores", None)
        if scores is None or name.endswith("--gray") or name.startswith("Pillow"):
            continue
        difference = max(abs(a - b) for a, b in zip(ours, scores))
        # scikit-image ends its window at 3.5 sigma, as we do, and Pillow decodes with another inverse transform.
        limit = 5e-3 if name.startswith("scikit") else 1e-6
        assert difference < limit, f"{name}: the scores differ by {difference}"
        if name != first:
            print(f"largest difference of scores, {name}: {difference:.1e}")

    base = results[first]["cpu_ms_per_pair"]
    print(f"\n{'':22} {'ms a pair':>10} {'processor':>10} {'ratio':>6}")
    for name, result in results.items():
        shares = ", ".join(f"{key[:-6]} {result[key]:.0%}" for key in result if key.endswith("_share"))
        wall, cpu = result["ms_per_pair"], result["cpu_ms_per_pair"]
        print(f"{name:22} {wall:10.1f} {cpu:10.1f} {cpu / base:6.1f}  {shares}")
    for name in absent:
        print(f"{name:22} absent")
    if args.record:
        record = {
            "cores": args.cores,
            "load": load,
            "processor": processor(),
            "absent": absent,
            "results": results,
        }
        args.record.write_text(json.dumps(record, indent=1) + "\n")


def processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
