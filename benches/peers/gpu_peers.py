"""The torch libraries that `gpu.py` runs beside us: how each is called, what it must return, and its times."""

import importlib.metadata
import math

import torch
import torch.nn.functional as F
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

# Bytes that a round of calls goes through: several times the cache of any GPU of today.
ROTATED = 400 << 20
# How far a value and a gradient (in relative L2 norm) may be from double precision to be called the same work.
VALUE, GRADIENT = 1e-4, 2e-2


def fused_ssim():
    import fused_ssim

    return "zero", lambda x, y: fused_ssim.fused_ssim(x, y, train=x.requires_grad)


def frame_analytics():
    import frame_analytics

    return "valid", lambda x, y: frame_analytics.ssim(x, y, data_range=1.0)


def pytorch_msssim():
    import pytorch_msssim

    return "valid", lambda x, y: pytorch_msssim.ssim(x, y, data_range=1.0)


def torchmetrics():
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    return "reflect", lambda x, y: ssim(x, y, data_range=1.0)


# Each name is the distribution's, for its version.
PEERS = {
    "fused-ssim": fused_ssim,
    "frame-analytics": frame_analytics,
    "pytorch-msssim": pytorch_msssim,
    "torchmetrics": torchmetrics,
}


def reference(x, y, padding):
    """The mean SSIM of the batch in double precision, by the definition."""
    window = torch.exp(-0.5 * (torch.arange(-5, 6, dtype=torch.float64, device=x.device) / 1.5) ** 2)
    window /= window.sum()
    x, y = x.double(), y.double()
    if padding != "valid":
        x, y = (F.pad(image, (5,) * 4, mode="constant" if padding == "zero" else padding) for image in (x, y))

    def blur(image):
        image = image.flatten(0, 1)[:, None]
        return F.conv2d(F.conv2d(image, window.view(1, 1, 11, 1)), window.view(1, 1, 1, 11))

    mx, my = blur(x), blur(y)
    xx, yy, xy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2))
    return ssim.mean()


def check(ssim, padding, x, y):
    """That a peer's value and gradient are those of its definition; `ValueError` says how far they are off."""

    def both(score):
        image = x.clone().requires_grad_(True)
        value = score(image, y)
        value.backward()
        return float(value), image.grad.double()

    found, gradient = both(ssim)
    expected, slopes = both(lambda x, y: reference(x, y, padding))
    if not abs(found - expected) <= VALUE:
        raise ValueError(f"its value is {found}, {padding} padding makes {expected}")
    off = float((gradient - slopes).norm() / slopes.norm())
    if not off <= GRADIENT:
        raise ValueError(f"its gradient is off by {off:.1e}")


def median(values):
    return sorted(values)[len(values) // 2]


def call_time(pairs, call, rounds):
    """Median microseconds of a call in a stream of calls, by the device's events."""
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


def kernel_time(pairs, call):
    """Microseconds of a call's kernels and copies, without the gaps between them; None where nothing can be seen."""
    try:
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            for x, y in pairs:
                call(x, y)
            torch.cuda.synchronize()
    except RuntimeError as error:
        print(f"the profiler: {error}")
        return None
    events = (event for event in profiler.key_averages() if event.device_type == DeviceType.CUDA)
    return sum(event.self_device_time_total for event in events) / len(pairs) or None


def time_peer(ssim, padding, shape, rounds):
    """The rows of one peer and shape, after a look at what it returns."""
    pairs_needed = -(-ROTATED // (2 * 4 * math.prod(shape)))
    pairs = [tuple(torch.rand(shape, device="cuda") for _ in range(2)) for _ in range(min(max(2, pairs_needed), 128))]
    check(ssim, padding, *(image[:1] for image in pairs[0]))

    def forward(x, y):
        with torch.no_grad():
            ssim(x, y)

    def both(x, y):
        x.grad = None
        ssim(x, y).backward()

    for work, call in (("forward", forward), ("value + gradient", both)):
        for x, _ in pairs:
            x.requires_grad_(work != "forward")
        yield {
            "shape": list(shape),
            "pixel": "f32",
            "work": work,
            "device_us": call_time(pairs, call, rounds),
            "kernel_us": kernel_time(pairs, call),
        }


def measure(shapes, rounds):
    """The rows of all peers, and for each its version or why it is absent or was not timed."""
    rows, libraries = [], {"torch": torch.__version__}
    for name, make in PEERS.items():
        try:
            padding, ssim = make()
        except ImportError as error:
            libraries[name] = f"absent ({error})"
            continue
        try:
            libraries[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            libraries[name] = "of an unknown version"
        for shape in shapes:
            try:
                # Some take milliseconds, which vary little.
                slow = name in ("pytorch-msssim", "torchmetrics")
                for row in time_peer(ssim, padding, shape, min(rounds, 5) if slow else rounds):
                    rows.append({"library": name, **row})
            except (ValueError, torch.OutOfMemoryError) as error:
                libraries[name] += f"; not timed at {'x'.join(map(str, shape))}: {error}"
            torch.cuda.empty_cache()
    return rows, libraries
