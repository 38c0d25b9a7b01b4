#!/usr/bin/env python3
"""Makes documents of several pages for tests, from nothing but their formats.

documents.py KIND FILE [ARGUMENT...]: see `kinds` at the end.
"""
import struct
import sys
import zlib


def pdf(objects, trailer=b""):
    """A PDF of these objects, of which the first is the catalogue."""
    out, at = bytearray(b"%PDF-1.4\n"), []
    for i, o in enumerate(objects):
        at.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i + 1, o)
    table = b"".join(b"%010d 00000 n \n" % n for n in at)
    return (out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(at) + 1) + table
            + b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n"
            % (len(at) + 1, trailer, len(out)))


def stream(data, words=b""):
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (words, len(data), data)


def pages(contents, width=200, height=200, resources=b"", more=(), **options):
    """A PDF whose pages have these contents; `more` are objects from 3 on."""
    first = 3 + len(more)
    kids = b" ".join(b"%d 0 R" % (first + 2 * i) for i in range(len(contents)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>",
               b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(contents)),
               *more]
    for i, content in enumerate(contents):
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]"
                       b"/Resources<<%s>>/Contents %d 0 R>>"
                       % (width, height, resources, first + 2 * i + 1))
        objects.append(stream(content))
    return pdf(objects, **options)


SIDE = 32


def pixels(seed):
    """A picture: bars and a gradient that depend on a number."""
    n = int(seed)
    return bytes((x * n * 7 + y * (c + 1) * (n % 5 + 1)) % 256
                 for y in range(SIDE) for x in range(SIDE) for c in range(3))


def bmp(seed):
    rgb = pixels(seed)
    bgr = bytes(rgb[(y * SIDE + x) * 3 + c] for y in reversed(range(SIDE))
                for x in range(SIDE) for c in (2, 1, 0))
    return struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54 + len(bgr), 0, 54, 40,
                       SIDE, SIDE, 1, 24, 0, len(bgr), 0, 0, 0, 0) + bgr


def image(seed):
    return stream(pixels(seed), b"/Type/XObject/Subtype/Image/Width %d"
                  b"/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8"
                  % (SIDE, SIDE))


def scans(*seeds):
    """A page for each picture, which fills it."""
    draw = [b"q 200 0 0 200 0 0 cm /I%d Do Q" % i for i in range(len(seeds))]
    known = b" ".join(b"/I%d %d 0 R" % (i, i + 3) for i in range(len(seeds)))
    return pages(draw, resources=b"/XObject<<%s>>" % known,
                 more=[image(seed) for seed in seeds])


def plain(count):
    return pages([b"0 0 100 100 re f"] * int(count))


def huge():
    return pages([b"0 0 100 100 re f"], 2000000000, 2000000000)


def locked():
    return pages([b"0 0 100 100 re f"],
                 trailer=b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2"
                 b"/P -4/O<%s>/U<%s>>>" % (b"12" * 32, b"34" * 32))


def bomb():
    """Forms that draw each other ten times, nine deep."""
    forms = []
    for i in range(9):
        inner = b"/XObject<</F %d 0 R>>" % (4 + i) if i < 8 else b""
        what = b"/F Do " * 10 if i < 8 else b"0 0 m 100 100 l S "
        forms.append(stream(what, b"/Type/XObject/Subtype/Form"
                            b"/BBox[0 0 200 200]/Resources<<%s>>" % inner))
    return pages([b"/F Do"], resources=b"/XObject<</F 3 0 R>>", more=forms)


def deep():
    return pages([b"0 0 100 100 re f"], resources=b"[" * 1000000)


