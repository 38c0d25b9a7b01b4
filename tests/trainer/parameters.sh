#!/bin/bash
# Each parameter of a training does what its line in template.example says,
# and config says where its value came from.
# timeout: 240
# not under: thread
. "$(dirname "$0")/../lib.sh"

TRAIN=$BUILD/primo-train
cd "$SCRATCH"
pictures data 12 4
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$PWD/data" >template

# trained OUT [key=value…]
trained()
{
    "$TRAIN" template "$@" 2>"$1.err" || fail "$* failed: $(tail -n 5 "$1.err")"
}
# refused OUT REGEX [key=value…]
refused()
{
    local out=$1 why=$2
    shift 2
    ! "$TRAIN" template "$out" "$@" 2>"$out.err" || fail "$* succeeded"
    grep -q -- "$why" "$out.err" ||
        fail "expected '$why' for '$*', got: $(tail -n 3 "$out.err")"
}
last_cell() { tail -n 1 "$1/metrics.csv" | cut -d, -f"$2"; }

step "iterations take the place of epochs"
trained iterations iterations=11 batch_size=16
expect 11 last_cell iterations 3
expect 1.375 last_cell iterations 2

step "patience ends a training that gets no better"
trained patience patience=1 epochs=60 learning_rate=1e-7
grep -q 'stopping early: average precision has not risen' patience/log
[ "$(last_cell patience 2)" -lt 60 ] || fail "it did not stop"

step "test_fraction holds out pictures of each class"
trained fraction "dataset=$PWD/data/train" test_fraction=0.25
grep -q 'dataset read: 10 classes, 90 training and 30 test pictures' fraction/log

step "image_size = auto follows the pictures"
trained auto image_size=auto
grep -A3 '28 or\|median side is 28' auto/config | grep '^image_size = 32$' >/dev/null ||
    fail "config does not say why: $(grep -B2 -A1 image_size auto/config)"

step "extensions chooses the files that count"
some=$(find data/train -name '*.jpg' | sed -n 1p)
for class in data/*/*; do
    cp "$some" "$class/one.png"
    cp "$class/0001.jpg" "$class/two.png"
done
trained extensions extensions=png
grep -q 'dataset read: 10 classes, 20 training and 20 test' extensions/log
rm data/*/*/*.png

step "augment and seed change the model, and repeat it"
trained plain augment=none
trained again augment=none
trained noisy augment=noise
trained other augment=none seed=2
cmp plain/model.safetensors again/model.safetensors
! cmp -s plain/model.safetensors noisy/model.safetensors || fail "no noise"
! cmp -s plain/model.safetensors other/model.safetensors || fail "no seed"
grep -B2 '^augment = none$' plain/config | grep 'command line' >/dev/null ||
    fail "config does not say where augment came from: $(cat plain/config)"

step "precision chooses the arithmetic"
grep -q '^precision = \(f32\|bf16\)$' plain/config
if grep -qw avx512_bf16 /proc/cpuinfo; then
    trained half precision=bf16
else
    refused half 'bf16 needs a processor with bf16' precision=bf16
fi

step "threads follows the affinity, and workers the template"
cpu=$(awk '/^Cpus_allowed_list/ { split($2, a, /[-,]/); print a[1] }' \
    /proc/self/status)
taskset -c "$cpu" "$TRAIN" template pinned 2>pinned.err
grep -q 'threads: 1 (1 processor allowed, 1 physical core' pinned/log
trained one threads=1 workers=3
grep -q 'threads: 1, as requested' one/log
grep -q '^workers = 3$' one/config

# The address sanitizer ends a program that gets no memory.
[ -z "${SANITIZE:-}" ] || exit 0
step "memory limits a training, and is named as the reason"
refused small 'memory = 150M is too little' memory=150M
[ ! -e small/model.onnx ] || fail "there is a model"
