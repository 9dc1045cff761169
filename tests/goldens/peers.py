"""Runs the peers on the pairs of pairs.py and writes peers.json: scores, maps and gradients to compare with.

README.md tells how to run it. Each of `runs` is one peer, called in one way:

    preset      the preset that it is a golden for; absent where there is none
    peer        what was run, or what was transcribed
    made_by     "peer": the peer itself; "octave": wang.m; "formula of its tests": what the peer's own tests compare it
                with, in PyTorch; "transcription": transcriptions.py
    call        how it was called
    settings    what that computes, in the words of `transcriptions.Settings`
    range       white less black: the images were bytes * range / 255
    arithmetic  f64 or f32
    results     by the name of the pair (pairs.py):
        score, channels, contrast_structure
                    the mean, the mean of each channel, the mean of the contrast and structure term; the mean of
                    luminance, contrast and structure where they have exponents
        loss        kornia's ssim_loss
        map, gradient_x, gradient_y
                    of the pair 16x20x1 alone, row by row: the map, and the derivatives of the score; once for the
                    same settings and range
        gradient_x_l2, gradient_y_l2
                    the norms of the derivatives, for all pairs

Every run is compared with transcriptions.py before it is written: a peer that does something else than its settings say
stops the script.
"""

import json
import re
import subprocess
import tempfile
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import kornia
import numpy as np
import piq
import pytorch_msssim
import scipy.io
import tensorflow as tf
import torch
from pytorch_msssim.ssim import _ssim as pytorch_msssim_parts
from skimage.metrics import structural_similarity
from tensorflow.python.ops import image_ops_impl as tf_image
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

import evidence
import transcriptions as t
from pairs import PICTURES, pair

HERE = Path(__file__).resolve().parent
FULL = "16x20x1"
SMALL = [FULL, "20x24x3", "37x13x2", "11x11x1", "negative"]
TINY = "8x9x1"
LARGE = ["385x390x1", "640x660x1", "641x700x3", "896x900x1"]
PACKAGES = ["numpy", "scipy", "pillow", "scikit-image", "torch", "pytorch-msssim", "torchmetrics", "kornia", "piq"]
PACKAGES += ["tensorflow-cpu"]
# How far a peer may be from the transcription of its settings: in scores, in maps, and in gradients, of which the
# largest is taken as 1.
TOLERANCE = {
    "f64": (1e-12, 1e-10, 1e-11),
    "f64, window in f32": (1e-5, 1e-5, 1e-4),
    "f32": (1e-4, 1e-4, 1e-4),
}

# Settings, range and key of the maps and gradients that are in the file.
WRITTEN = set()


def load(name, data_range):
    """A pair of doubles (rows, columns, channels) from 0 to `data_range`."""
    return [image.astype(np.float64) * (data_range / 255) for image in pair(name)]


def tensors(x, y, dtype=torch.float64):
    """(1, channels, rows, columns), with gradients."""
    return [torch.tensor(image.transpose(2, 0, 1)[None], dtype=dtype, requires_grad=True) for image in (x, y)]


def image(tensor):
    """(rows, columns, channels) of (1, channels, rows, columns)."""
    return tensor.detach().numpy()[0].transpose(1, 2, 0)


def with_gradients(x, y, score, **result):
    score.backward()
    return {"score": score.item(), "gradient_x": image(x.grad), "gradient_y": image(y.grad), **result}


def pytorch_msssim_f32_window(x, y, data_range, nonnegative=False):
    x, y = tensors(x, y)
    score = pytorch_msssim.ssim(x, y, data_range=data_range, nonnegative_ssim=nonnegative)
    return with_gradients(x, y, score)


def pytorch_msssim_f64(x, y, data_range):
    x, y = tensors(x, y)
    window = torch.from_numpy(t.taps(t.WANG)).expand(x.shape[1], 1, 1, -1)
    score = pytorch_msssim.ssim(x, y, data_range=data_range, win=window)
    channels, contrast_structure = pytorch_msssim_parts(x, y, data_range, window)
    result = {"channels": channels[0].tolist(), "contrast_structure": contrast_structure.mean().item()}
    return with_gradients(x, y, score, **result)


