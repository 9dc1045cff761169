"""SSIM in double precision, with every choice in which the peers differ spelt out.

It stands in for peers that cannot be run here, and says in `Settings` what each peer does. A blur is two matrices, one
along rows and one along columns, into which window and padding are written; so its adjoint is their transposes, and
PyTorch's automatic differentiation gives exact gradients under every padding.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
import torch


@dataclass(frozen=True)
class Settings:
    """What a metric does to one channel; channels and images are averaged."""

    # What lies beyond the edges: zero, valid (nothing: only whole windows), symmetric (d c b a | a b c d), reflect
    # (d c b | a b c d) or replicate (a a a | a b c d).
    padding: str
    # gaussian or uniform.
    window: str = "gaussian"
    size: int = 11
    sigma: float = 1.5
    # Divides (co)variances by n - 1 instead of n, for uniform windows of n pixels.
    sample_covariance: bool = False
    k1: float = 0.01
    k2: float = 0.03
    # Added to the denominator of the map.
    epsilon: float = 0.0
    # Rows and columns of the map on each side that the score leaves out.
    crop: int = 0
    # Wang's automatic downsampling: `none`, `wang` (box filter, every f-th pixel) or `blocks` (means of f x f blocks).
    downsampling: str = "none"
    # Exponents of luminance, contrast and structure.
    exponents: tuple = (1.0, 1.0, 1.0)

    def json(self):
        return asdict(self)


def taps(settings):
    """The window's weights along one axis; their sum is 1."""
    if settings.window == "uniform":
        return np.full(settings.size, 1 / settings.size)
    at = np.arange(settings.size) - settings.size // 2
    weights = np.exp(-(at**2) / (2 * settings.sigma**2))
    return weights / weights.sum()


def source(index, length, padding):
    """The pixel that stands at `index`, or None where that is black."""
    if 0 <= index < length:
        return index
    if padding == "zero":
        return None
    if padding == "replicate":
        return min(max(index, 0), length - 1)
    if padding == "symmetric":
        index %= 2 * length
        return index if index < length else 2 * length - 1 - index
    if padding == "reflect":
        period = max(2 * length - 2, 1)
        index %= period
        return index if index < length else period - index
    raise ValueError(padding)


def blur_matrix(length, weights, padding, offset=None, positions=None):
    """(positions, length): the blur along one axis. `offset` is the first tap's place from the pixel."""
    offset = -(len(weights) // 2) if offset is None else offset
    if positions is None:
        positions = range(-offset, length - offset - len(weights) + 1) if padding == "valid" else range(length)
    matrix = np.zeros((len(positions), length))
    for row, position in enumerate(positions):
        for tap, weight in enumerate(weights):
            at = source(position + offset + tap, length, padding)
            if at is not None:
                matrix[row, at] += weight
    return torch.from_numpy(matrix)


def factor(rows, columns, half_to_even=False):
    """By how much automatic downsampling reduces an image: its smaller side by 256, rounded."""
    ratio = min(rows, columns) / 256
    return max(1, round(ratio) if half_to_even else int(np.floor(ratio + 0.5)))


def downsampled(x, settings):
    """`wang`: a box filter of f x f, its edges symmetric, of which every f-th pixel from the first on is kept. An even
    box reaches one pixel further right and down than left and up, as in MATLAB's `imfilter`. `blocks`: the means of
    f x f blocks, what is left over at the right and at the bottom dropped."""
    rows, columns = x.shape
    f = factor(rows, columns, settings.downsampling == "blocks")
    if settings.downsampling == "none" or f == 1:
        return x
    if settings.downsampling == "blocks":
        return x[: rows // f * f, : columns // f * f].reshape(rows // f, f, columns // f, f).mean((1, 3))
    box = np.full(f, 1 / f)
    vertical, horizontal = (
        blur_matrix(n, box, "symmetric", -((f - 1) // 2), range(0, n, f)) for n in (rows, columns)
    )
    return vertical @ x @ horizontal.T


@dataclass
class Parts:
    """Maps of one channel."""

    luminance: torch.Tensor
    contrast: torch.Tensor
    structure: torch.Tensor
    contrast_structure: torch.Tensor
    ssim: torch.Tensor


def parts(x, y, settings, data_range):
    """The maps of one channel of two images (rows, columns)."""
    x, y = downsampled(x, settings), downsampled(y, settings)
    weights = taps(settings)
    vertical, horizontal = (blur_matrix(n, weights, settings.padding) for n in x.shape)

    def blur(image):
        return vertical @ image @ horizontal.T

    n = settings.size**2
    normalisation = n / (n - 1) if settings.sample_covariance else 1.0
    c1, c2 = (settings.k1 * data_range) ** 2, (settings.k2 * data_range) ** 2
    a, b = blur(x), blur(y)
    var_x = normalisation * (blur(x * x) - a * a)
    var_y = normalisation * (blur(y * y) - b * b)
    covariance = normalisation * (blur(x * y) - a * b)
    # The square root of zero has no derivative; it occurs in no score whose exponents are 1.
    deviations = torch.sqrt(torch.clamp(var_x * var_y, min=0.0))
    luminance = (2 * a * b + c1) / (a * a + b * b + c1)
    contrast = (2 * deviations + c2) / (var_x + var_y + c2)
    structure = (covariance + c2 / 2) / (deviations + c2 / 2)
    contrast_structure = (2 * covariance + c2) / (var_x + var_y + c2)
    if settings.exponents == (1.0, 1.0, 1.0):
        numerator = (2 * a * b + c1) * (2 * covariance + c2)
        ssim = numerator / ((a * a + b * b + c1) * (var_x + var_y + c2) + settings.epsilon)
    else:
        alpha, beta, gamma = settings.exponents
        # A negative structure has no real power of a fraction.
        base = torch.clamp(structure, min=0.0) if gamma != int(gamma) else structure
        ssim = luminance**alpha * contrast**beta * base**gamma
    return Parts(luminance, contrast, structure, contrast_structure, ssim)


def cropped(map_, settings):
    c = settings.crop
    return map_[c : map_.shape[0] - c, c : map_.shape[1] - c]


def evaluate(x, y, settings, data_range):
    """Everything about two images (rows, columns, channels) of doubles: scores, maps and gradients of the score."""
    x, y = (torch.tensor(image, dtype=torch.float64, requires_grad=True) for image in (x, y))
    channels = [parts(x[..., c], y[..., c], settings, data_range) for c in range(x.shape[2])]
    scores = torch.stack([cropped(channel.ssim, settings).mean() for channel in channels])
    score = scores.mean()
    score.backward()

    def mean(name):
        maps = [cropped(getattr(channel, name), settings) for channel in channels]
        return torch.stack(maps).mean().item()

    return {
        "score": score.item(),
        "channels": scores.tolist(),
        "map": torch.stack([channel.ssim for channel in channels], -1).detach().numpy(),
        "gradient_x": x.grad.numpy(),
        "gradient_y": y.grad.numpy(),
        "parts": {name: mean(name) for name in ("luminance", "contrast", "structure", "contrast_structure")},
    }


WANG = Settings("valid")
FUSED = Settings("zero")
KORNIA = Settings("reflect", epsilon=1e-12)
SCIKIT_IMAGE = Settings("symmetric", window="uniform", size=7, sigma=0.0, sample_covariance=True, crop=3)
SCIKIT_IMAGE_WANG = Settings("symmetric", crop=5)
SYMMETRIC = Settings("symmetric")
REPLICATE = Settings("replicate")
MATLAB = replace(WANG, downsampling="wang")
PIQ = replace(WANG, downsampling="blocks")
