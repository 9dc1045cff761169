"""Draws a gradient of `fastssim --gradient` as a picture: gray where a sample should stay as it is, bright where more
of it would raise the score. Each channel is scaled by the 99th percentile of the magnitudes.

python gradient.py gradient.npy gradient.png
"""

import sys

import numpy as np
from PIL import Image

gradient = np.load(sys.argv[1]).transpose(1, 2, 0)
scale = np.percentile(np.abs(gradient), 99)
picture = np.clip(127.5 + 127.5 * gradient / scale, 0, 255).round().astype(np.uint8)
Image.fromarray(picture.squeeze()).save(sys.argv[2], optimize=True)
