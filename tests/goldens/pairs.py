"""The image pairs that `peers.py` compares: small ones from a formula, and the pictures of ../data.

A pair is two arrays of bytes, (rows, columns, channels). The small ones come from SplitMix64, the generator of
`tests/src/images.rs`, in integers alone, so that Rust makes the same bytes: with the seed

    seed = rows * 1000000 + columns * 1000 + channels

and a triangle wave tri(v) = |v mod 510 - 255|, the samples are made row by row, pixel by pixel, channel by channel,
each from two successive numbers r and s of the generator, of which the five highest bits are used:

    x = 24 + 3 * tri(9 * row + 5 * column + 60 * channel) / 4 + (r >> 59) / 2
    y = 7 * x / 8 - 4 + (s >> 59)

where / rounds down. No value leaves 17 … 230. The pair "negative" has y = 255 - x instead.
"""

from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).parent.parent / "data"
PICTURES = {
    "camera": ("camera.png", "camera-noisy.png"),
    "coffee": ("coffee.png", "coffee-q10.png"),
    "chelsea": ("chelsea.png", "chelsea-blurred.png"),
}


def splitmix64(seed, count):
    """The first `count` numbers of the generator."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def formula(rows, columns, channels):
    """A pair of the formula above."""
    numbers = splitmix64(rows * 1000000 + columns * 1000 + channels, 2 * rows * columns * channels)
    r, s = (numbers >> np.uint64(59)).astype(np.int64).reshape(rows, columns, channels, 2).transpose(3, 0, 1, 2)
    row, column, channel = np.indices((rows, columns, channels))
    wave = np.abs((9 * row + 5 * column + 60 * channel) % 510 - 255)
    x = 24 + 3 * wave // 4 + r // 2
    y = 7 * x // 8 - 4 + s
    return x.astype(np.uint8), y.astype(np.uint8)


def picture(name):
    pixels = np.asarray(Image.open(DATA / name))
    return pixels.reshape(*pixels.shape[:2], -1)


def pair(name):
    """The pair of a name: of PICTURES, "ROWSxCOLUMNSxCHANNELS" or "negative"."""
    if name in PICTURES:
        return tuple(picture(file) for file in PICTURES[name])
    if name == "negative":
        x, _ = formula(16, 20, 1)
        return x, 255 - x
    return formula(*map(int, name.split("x")))
