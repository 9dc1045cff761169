"""Makes the pictures of this folder from those that scikit-image ships.

    python -m pip install numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0
    python make.py

README.md tells where each picture comes from. The noisy one and the blurred one come out the same on
any machine; JPEG files may differ in a few bytes between versions of the encoder, which is why the
decoded picture is kept as well.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from skimage import data

HERE = Path(__file__).parent
SIZE = (320, 240)


def save(image, name):
    image.save(HERE / name, optimize=True)


def photograph(pixels):
    """The largest 4:3 crop from the middle, made smaller."""
    image = Image.fromarray(pixels)
    height = min(image.height, image.width * 3 // 4)
    width = height * 4 // 3
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height)).resize(SIZE, Image.Resampling.LANCZOS)


def main():
    camera = data.camera()
    noise = 20 * np.random.RandomState(5).randn(*camera.shape)
    save(Image.fromarray(camera), "camera.png")
    # The cast truncates, as in scikit-image's own test.
    save(Image.fromarray(np.clip(camera + noise, 0, 255).astype(np.uint8)), "camera-noisy.png")

    coffee = photograph(data.coffee())
    save(coffee, "coffee.png")
    # 4:4:4, since decoders differ in how they enlarge the chroma of 4:2:0.
    coffee.save(HERE / "coffee-q10.jpg", quality=10, subsampling=0, optimize=True)
    save(Image.open(HERE / "coffee-q10.jpg"), "coffee-q10.png")

    chelsea = photograph(data.chelsea())
    save(chelsea, "chelsea.png")
    save(chelsea.filter(ImageFilter.GaussianBlur(1.5)), "chelsea-blurred.png")


if __name__ == "__main__":
    main()
