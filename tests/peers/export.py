"""Pictures for tests/peers/export.sh, and what the peers say of them.

export.py noise SIDE COUNT FOLDER           random pictures
export.py lossless SIDE COUNT FROM FOLDER   of JPEG files, resized
export.py compare MODEL_DIR PICTURES ANSWERS.TSV SCRATCH
"""
import glob
import json
import os
import struct
import subprocess
import sys

import cv2
import numpy


def save(folder, number, picture):
    if not cv2.imwrite(f"{folder}/{number:03}.png", picture):
        sys.exit("cannot write a picture")


def noise(side, count, folder):
    """Blobs, gradients and noise, in full contrast."""
    random = numpy.random.default_rng(1)
    for number in range(int(count)):
        coarse = random.integers(0, 256, (2 + number % 9, 3 + number % 5, 3))
        picture = cv2.resize(coarse.astype("u1"), (int(side), int(side)),
                             interpolation=cv2.INTER_CUBIC)
        grain = random.integers(-number, number + 1, picture.shape)
        save(folder, number, (picture + grain).clip(0, 255).astype("u1"))


def lossless(side, count, source, folder):
    files = sorted(glob.glob(source + "/*/*"))
    step = max(1, len(files) // int(count))
    for number, path in enumerate(files[::step][:int(count)]):
        save(folder, number,
             cv2.resize(cv2.imread(path), (int(side), int(side))))


def safetensors(path):
    """The tensors and the metadata of a file, by its definition alone."""
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    metadata = header.pop("__metadata__")
    types = {"F32": "<f4", "I64": "<i8"}
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = numpy.frombuffer(
            data[begin:end], types[t["dtype"]]).reshape(t["shape"]).copy()
    return tensors, metadata


def by_torchvision(model, images):
    import torch
    import torchvision

    tensors, metadata = safetensors(model + "/model.safetensors")
    classes = json.loads(metadata["classes"])
    make = getattr(torchvision.models, metadata["architecture"])
    net = make(num_classes=len(classes))
    net.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()},
                        strict=True)
    net.eval()
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        normal = (torch.from_numpy(images) / 255 - mean) / deviation
        return torch.softmax(net(normal), 1).numpy()


def by_opencv(model, images):
    net = cv2.dnn.readNetFromONNX(model + "/model.onnx")
    net.setInput(images)
    return net.forward()


def by_opencv_singly(model, images):
    net = cv2.dnn.readNetFromONNX(model + "/model.onnx")
    answers = []
    for image in images:
        net.setInput(image[None])
        answers.append(net.forward()[0].copy())
    return numpy.array(answers)


def by_onnxruntime(model, images, scratch):
    images.tofile(scratch + "/images")
    script = os.path.join(os.path.dirname(__file__), "export.js")
    out = subprocess.run(
        ["node", script, model + "/model.onnx", scratch + "/images",
         scratch + "/answers", *map(str, images.shape)],
        check=True, stdout=subprocess.PIPE)
    answers = numpy.fromfile(scratch + "/answers", "<f4")
    return answers.reshape(len(images), -1), json.loads(out.stdout)


def check_model_file(said, model, images):
    """Names, types and shapes as docs say."""
    side = images.shape[2]
    with open(model + "/labels.txt", encoding="utf-8") as f:
        labels = f.read().split("\n")[:-1]
    _, metadata = safetensors(model + "/model.safetensors")
    assert json.loads(metadata["classes"]) == labels
    assert metadata["image_size"] == str(side)
    assert said["inputs"] == ["image"], said
    assert said["outputs"] == ["probabilities"], said
    if said.get("shape"):  # newer versions tell
        assert said["type"] == "float32", said
        assert said["shape"][0] == "N", said
        assert said["shape"][1:] == [3, side, side], said
    return labels


def by_primo(answers, files, labels):
    """What predict printed, as [picture, class]."""
    of = {path: row for row, path in enumerate(files)}
    column = {name: k for k, name in enumerate(labels)}
    out = numpy.full((len(files), len(labels)), numpy.nan, "f4")
    with open(answers, encoding="utf-8") as f:
        for line in f:
            picture, name, probability = line.rstrip("\n").split("\t")
            out[of[picture], column[name]] = float(probability)
    assert not numpy.isnan(out).any(), "answers are missing"
    return out


def compare(model, pictures, answers, scratch):
    files = sorted(glob.glob(pictures + "/*.png"))
    assert len(files) == 100, len(files)
    images = numpy.stack([cv2.imread(f)[:, :, ::-1].transpose(2, 0, 1)
                          for f in files]).astype("<f4")
    onnxruntime, said = by_onnxruntime(model, images, scratch)
    labels = check_model_file(said, model, images)
    ours = by_primo(answers, files, labels)
    assert ours.std(0).max() > 1e-3, "the network says the same of everything"
    worst = 0.0
    for name, theirs in (
        ("ONNX Runtime", onnxruntime),
        ("OpenCV, 100 at once", by_opencv(model, images)),
        ("OpenCV, one by one", by_opencv_singly(model, images)),
        ("torchvision", by_torchvision(model, images)),
    ):
        assert theirs.shape == ours.shape, (name, theirs.shape)
        difference = float(numpy.abs(theirs - ours).max())
        print(f"  {name}: largest difference {difference:.2g}")
        worst = max(worst, difference)
    if not worst <= 1e-4:
        sys.exit("differs by more than 1e-4")


if __name__ == "__main__":
    {"noise": noise, "lossless": lossless,
     "compare": compare}[sys.argv[1]](*sys.argv[2:])
