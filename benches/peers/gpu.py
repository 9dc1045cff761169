"""The CUDA backend beside its peers: `measure-gpu` (this package's) and the torch libraries that are installed,
on the same shapes, one after another on the same device.

    cargo build --release -p fastssim-benches
    python benches/peers/gpu.py [--measure target/release/measure-gpu] [--write benches/results]

Times are those of the device's events around many calls in one stream, on inputs that rotate through more memory than
the cache has: medians of many rounds. Each peer's value is checked before it is timed: zero padding against the
definition in double precision for fused-ssim, valid padding for the others. A peer that is missing is named as absent.
"""

import argparse
import datetime
import json
import math
import pathlib
import subprocess

import torch
import torch.nn.functional as F

ROTATED = 400 << 20


def reference(x, y, padding):
    """The mean SSIM of the batch in double precision."""
    window = torch.exp(-0.5 * (torch.arange(-5, 6, dtype=torch.float64, device=x.device) / 1.5) ** 2)
    window /= window.sum()

    def blur(image):
        image = image.flatten(0, 1)[:, None]
        image = F.conv2d(image, window.view(1, 1, 11, 1), padding=(padding, 0))
        return F.conv2d(image, window.view(1, 1, 1, 11), padding=(0, padding))

    x, y = x.double(), y.double()
    mx, my = blur(x), blur(y)
    xx, yy, xy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2))
    return float(ssim.mean())


def fused_ssim():
    import fused_ssim

    return 5, lambda x, y: fused_ssim.fused_ssim(x, y, train=x.requires_grad)


def frame_analytics():
    import frame_analytics

    return 0, lambda x, y: frame_analytics.ssim(x, y, data_range=1.0)


def pytorch_msssim():
    import pytorch_msssim

    return 0, lambda x, y: pytorch_msssim.ssim(x, y, data_range=1.0)


def torchmetrics():
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    return None, lambda x, y: ssim(x, y, data_range=1.0)


PEERS = {
    "fused-ssim": fused_ssim,
    "frame-analytics": frame_analytics,
    "pytorch-msssim": pytorch_msssim,
    "torchmetrics": torchmetrics,
}


def median(values):
    return sorted(values)[len(values) // 2]


def time_calls(pairs, call, rounds):
    """Median microseconds a call, by the device's events."""
    times = []
    for round in range(rounds + 2):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for x, y in pairs:
            call(x, y)
        end.record()
        torch.cuda.synchronize()
        if round >= 2:
            times.append(start.elapsed_time(end) * 1e3 / len(pairs))
    return median(times)


def time_peer(ssim, padding, shape, rounds):
    """Microseconds of the value, and of the value and its gradient."""
    bytes_of_pair = 2 * 4 * math.prod(shape)
    sets = min(max(2, -(-ROTATED // bytes_of_pair)), 128)
    pairs = [tuple(torch.rand(shape, device="cuda") for _ in range(2)) for _ in range(sets)]
    if padding is not None:
        x, y = (image[:1] for image in pairs[0])
        found, expected = float(ssim(x, y)), reference(x, y, padding)
        assert abs(found - expected) < 1e-4, f"{found} for {expected}"

    def forward(x, y):
        with torch.no_grad():
            ssim(x, y)

    def both(x, y):
        x.grad = None
        ssim(x, y).backward()

    value = time_calls(pairs, forward, rounds)
    for x, _ in pairs:
        x.requires_grad_(True)
    return {"forward": value, "value + gradient": time_calls(pairs, both, rounds)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", default="target/release/measure-gpu", help="our program")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--write", type=pathlib.Path, help="a folder for the record")
    args = parser.parse_args()

    lines = subprocess.run([args.measure, "--rounds", str(args.rounds)], check=True, capture_output=True, text=True)
    copy, *ours = (json.loads(line) for line in lines.stdout.splitlines())
    print(f"{copy['device']}, a copy moves {copy['copy_bytes_per_second'] / 1e12:.2f} TB/s")
    print(f"{'shape':>20} {'pixel':>5} {'work':>16}  {'us':>8} {'floor':>7} {'ratio':>5}  {'caller us':>9}")
    for row in ours:
        shape = "x".join(map(str, row["shape"]))
        print(
            f"{shape:>20} {row['pixel']:>5} {row['work']:>16}  {row['device_us']:8.1f} {row['floor_us']:7.1f}"
            f" {row['ratio']:5.2f}  {row['call_us']:9.2f}"
        )
    peers = []
    for name, make in PEERS.items():
        try:
            padding, ssim = make()
        except ImportError as error:
            print(f"{name}: absent ({error})")
            continue
        for shape in dict.fromkeys(tuple(row["shape"]) for row in ours):
            rounds = args.rounds if name != "torchmetrics" else 3
            for work, microseconds in time_peer(ssim, padding, shape, rounds).items():
                our_row = next(
                    row
                    for row in ours
                    if (tuple(row["shape"]), row["pixel"], row["work"]) == (shape, "f32", work)
                )
                ratio = microseconds / our_row["device_us"]
                peers.append({"peer": name, "shape": shape, "work": work, "device_us": microseconds, "ratio": ratio})
                print(f"{'x'.join(map(str, shape)):>20}   f32 {work:>16}  {microseconds:8.1f}  {name}: {ratio:.2f} of ours")
            torch.cuda.empty_cache()
    if args.write:
        date = datetime.date.today().isoformat()
        args.write.mkdir(parents=True, exist_ok=True)
        path = args.write / f"{date}-gpu.json"
        path.write_text(json.dumps({"date": date, **copy, "ours": ours, "peers": peers}, indent=1) + "\n")


if __name__ == "__main__":
    main()
