"""Files of weights for tests/files/bases.sh, out of one that primo-train made.

bases.py FROM TO [prefix=P] [names=hugging-face|timm] [type=F16|BF16] [drop=KEY]
         [shape=KEY] [extra=KEY] [metadata=none] [stem=deep]

`stem=deep` gives the names and shapes of timm's resnet18d: three convolutions
in place of the first, and pooling before that of a shortcut.
"""
import json
import re
import struct
import sys


def read(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header, data = json.loads(f.read(size)), f.read()
    metadata = header.pop("__metadata__", {})
    return metadata, {name: (t["dtype"], t["shape"],
                             data[slice(*t["data_offsets"])])
                      for name, t in header.items()}


def write(path, metadata, tensors):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def hugging_face(name):
    """As transformers' ResNetForImageClassification calls it."""
    rest = name
    rest = re.sub(r"^fc\.", "classifier.1.", rest)
    rest = re.sub(r"^conv1\.", "resnet.embedder.embedder.convolution.", rest)
    rest = re.sub(r"^bn1\.", "resnet.embedder.embedder.normalization.", rest)
    found = re.match(r"layer(\d)\.(\d)\.(.*)", rest)
    if found:
        stage, block, rest = found.groups()
        rest = re.sub(r"^conv(\d)", lambda m: "layer.%d.convolution" %
                      (int(m[1]) - 1), rest)
        rest = re.sub(r"^bn(\d)", lambda m: "layer.%d.normalization" %
                      (int(m[1]) - 1), rest)
        rest = rest.replace("downsample.0", "shortcut.convolution")
        rest = rest.replace("downsample.1", "shortcut.normalization")
        rest = "resnet.encoder.stages.%d.layers.%s.%s" % (int(stage) - 1,
                                                          block, rest)
    return rest


def timm(name):
    """As timm's mobilenetv3_small_100 calls it, given torchvision's name."""
    stages = ["0.0", "0.0", "1.0", "1.1", "2.0", "2.1", "2.2", "3.0", "3.1",
              "4.0", "4.1", "4.2"]
    found = re.match(r"features\.(\d+)\.block\.(\d)\.(.*)", name)
    if not found:
        for ours, theirs in (("features.0.0", "conv_stem"),
                             ("features.0.1", "bn1"),
                             ("features.12.0", "blocks.5.0.conv"),
                             ("features.12.1", "blocks.5.0.bn1"),
                             ("classifier.0", "conv_head"),
                             ("classifier.3", "classifier")):
            if name.startswith(ours + "."):
                return theirs + name[len(ours):]
        return name
    block, part, rest = int(found[1]), int(found[2]), found[3]
    rest = rest.replace("fc1", "se.conv_reduce").replace("fc2",
                                                         "se.conv_expand")
    if not rest.startswith("se."):
        order = ["dw", "", "pw"] if block == 1 else ["pw", "dw", "pwl", "pwl"]
        number = [k for k in order if k].index(order[part]) + 1
        rest = (f"conv_{order[part]}" if rest[0] == "0" else f"bn{number}") + \
            rest[1:]
    return f"blocks.{stages[block]}.{rest}"


def narrow(raw, dtype):
    values = struct.unpack("<%df" % (len(raw) // 4), raw)
    if dtype == "F16":
        return struct.pack("<%de" % len(values), *values)
    return b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))


def deep_stem(tensors):
    out = {}
    for name, tensor in tensors.items():
        found = re.match(r"(.*downsample)\.(\d)\.(.*)", name)
        if found:
            name = "%s.%d.%s" % (found[1], int(found[2]) + 1, found[3])
        if name != "conv1.weight":
            out[name] = tensor
    for at, shape in (0, [32, 3, 3, 3]), (3, [32, 32, 3, 3]), (6, [64, 32, 3, 3]):
        size = 4 * shape[0] * shape[1] * 9
        out["conv1.%d.weight" % at] = ("F32", shape, bytes(size))
    for at in 1, 4:
        for part in "weight", "bias", "running_mean", "running_var":
            out["conv1.%d.%s" % (at, part)] = ("F32", [32], bytes(128))
    return out


def main():
    metadata, tensors = read(sys.argv[1])
    for word in sys.argv[3:]:
        what, value = word.split("=", 1)
        if what == "prefix":
            tensors = {value + k: v for k, v in tensors.items()}
        elif what == "names":
            put = {"hugging-face": hugging_face, "timm": timm}[value]
            tensors = {put(k): v for k, v in tensors.items()}
            if "conv_head.weight" in tensors:  # a convolution of one pixel
                dtype, shape, raw = tensors["conv_head.weight"]
                tensors["conv_head.weight"] = (dtype, shape + [1, 1], raw)
        elif what == "type":
            tensors = {k: v if v[0] != "F32" else
                       (value, v[1], narrow(v[2], value))
                       for k, v in tensors.items()}
        elif what == "drop":
            del tensors[value]
        elif what == "shape":
            dtype, shape, raw = tensors[value]
            tensors[value] = (dtype, shape[::-1], raw)
        elif what == "extra":
            tensors[value] = ("F32", [1], bytes(4))
        elif what == "stem":
            tensors = deep_stem(tensors)
        elif what == "metadata":
            metadata = {}
    write(sys.argv[2], metadata, tensors)


main()
