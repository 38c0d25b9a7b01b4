"""Pictures in many formats and what Pillow makes of them.

pictures.py DIR: writes DIR/NAME.EXT and, beside it, DIR/NAME.EXT.raw: width,
height, side (u32, little-endian), the upright RGB pixels, and those resized to
side x side with Pillow's BILINEAR.
"""
import struct
import sys

import numpy as np
from PIL import Image, ImageOps

ORIENTATION = 0x0112


def drawing(width, height, seed):
    """Smooth hills with noise: JPEG keeps it, and errors of a pixel show."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    hills = Image.fromarray(small).resize((width, height), Image.BICUBIC)
    noise = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(
        np.clip(np.asarray(hills) + noise, 0, 255).astype(np.uint8))


def over_white(image):
    """RGB as the trainer means it."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "I;16" or image.mode == "I":
        return Image.fromarray(
            (np.asarray(image).astype(np.uint32) * 255 + 32895 >> 16)
            .astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def store(folder, name, side, image, **options):
    path = f"{folder}/{name}"
    image.save(path, **options)
    with Image.open(path) as back:
        rgb = over_white(back)
    small = rgb.resize((side, side), Image.BILINEAR)
    with open(path + ".raw", "wb") as out:
        out.write(struct.pack("<3I", rgb.width, rgb.height, side))
        out.write(rgb.tobytes())
        out.write(small.tobytes())


def main():
    folder = sys.argv[1]
    rgb = drawing(97, 61, 1)
    alpha = drawing(97, 61, 2).convert("L")
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    wide = Image.fromarray(
        np.asarray(alpha).astype(np.uint16) * 256 + 77)

    for i, (width, height, side) in enumerate(
            [(28, 28, 32), (32, 32, 32), (300, 200, 64), (65, 64, 64),
             (1, 1, 32), (3, 500, 33), (700, 2, 48), (1240, 877, 224)]):
        store(folder, f"size{i}.png", side, drawing(width, height, 10 + i))

    store(folder, "rgb.jpg", 32, rgb, quality=90)
    store(folder, "rgb444.jpg", 32, rgb, quality=90, subsampling=0)
    store(folder, "progressive.jpg", 32, rgb, progressive=True)
    store(folder, "grey.jpg", 32, rgb.convert("L"))
    store(folder, "cmyk.jpg", 32, rgb.convert("CMYK"))
    for o in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = o
        store(folder, f"exif{o}.jpg", 32, rgb, exif=exif)
    store(folder, "exif8.png", 32, rgb, exif=exif)

    store(folder, "rgba.png", 32, rgba)
    store(folder, "la.png", 32, rgba.convert("LA"))
    store(folder, "p.png", 32, rgb.quantize(50))
    store(folder, "p2.png", 32, rgb.quantize(2))
    store(folder, "pt.png", 32, rgb.quantize(50), transparency=7)
    store(folder, "bit.png", 32, rgb.convert("1"))
    store(folder, "wide.png", 32, wide)

    store(folder, "rgb.bmp", 32, rgb)
    store(folder, "grey.bmp", 32, rgb.convert("L"))
    store(folder, "p.bmp", 32, rgb.quantize(50))
    store(folder, "bit.bmp", 32, rgb.convert("1"))
    store(folder, "rgb.dib", 32, rgb)
    store(folder, "rgba.bmp", 32, rgba.convert("RGB").convert("RGBA"))

    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        store(folder, f"{compression}.tif", 32, rgb, compression=compression)
    store(folder, "grey.tif", 32, rgb.convert("L"))
    store(folder, "g4.tif", 32, rgb.convert("1"), compression="group4")
    store(folder, "g3.tif", 32, rgb.convert("1"), compression="group3")
    store(folder, "p.tif", 32, rgb.quantize(50))
    store(folder, "pages.tif", 32, rgb, save_all=True,
          append_images=[rgb.rotate(90, expand=True)])
    store(folder, "jpeg.tif", 32, rgb, compression="jpeg", quality=90)


if __name__ == "__main__":
    main()