def streams(prev=None, index=b"0 7", ids=(3, 4)):
    """A PDF whose objects are in a stream and whose table is one, too; the two
    numbers that are wanted can be other ones."""
    form = stream(b"0 0 100 100 re f")
    objects = (b"<</Type/Pages/Kids[4 0 R]/Count 1>>",
               b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 200 200]"
               b"/Contents 2 0 R>>" % ids[0])
    places = b"%d 0 %d %d " % (ids[0], ids[1], len(objects[0]) + 1)
    packed = zlib.compress(places + b"\n".join(objects))
    out, at = b"%PDF-1.5\n", [0] * 7
    for i, o in ((1, b"<</Type/Catalog/Pages 3 0 R>>"), (2, form),
                 (5, stream(packed, b"/Type/ObjStm/N 2/First %d"
                            b"/Extends 5 0 R/Filter/FlateDecode"
                            % len(places)))):
        at[i] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (i, o)
    at[6] = len(out)
    table = b"".join(struct.pack(">BIB", *row) for row in (
        (0, 0, 255), (1, at[1], 0), (1, at[2], 0), (2, 5, 0), (2, 5, 1),
        (1, at[5], 0), (1, at[6], 0)))
    words = b"/Type/XRef/Size 7/Index[%s]/W[1 4 1]/Root 1 0 R" % index
    if prev:
        words += b"/Prev %d" % (at[6] if prev == "itself" else int(prev))
    return (out + b"6 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n"
            % (stream(table, words), at[6]))


def circle():
    """A table before which it stands itself, and pages that are below
    themselves."""
    return streams("itself", ids=(4, 3))


def forms():
    """A form that draws itself, and a length that is its own."""
    inner = stream(b"/F Do", b"/Type/XObject/Subtype/Form/BBox[0 0 200 200]"
                   b"/Resources<</XObject<</F 3 0 R>>>>")
    return pages([b"/F Do"], resources=b"/XObject<</F 3 0 R>>",
                 more=[inner.replace(b"/Length 5", b"/Length 3 0 R")])


def nested():
    """A page that is in a folder of pages, which is in another, and so on."""
    levels, page = 50000, b"/MediaBox[0 0 200 200]/Contents %d 0 R"
    folders = [b"<</Type/Pages%s/Kids[%d 0 R]/Count 1>>"
               % (b"/Parent %d 0 R" % (i + 1) if i else b"", i + 3)
               for i in range(levels)]
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", *folders,
                b"<</Type/Page/Parent %d 0 R%s>>"
                % (levels + 1, page % (levels + 3)),
                stream(b"0 0 100 100 re f")])


def swollen():
    """A page whose picture unpacks to 400 MiB, and is none."""
    pack = zlib.compressobj(1)
    data = b"".join(pack.compress(bytes(1 << 24)) for i in range(25))
    picture = stream(data + pack.flush(), b"/Type/XObject/Subtype/Image"
                     b"/Width 900/Height 900/ColorSpace/DeviceRGB"
                     b"/BitsPerComponent 8/Filter[/FlateDecode/DCTDecode]")
    return pages([b"200 0 0 200 0 0 cm /I Do"],
                 resources=b"/XObject<</I 3 0 R>>", more=[picture])


def tiff(*seeds):
    """A page for each picture, and behind the first a small copy of it."""
    files = [(0, seed) for seed in seeds]
    files.insert(1, (1, seeds[0]))
    out, link = bytearray(b"II*\0\0\0\0\0"), 4
    for kind, seed in files:
        rgb = pixels(seed)
        bits, data = len(out), len(out) + 6
        out += struct.pack("<3H", 8, 8, 8) + rgb
        struct.pack_into("<I", out, link, len(out))
        tags = [(254, 4, 1, kind), (256, 4, 1, SIDE), (257, 4, 1, SIDE),
                (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2),
                (273, 4, 1, data), (277, 3, 1, 3), (278, 4, 1, SIDE),
                (279, 4, 1, len(rgb))]
        out += struct.pack("<H", len(tags))
        for tag in tags:
            out += struct.pack("<HHII", *tag)
        link = len(out)
        out += b"\0\0\0\0"
    return bytes(out)


kinds = {f.__name__: f for f in (bmp, tiff, scans, plain, huge, locked, bomb,
                                 deep, streams, circle, forms, nested,
                                 swollen)}
with open(sys.argv[2], "wb") as made:
    made.write(kinds[sys.argv[1]](*sys.argv[3:]))