def torchmetrics_f64(x, y, data_range):
    x, y = tensors(x, y)
    score, map_ = torchmetrics_ssim(x, y, data_range=data_range, return_full_image=True)
    return with_gradients(x, y, score, map=image(map_))


def kornia_f64(x, y, data_range, **options):
    x, y = tensors(x, y)
    map_ = kornia.metrics.ssim(x, y, 11, data_range, **options)
    loss = kornia.losses.ssim_loss(x, y, 11, data_range, **options)
    result = with_gradients(x, y, map_.mean(), channels=map_[0].mean((1, 2)).tolist(), map=image(map_))
    return {**result, "loss": loss.item()}


def piq_f64(x, y, data_range):
    x, y = tensors(x, y)
    score, contrast_structure = piq.ssim(x, y, data_range=data_range, full=True)
    return with_gradients(x, y, score, contrast_structure=contrast_structure.item())


def fused_ssim(x, y, data_range):
    """fused-ssim needs a GPU. Its own tests hold it against this: convolutions of the image padded with zeros."""
    x, y = tensors(x, y)
    taps = torch.from_numpy(t.taps(t.FUSED))
    window = torch.outer(taps, taps).expand(x.shape[1], 1, 11, 11)

    def blur(image):
        return torch.nn.functional.conv2d(image, window, padding=5, groups=image.shape[1])

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    a, b = blur(x), blur(y)
    variances = blur(x * x) - a * a + blur(y * y) - b * b
    covariance = blur(x * y) - a * b
    map_ = (2 * a * b + c1) * (2 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2))
    return with_gradients(x, y, map_.mean(), channels=map_[0].mean((1, 2)).tolist(), map=image(map_))


def tensorflow_f64(x, y, data_range):
    """`tf.image.ssim` turns its images to float32; the function inside it takes doubles."""
    x, y = (tf.constant(image[None]) for image in (x, y))
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        map_, contrast_structure = tf_image._ssim_per_channel(x, y, data_range, return_index_map=True)
        score = tf.reduce_mean(map_)
    gradient_x, gradient_y = tape.gradient(score, [x, y])
    return {
        "score": float(score),
        "channels": tf.reduce_mean(map_, [0, 1, 2]).numpy().tolist(),
        "contrast_structure": float(tf.reduce_mean(contrast_structure)),
        "map": map_.numpy()[0],
        "gradient_x": gradient_x.numpy()[0],
        "gradient_y": gradient_y.numpy()[0],
    }


def tensorflow_f32(x, y, data_range):
    return {"score": float(tf.image.ssim(x[None].astype(np.float32), y[None].astype(np.float32), data_range)[0])}


def tensorflow_u8(x, y, data_range):
    x, y = (np.round(image).astype(np.uint8)[None] for image in (x, y))
    return {"score": float(tf.image.ssim(x, y, data_range)[0])}


def scikit_image(x, y, data_range, **options):
    score, map_ = structural_similarity(x, y, data_range=data_range, channel_axis=2, full=True, **options)
    channels = [structural_similarity(*xy, data_range=data_range, **options) for xy in zip(x.T, y.T)]
    return {"score": float(score), "channels": [float(channel) for channel in channels], "map": map_}


def scikit_image_wang(x, y, data_range):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return scikit_image(x, y, data_range, **options)


def scikit_image_population(x, y, data_range):
    return scikit_image(x, y, data_range, use_sample_covariance=False)


def transcription(settings):
    def run(x, y, data_range):
        result = t.evaluate(x, y, settings, data_range)
        parts = result.pop("parts")
        if settings.exponents != (1.0, 1.0, 1.0):
            result |= parts
        return {**result, "contrast_structure": parts["contrast_structure"]}

    return run


