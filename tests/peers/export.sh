#!/bin/bash
# The exported model gives the same answers everywhere: ONNX Runtime, OpenCV's
# dnn and torchvision agree with `primo-train predict` to 1e-4 on 100 lossless
# pictures of the network's size, for networks of random weights and for a
# trained one.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
need_python numpy cv2 torch torchvision
need_onnxruntime

# compare MODEL_DIR PICTURE_DIR
compare()
{
    "$BUILD/primo-train" predict --top 1000 "$1" "$2"/*.png \
        >"$SCRATCH/answers.tsv"
    "$PYTHON" "$ROOT/tests/peers/export.py" compare "$1" "$2" \
        "$SCRATCH/answers.tsv" "$SCRATCH"
}

mkdir "$SCRATCH/noise"
"$PYTHON" "$ROOT/tests/peers/export.py" noise 45 100 "$SCRATCH/noise"
for network in resnet18 resnet34 resnet50 mobilenet_v3_small; do
    mkdir "$SCRATCH/$network"
    "$BUILD/tests/unit/files/export_test" "$SCRATCH/$network" 45 7 $network
    echo "$network, random weights, 45 x 45 pictures, 7 classes:"
    compare "$SCRATCH/$network" "$SCRATCH/noise"
done

pictures "$SCRATCH/data" 20 10
cat >"$SCRATCH/template" <<END
dataset = $SCRATCH/data
image_size = 32
epochs = 2
batch_size = 20
precision = f32
END
"$BUILD/primo-train" "$SCRATCH/template" "$SCRATCH/trained" \
    >"$SCRATCH/output" 2>&1 || { cat "$SCRATCH/output"; exit 1; }
mkdir "$SCRATCH/lossless"
"$PYTHON" "$ROOT/tests/peers/export.py" lossless 32 100 "$SCRATCH/data/test" \
    "$SCRATCH/lossless"
echo "trained on Fashion-MNIST, 32 x 32 pictures, 10 classes:"
compare "$SCRATCH/trained" "$SCRATCH/lossless"

# What predict prints: five classes a picture, best first.
picture=$(ls "$SCRATCH/lossless"/*.png | sed -n 1p)
"$BUILD/primo-train" predict "$SCRATCH/trained" "$picture" >"$SCRATCH/five"
[ "$(wc -l <"$SCRATCH/five")" -eq 5 ] || fail "not five lines"
cut -f3 "$SCRATCH/five" | sort -gr | cmp - <(cut -f3 "$SCRATCH/five") ||
    fail "not sorted by probability"
cut -f2 "$SCRATCH/five" | while read -r class; do
    grep -Fqx -- "$class" "$SCRATCH/trained/labels.txt" ||
        fail "'$class' is not in labels.txt"
done
