"""Numbers for docs/presets.md that are no goldens: how peers reduce batches, and where their defaults are not sound."""

import warnings
from dataclasses import replace

import kornia
import numpy as np
import piq
import pytorch_msssim
import tensorflow as tf
import torch
from pytorch_msssim.ssim import _fspecial_gauss_1d as pytorch_msssim_window
from skimage.metrics import structural_similarity
from tensorflow.python.ops.image_ops_impl import _fspecial_gauss as tensorflow_window
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

import transcriptions as t
from pairs import pair

WANG_OPTIONS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def unit(name):
    return [image / 255 for image in pair(name)]


def tensor(*images):
    """(images, channels, rows, columns) in float64."""
    return torch.tensor(np.stack(images).transpose(0, 3, 1, 2), dtype=torch.float64)


def reductions():
    """Two images, 20x24x3 and its y against 255 - its x, as each peer reduces them."""
    x, y = unit("20x24x3")
    first, second = tensor(x, y), tensor(y, 1 - x)
    window = torch.from_numpy(t.taps(t.WANG)).expand(3, 1, 1, -1)
    msssim = {"data_range": 1.0, "win": window}
    loss = kornia.losses.ssim_loss
    nonnegative = pytorch_msssim.ssim(first, second, **msssim, size_average=False, nonnegative_ssim=True)
    return {
        "images": ["x of 20x24x3, y of 20x24x3", "y of 20x24x3, 255 - x of 20x24x3"],
        "range": 1.0,
        "pytorch-msssim, size_average=False": pytorch_msssim.ssim(first, second, **msssim, size_average=False).tolist(),
        "pytorch-msssim, size_average=True": pytorch_msssim.ssim(first, second, **msssim).item(),
        "pytorch-msssim, nonnegative_ssim=True": nonnegative.tolist(),
        "torchmetrics, none": torchmetrics_ssim(first, second, data_range=1.0, reduction="none").tolist(),
        "torchmetrics, elementwise_mean": torchmetrics_ssim(first, second, data_range=1.0).item(),
        "torchmetrics, sum": torchmetrics_ssim(first, second, data_range=1.0, reduction="sum").item(),
        "kornia, mean of (1 - SSIM) / 2": loss(first, second, 11).item(),
        "kornia, sum of (1 - SSIM) / 2": loss(first, second, 11, reduction="sum").item(),
        "piq, none": piq.ssim(first, second, reduction="none").tolist(),
        "piq, sum": piq.ssim(first, second, reduction="sum").item(),
        "piq, SSIMLoss": piq.SSIMLoss()(first, second).item(),
    }


def scikit_image_gradient(options, settings):
    """How far scikit-image's gradient is from that of the score which it returns with it, of y = camera-noisy."""
    x, y = (image[..., 0].astype(np.float64) for image in pair("camera"))
    _, found = structural_similarity(x, y, data_range=255, gradient=True, **options)
    exact = t.evaluate(x[..., None], y[..., None], settings, 255.0)["gradient_y"][..., 0]
    inside = (slice(16, -16),) * 2
    # One central difference, so as not to rest on the transcription alone.
    at, step = (200, 300), 1e-3
    scores = []
    for sign in (1, -1):
        moved = y.copy()
        moved[at] += sign * step
        scores.append(structural_similarity(x, moved, data_range=255, **options))
    return {
        "relative_l2_error": float(np.linalg.norm(found - exact) / np.linalg.norm(exact)),
        "relative_l2_error_inside": float(np.linalg.norm((found - exact)[inside]) / np.linalg.norm(exact[inside])),
        "ratio_inside": float((found[inside] * exact[inside]).sum() / (exact[inside] ** 2).sum()),
        "corner": [float(found[0, 0]), float(exact[0, 0])],
        "at_200_300": [float(found[at]), float(exact[at]), float((scores[0] - scores[1]) / (2 * step))],
    }


def window_sums():
    """The sum of the weights of each window, less 1; in double precision."""
    f32 = np.float32
    at = np.arange(-5, 6)
    msssim = pytorch_msssim_window(11, 1.5).double().sum().item()
    fused = [0.001028380123898387, 0.0075987582094967365, 0.036000773310661316, 0.10936068743467331,
             0.21300552785396576, 0.26601171493530273]
    fused = [float(f32(weight)) for weight in fused]
    julia = np.exp(f32(-0.5) * (at.astype(f32) / f32(1.5)) ** 2)
    julia = (julia / julia.sum(dtype=f32)).astype(f32)
    ssimloss = [0.00102838008447911, 0.007598758135239185, 0.03600077212843083, 0.10936068950970002,
                0.2130055377112537, 0.26601172486179436]
    tensorflow = tensorflow_window(11, tf.constant(1.5)).numpy()
    return {
        "pytorch-msssim": msssim - 1,
        "fused-ssim": 2 * sum(fused[:5]) + fused[5] - 1,
        "FastCUDASSIM.jl": float(julia.astype(np.float64).sum() - 1),
        "SSIMLoss.jl": 2 * sum(ssimloss[:5]) + ssimloss[5] - 1,
        "tensorflow, both axes": float(tensorflow.astype(np.float64).sum() - 1),
    }


def without_luminance_c1(x, y, exponents):
    """ImageQualityIndexes.jl 0.3.7 with exponents other than 1: its luminance is divided by a² + b², without C1."""
    x, y = (torch.tensor(image[..., 0], dtype=torch.float64) for image in (x, y))
    parts = t.parts(x, y, t.SYMMETRIC, 1.0)
    vertical, horizontal = (t.blur_matrix(n, t.taps(t.SYMMETRIC), "symmetric") for n in x.shape)
    a, b = (vertical @ image @ horizontal.T for image in (x, y))
    luminance = (2 * a * b + 1e-4) / (a * a + b * b)
    alpha, beta, gamma = exponents
    return (luminance**alpha * parts.contrast**beta * parts.structure.clamp(min=0) ** gamma).mean().item()