# Preset, peer, made by, call, settings, data range, arithmetic, function, pairs.
KORNIA_CALL = "kornia.metrics.ssim(x, y, 11, 1.0{}).mean()"
SKIMAGE_CALL = "structural_similarity(x, y, data_range=255, channel_axis=2{})"
SKIMAGE_WANG = ", gaussian_weights=True, sigma=1.5, use_sample_covariance=False"
ALL = SMALL + list(PICTURES)
EXPONENTS = [(0.5, 0.5, 0.5), (1.0, 2.0, 0.5), (0.0, 1.0, 1.0), (1.0, 1.0, 2.0), (1.0, 1.0, 0.0)]
GENERAL = [replace(t.SYMMETRIC, exponents=exponents) for exponents in EXPONENTS]


def peers():
    yield ("pytorch-msssim", "pytorch-msssim", "peer", "ssim(x, y, data_range=255)", t.WANG, 255.0,
           "f64, window in f32", pytorch_msssim_f32_window, ALL)
    yield ("pytorch-msssim", "pytorch-msssim", "peer", "ssim(x, y, data_range=255, win=WINDOW), WINDOW in float64",
           t.WANG, 255.0, "f64", pytorch_msssim_f64, ALL)
    yield ("kornia", "kornia", "peer", KORNIA_CALL.format(""), t.KORNIA, 1.0, "f64", kornia_f64, [*ALL, TINY])
    yield (None, "kornia", "peer", KORNIA_CALL.format(", eps=0.0"), replace(t.KORNIA, epsilon=0.0), 1.0, "f64",
           lambda *pair: kornia_f64(*pair, eps=0.0), [*ALL, TINY])
    yield (None, "kornia", "peer", KORNIA_CALL.format(", padding='valid'"), replace(t.WANG, epsilon=1e-12), 1.0, "f64",
           lambda *pair: kornia_f64(*pair, padding="valid"), ALL)
    yield ("tensorflow", "tensorflow-cpu", "peer", "image_ops_impl._ssim_per_channel(x, y, 1.0)", t.WANG, 1.0, "f64",
           tensorflow_f64, ALL)
    yield ("tensorflow", "tensorflow-cpu", "peer", "tf.image.ssim(x, y, 1.0) of float32", t.WANG, 1.0, "f32",
           tensorflow_f32, ALL)
    yield ("tensorflow", "tensorflow-cpu", "peer", "tf.image.ssim(x, y, 255) of uint8", t.WANG, 255.0, "f32",
           tensorflow_u8, ALL)
    yield ("scikit-image", "scikit-image", "peer", SKIMAGE_CALL.format(""), t.SCIKIT_IMAGE, 255.0, "f64", scikit_image,
           [*ALL, TINY])
    yield (None, "scikit-image", "peer", SKIMAGE_CALL.format(", use_sample_covariance=False"),
           replace(t.SCIKIT_IMAGE, sample_covariance=False), 255.0, "f64", scikit_image_population, [*ALL, TINY])
    yield ("scikit-image-wang", "scikit-image", "peer", SKIMAGE_CALL.format(SKIMAGE_WANG), t.SCIKIT_IMAGE_WANG, 255.0,
           "f64", scikit_image_wang, ALL)
    yield ("fused-ssim", "fused-ssim, commit 0ac916a", "formula of its tests", "fused_ssim(x, y)", t.FUSED, 1.0, "f64",
           fused_ssim, [*ALL, TINY])
    yield (None, "torchmetrics", "peer", "structural_similarity_index_measure(x, y, data_range=1.0)",
           replace(t.KORNIA, epsilon=0.0), 1.0, "f64", torchmetrics_f64, [*ALL, TINY])
    yield (None, "piq", "peer", "ssim(x, y)", t.PIQ, 1.0, "f64", piq_f64, [*ALL, *LARGE])


