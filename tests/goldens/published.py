"""Holds transcriptions.py against the numbers in the tests of peers that cannot be run here.

    python published.py FOLDER

FOLDER has pictures of TestImages.jl: cameraman.tif, fabio_color_256.png, grass_512.tiff, grass_he_512.tiff,
lena_gray_512.tif, lighthouse.png, monarch_color.png and monarch_color_256.png. README.md has what it prints.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import transcriptions as t

ROOTS = replace(t.SYMMETRIC, exponents=(0.5, 0.5, 0.5))


def load(folder, name):
    pixels = np.asarray(Image.open(folder / name)) / 255
    return pixels.reshape(*pixels.shape[:2], -1)


def main():
    folder = Path(sys.argv[1])
    names = ["cameraman.tif", "lena_gray_512.tif", "grass_512.tiff", "grass_he_512.tiff", "lighthouse.png"]
    names += ["monarch_color.png", "monarch_color_256.png", "fabio_color_256.png"]
    cameraman, lena, grass, grass_he, lighthouse, monarch, small, fabio = (load(folder, name) for name in names)

    def line(peer, what, published, found):
        print(f"| {peer} | {what} | {published:.9g} | {found:.9g} |")

    def score(x, y, settings):
        return t.evaluate(x, y, settings, 1.0)["score"]

    gray = t.evaluate(grass, grass_he, t.FUSED, 1.0)
    colour = t.evaluate(lighthouse, monarch, t.FUSED, 1.0)
    peer = "FastCUDASSIM.jl 0.2.1"
    line(peer, "grass, grass_he", 0.919865, gray["score"])
    for at, published in [((0, 0), -5.686356e-6), ((99, 199), 4.541836e-6), ((511, 0), -5.252310e-7)]:
        line(peer, f"its gradient at {at}", published, gray["gradient_x"][(*at, 0)])
    line(peer, "lighthouse, monarch_color", 0.31308, colour["score"])
    for at, published in [((0, 0, 0), -2.140367e-7), ((199, 499, 1), 5.295946e-6), ((0, 767, 2), -1.233621e-6)]:
        line(peer, f"its gradient at {at}", published, colour["gradient_x"][at])
    line("SSIMLoss.jl, crop=false", "grass, grass_he", 0.91921055, score(grass, grass_he, t.SYMMETRIC))
    line("SSIMLoss.jl, crop=false", "monarch_256, fabio_256", 0.13683875886675542, score(small, fabio, t.SYMMETRIC))
    line("SSIMLoss.jl 1.0.0", "monarch_256, fabio_256", 0.1299260389807608, score(small, fabio, t.WANG))
    line("ImageQualityIndexes.jl 0.3.7", "cameraman, lena", 0.3595, score(cameraman, lena, t.SYMMETRIC))
    line("the same, exponents 0.5", "cameraman, lena", 0.5261, score(cameraman, lena, ROOTS))
    line("MATLAB, ssim_index.m", "cameraman, lena", 0.3526, score(cameraman, lena, t.WANG))
    line("MATLAB's toolbox", "cameraman, lena", 0.3595, score(cameraman, lena, t.REPLICATE))


if __name__ == "__main__":
    main()