def single_precision():
    """What float32 changes in the score of camera, of the peers' own functions."""
    x, y = (image.astype(np.float32) for image in unit("camera"))
    first, second = tensor(x).float(), tensor(y).float()
    valid, reflect = (t.evaluate(*unit("camera"), settings, 1.0)["score"] for settings in (t.WANG, t.KORNIA))
    found = {
        "pytorch-msssim": pytorch_msssim.ssim(first, second, data_range=1.0).item() - valid,
        "tensorflow": float(tf.image.ssim(x, y, 1.0)) - valid,
        "scikit-image, Wang settings": structural_similarity(
            x[..., 0], y[..., 0], data_range=1.0, **WANG_OPTIONS) - valid,
        "kornia": kornia.metrics.ssim(first, second, 11).mean().item() - reflect,
        "torchmetrics": torchmetrics_ssim(first, second, data_range=1.0).item() - reflect,
    }
    return {name: float(f"{difference:.2g}") for name, difference in found.items()}


def smaller_than_the_window():
    """8x9x1 under windows of 11."""
    x, y = (tensor(image) for image in unit("8x9x1"))
    wide_x, wide_y = (tensor(image[:8]) for image in unit("20x24x3"))
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found["pytorch-msssim, 8x9x1"] = pytorch_msssim.ssim(x, y, data_range=1.0).item()
        found["pytorch-msssim, first 8 rows of 20x24x3"] = pytorch_msssim.ssim(wide_x, wide_y, data_range=1.0).item()
    calls = {
        "scikit-image, Wang settings": lambda: structural_similarity(
            *(image[..., 0] for image in unit("8x9x1")), data_range=1.0, **WANG_OPTIONS),
        "tensorflow": lambda: tf.image.ssim(*(image.astype(np.float32) for image in unit("8x9x1")), 1.0),
        "piq": lambda: piq.ssim(x, y),
        "kornia, 5 rows": lambda: kornia.metrics.ssim(x[:, :, :5], y[:, :, :5], 11),
        "torchmetrics, 5 rows": lambda: torchmetrics_ssim(x[:, :, :5], y[:, :, :5], data_range=1.0),
        "pytorch-msssim, 1 row": lambda: pytorch_msssim.ssim(x[:, :, :1], y[:, :, :1], data_range=1.0),
    }
    for name, call in calls.items():
        try:
            found[name] = float(np.mean(call()))
        except Exception as error:
            found[name] = type(error).__name__
    return found


def evidence():
    x, y = unit("16x20x1")
    black, dim = np.zeros((16, 20, 1)), np.full((16, 20, 1), 0.01)
    population = replace(t.SCIKIT_IMAGE, sample_covariance=False)
    camera = [image.astype(np.float64) for image in pair("camera")]
    contrast = torchmetrics_ssim(tensor(x), tensor(y), data_range=1.0, return_contrast_sensitivity=True)[1].item()
    whole = t.evaluate(x, y, t.Settings("reflect"), 1.0)["parts"]["contrast_structure"]
    valid = t.evaluate(x, y, t.WANG, 1.0)["parts"]["contrast_structure"]
    bytes_x, bytes_y = (tf.constant(image[None]) for image in pair("16x20x1"))
    return {
        "sum of the window's weights, less 1": window_sums(),
        "gradient of scikit-image, default": scikit_image_gradient({}, t.SCIKIT_IMAGE),
        "gradient of scikit-image, population": scikit_image_gradient(
            {"use_sample_covariance": False}, population),
        "gradient of scikit-image, Wang settings": scikit_image_gradient(WANG_OPTIONS, t.SCIKIT_IMAGE_WANG),
        "kornia of two black images": kornia.metrics.ssim(tensor(black), tensor(black), 11).mean().item(),
        "kornia of two images of 0.01": kornia.metrics.ssim(tensor(dim), tensor(dim), 11).mean().item(),
        "torchmetrics of 16x20x1": {
            "contrast_sensitivity": contrast,
            "the same over the whole map": whole,
            "the same without padding": valid,
            "kernel_size=7": torchmetrics_ssim(tensor(x), tensor(y), data_range=1.0, kernel_size=7).item(),
            "kernel_size=11": torchmetrics_ssim(tensor(x), tensor(y), data_range=1.0).item(),
            "data_range=None": torchmetrics_ssim(tensor(x), tensor(y)).item(),
        },
        "tensorflow of bytes, 16x20x1": {
            "max_val=255": float(tf.image.ssim(bytes_x, bytes_y, 255)[0]),
            "max_val=1.0": float(tf.image.ssim(bytes_x, bytes_y, 1.0)[0]),
        },
        "ImageQualityIndexes.jl, exponents 0.5": {
            "16x20x1": without_luminance_c1(x, y, (0.5, 0.5, 0.5)),
            "16x20x1, with C1": t.evaluate(x, y, replace(t.SYMMETRIC, exponents=(0.5, 0.5, 0.5)), 1.0)["score"],
            "0.01 and 0.01": without_luminance_c1(dim, dim, (0.5, 0.5, 0.5)),
            "camera": without_luminance_c1(*(image / 255 for image in camera), (0.5, 0.5, 0.5)),
        },
        "float32 instead of float64, camera": single_precision(),
        "pytorch-msssim of 16x20x1 from 0 to 1, data_range left at 255": pytorch_msssim.ssim(
            tensor(x), tensor(y)).item(),
        "smaller than the window": smaller_than_the_window(),
    }