def transcribed():
    """The same of what cannot be run."""
    for preset, source, settings, data_range, pairs in [
        ("scikit-image", "scikit-image, with the exact gradient of its score", t.SCIKIT_IMAGE, 255.0, [*ALL, TINY]),
        ("scikit-image-wang", "scikit-image, with the exact gradient of its score", t.SCIKIT_IMAGE_WANG, 255.0, ALL),
        ("wang2004", "ssim_index.m, 2003", t.WANG, 255.0, ALL),
        ("matlab", "ssim.m with automatic downsampling 1.0, 2009", t.MATLAB, 255.0, [*ALL, *LARGE]),
        (None, "MATLAB Image Processing Toolbox, ssim.m of R2014a, per channel", t.REPLICATE, 255.0, [*ALL, TINY]),
        ("fast-cuda-ssim", "FastCUDASSIM.jl 0.2.1", t.FUSED, 1.0, [*ALL, TINY]),
        ("ssimloss-jl", "SSIMLoss.jl 1.0.0", t.WANG, 1.0, ALL),
        (None, "SSIMLoss.jl 1.0.0, crop=false", t.SYMMETRIC, 1.0, [*ALL, TINY]),
        (None, "SSIMLoss.jl 1.0.0, ssim_loss_fast", t.Settings("valid", window="uniform", size=5, sigma=0.0), 1.0,
         [*ALL, TINY]),
        (None, "ImageQualityIndexes.jl 0.3.7", t.SYMMETRIC, 1.0, [*ALL, TINY]),
    ]:
        yield preset, source, "transcription", "", settings, data_range, "f64", transcription(settings), pairs
    # Luminance, contrast and structure with exponents. No peer can be run, and ImageQualityIndexes.jl leaves C1 out of
    # the luminance's denominator (see `evidence`).
    for settings in GENERAL:
        yield (None, "the general form of Wang 2004, equation 12", "transcription", "", settings, 1.0, "f64",
               transcription(settings), SMALL)


def octave_jobs():
    """Preset, kind of wang.m, settings, pair, channel."""
    kinds = [("wang2004", "ssim_index", t.WANG, ALL), ("matlab", "ssim", t.MATLAB, [*ALL, *LARGE])]
    kinds += [(None, "toolbox", t.REPLICATE, [*ALL, TINY])]
    kinds += [(None, "general", settings, SMALL) for settings in GENERAL]
    for preset, kind, settings, names in kinds:
        for name in names:
            for channel in range(pair(name)[0].shape[2]):
                yield preset, kind, settings, name, channel


def octave():
    """Runs wang.m on all its pairs at once."""
    jobs = list(octave_jobs())
    cells = np.empty((len(jobs), 4), object)
    for row, (_, kind, settings, name, channel) in zip(cells, jobs):
        x, y = load(name, 255.0)
        row[:] = [x[..., channel], y[..., channel], kind, settings.exponents]
    with tempfile.TemporaryDirectory() as folder:
        scipy.io.savemat(Path(folder) / "pairs.mat", {"pairs": cells})
        command = ["octave", "--no-gui", "-q", HERE / "wang.m", "pairs.mat", "scores.mat"]
        # The exit status is that of Debian's Octave, which crashes while it ends, after all is written.
        messages = subprocess.run(command, cwd=folder, capture_output=True, text=True).stderr
        if not (Path(folder) / "scores.mat").exists():
            raise SystemExit(f"wang.m wrote no scores: {messages}")
        results = scipy.io.loadmat(Path(folder) / "scores.mat")
    grouped = {}
    for job, score, map_ in zip(jobs, results["scores"][:, 0], results["maps"][:, 0]):
        grouped.setdefault(job[:-1], []).append((float(score[0, 0]), map_))
    for (preset, kind, settings, name), channels in grouped.items():
        scores = [score for score, _ in channels]
        result = {"score": sum(scores) / len(scores), "channels": scores}
        result["map"] = np.stack([map_ for _, map_ in channels], -1)
        yield preset, kind, settings, name, result


