"""Scores the pictures of ../data with scikit-image and writes scikit_image.json.

    python -m pip install numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0
    python scikit_image.py

`structural_similarity` with `gaussian_weights` has 11 taps at sigma = 1.5, reflects the image at its
edges and then leaves the five outermost pixels out of the mean: only windows that lie inside the
image count, which is what fastssim calls valid padding. Its score of a colour image is the mean over
the channels. The pictures are converted to float64 first, so that it computes in double precision.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

HERE = Path(__file__).parent
PAIRS = [
    ("camera.png", "camera-noisy.png"),
    ("coffee.png", "coffee-q10.png"),
    ("chelsea.png", "chelsea-blurred.png"),
]


def load(name):
    return np.asarray(Image.open(HERE.parent / "data" / name)).astype(np.float64)


def score(x, y):
    return structural_similarity(
        x,
        y,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2 if x.ndim == 3 else None,
    )


def main():
    result = {
        "versions": {name: version(name) for name in ["numpy", "pillow", "scikit-image", "scipy"]},
        "valid": [{"x": x, "y": y, "ssim": float(score(load(x), load(y)))} for x, y in PAIRS],
    }
    (HERE / "scikit_image.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
