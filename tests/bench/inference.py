#!/usr/bin/env python3
"""Answers for the pictures of a list as a good script does, and prints how many
a second, without the time that the model takes to load.

inference.py torch|opencv|onnxruntime MODEL LIST SIDE
"""
import concurrent.futures
import json
import os
import struct
import subprocess
import sys
import time

import numpy

BATCH = 32
THREADS = len(os.sched_getaffinity(0))


def safetensors(path):
    import torch
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {
        name: torch.frombuffer(
            bytearray(data[slice(*t["data_offsets"])]),
            dtype=torch.float32).reshape(t["shape"])
        for name, t in header.items() if t.get("dtype") == "F32"}


def torch_answers(model, side):
    import torch
    import torchvision
    from PIL import Image
    weights = safetensors(model + "/model.safetensors")
    net = torchvision.models.resnet18(num_classes=len(weights["fc.bias"]))
    net.load_state_dict(weights, strict=False)
    net = torch.jit.freeze(torch.jit.script(net.eval()))
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1) * 255
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1) * 255

    def read(path):
        picture = Image.open(path)
        picture.draft("RGB", (side, side))  # the decoder's own reduced scale
        picture = picture.convert("RGB").resize((side, side), Image.BILINEAR)
        return numpy.asarray(picture).transpose(2, 0, 1)

    def answer(batch):
        with torch.inference_mode():
            images = torch.from_numpy(batch.astype(numpy.float32))
            return net((images - mean) / deviation).softmax(1).argmax(1)
    return read, answer


def cv2_read(side):
    import cv2
    cv2.setNumThreads(THREADS)
    scale = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2,
             4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}

    def read(path, reduced=1 if side < 64 else 4):
        picture = cv2.imread(path, scale[reduced])
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return picture[:, :, ::-1].transpose(2, 0, 1)
    return read


def opencv_answers(model, side):
    import cv2
    net = cv2.dnn.readNetFromONNX(model + "/model.onnx")

    def answer(batch):
        net.setInput(batch.astype(numpy.float32))
        return net.forward().argmax(1)
    return cv2_read(side), answer


SERVER = """
const ort = require('onnxruntime-node'), fs = require('fs');
const [model, side] = process.argv.slice(1);
const read = size => {
  const b = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const n = fs.readSync(0, b, at, size - at);
    if (!n) process.exit(0);
    at += n;
  }
  return b;
};
(async () => {
  const session = await ort.InferenceSession.create(model);
  for (;;) {
    const n = read(4).readUInt32LE(0), b = read(n * 3 * side * side * 4);
    const pixels = new Float32Array(b.buffer, b.byteOffset, b.length / 4);
    const {probabilities} = await session.run(
        {image: new ort.Tensor('float32', pixels, [n, 3, +side, +side])});
    const p = probabilities.data;
    fs.writeSync(1, Buffer.from(p.buffer, p.byteOffset, p.byteLength));
  }
})();
"""


def onnxruntime_answers(model, side):
    server = subprocess.Popen(
        ["node", "-e", SERVER, model + "/model.onnx", str(side)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with open(model + "/labels.txt") as file:
        classes = len(file.readlines())

    def answer(batch):
        server.stdin.write(struct.pack("<I", len(batch)))
        server.stdin.write(batch.astype(numpy.float32).tobytes())
        server.stdin.flush()
        said = server.stdout.read(len(batch) * classes * 4)
        return numpy.frombuffer(said, numpy.float32).reshape(
            -1, classes).argmax(1)
    return cv2_read(side), answer


def main(kind, model, list_file, side):
    read, answer = {"torch": torch_answers, "opencv": opencv_answers,
                    "onnxruntime": onnxruntime_answers}[kind](model, int(side))
    with open(list_file) as file:
        paths = file.read().splitlines()
    batches = [paths[i:i + BATCH] for i in range(0, len(paths), BATCH)]
    answer(numpy.stack([read(path) for path in batches[0]]))
    start = time.monotonic()
    # pictures of the next batch are decoded while the network answers
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        coming = [pool.submit(read, path) for path in batches[0]]
        for i in range(len(batches)):
            batch = numpy.stack([future.result() for future in coming])
            if i + 1 < len(batches):
                coming = [pool.submit(read, path) for path in batches[i + 1]]
            answer(batch)
    print("%.6g" % (len(paths) / (time.monotonic() - start)))


main(*sys.argv[1:])