def distances(found, settings, name, data_range):
    """How far a result is from the transcription of its settings: in scores, in maps, in gradients."""
    expected = t.evaluate(*load(name, data_range), settings, data_range)
    expected |= expected.pop("parts")
    worst = {"score": 0.0, "map": 0.0, "gradient": 0.0}
    for key in expected.keys() & found.keys():
        value, reference = np.asarray(found[key], np.float64).ravel(), np.asarray(expected[key]).ravel()
        kind = "map" if key == "map" else "gradient" if key.startswith("gradient") else "score"
        scale = np.abs(reference).max() if kind == "gradient" else 1.0
        worst[kind] = max(worst[kind], float(np.abs(value - reference).max() / scale))
    return tuple(worst.values())


def result_of(run, settings, name, result):
    """What goes into the file of one run on one pair, after a comparison with the transcription."""
    if run["made_by"] != "transcription":
        errors = distances(result, settings, name, run["range"])
        label = f"{run['peer']:16.16} {run.get('call', ''):60.60} {name:10}"
        print(label + " {:8.1e} {:8.1e} {:8.1e}".format(*errors), flush=True)
        tolerances = TOLERANCE[run["arithmetic"]]
        if not all(error <= tolerance for error, tolerance in zip(errors, tolerances)):
            raise SystemExit(f"{label} does not do what its settings say")
    for key in ("gradient_x", "gradient_y"):
        if key in result:
            result[f"{key}_l2"] = float(np.linalg.norm(result[key]))
    for key, digits in (("map", 15), ("gradient_x", 13), ("gradient_y", 13)):
        if key in result:
            values = np.ravel(result.pop(key))
            once = (settings, run["range"], key)
            if name == FULL and run["arithmetic"] == "f64" and once not in WRITTEN:
                WRITTEN.add(once)
                result[key] = [float(f"{value:.{digits}g}") for value in values]
    return result


def run_all(listed):
    for preset, peer, made_by, call, settings, data_range, arithmetic, function, names in listed:
        run = head(preset, peer, made_by, call, settings, data_range, arithmetic)
        for name in names:
            result = function(*load(name, data_range), data_range)
            run["results"][name] = result_of(run, settings, name, result)
        yield run


def run_octave():
    found = {}
    for preset, kind, settings, name, result in octave():
        run = found.setdefault(settings, head(preset, "octave", "octave", f"wang.m, {kind}", settings, 255.0, "f64"))
        run["results"][name] = result_of(run, settings, name, result)
    yield from found.values()


def head(preset, peer, made_by, call, settings, data_range, arithmetic):
    run = {"preset": preset, "peer": peer, "made_by": made_by, "call": call, "settings": settings.json()}
    run |= {"range": data_range, "arithmetic": arithmetic, "results": {}}
    return {key: value for key, value in run.items() if value not in (None, "")}


def fingerprints():
    """The first bytes and the sums of all pairs, for whoever makes them again."""
    found = {}
    for name in [*SMALL, TINY, *LARGE, *PICTURES]:
        x, y = pair(name)
        sums = [int(image.sum(dtype=np.int64)) for image in (x, y)]
        found[name] = {"shape": x.shape, "sums": sums, "x": x.ravel()[:8].tolist(), "y": y.ravel()[:8].tolist()}
    return found


def text(result):
    """JSON with lists of numbers on one line."""
    lines = json.dumps(result, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda match: " ".join(match[0].split()), lines) + "\n"


def main():
    warnings.filterwarnings("ignore", message="Skipping Gaussian Smoothing")
    octave_version = subprocess.run(["octave", "--version"], capture_output=True, text=True, check=True).stdout
    result = {
        "versions": {name: version(name) for name in PACKAGES}
        | {"octave": octave_version.splitlines()[0].rpartition(" ")[2]},
        "pairs": fingerprints(),
        "runs": [*run_all(peers()), *run_octave(), *run_all(transcribed())],
        "reductions": evidence.reductions(),
        "evidence": evidence.evidence(),
    }
    (HERE / "peers.json").write_text(text(result))


if __name__ == "__main__":
    main()
