#!/bin/bash
# The names of tensors in base models. The same weights give the same
# training, bit for bit, under the names of torchvision (which timm shares)
# and of Hugging Face, and behind the usual prefixes; in 16 bits they give
# nearly the same. What a base was trained at bounds image_size = auto. A file that
# is no known network is refused with the first key that is wrong.
# timeout: 600
# not under: thread
. "$(dirname "$0")/../lib.sh"
make_base() { "$PYTHON" "$ROOT/tests/peers/bases.py" "$@"; }

cd "$SCRATCH"
pictures data 2 1
for network in resnet18 resnet34 resnet50 mobilenet_v3_small; do
    mkdir $network
    "$BUILD/tests/unit/files/export_test" $network 32 7 $network
done
printf 'dataset = %s\nimage_size = 32\nbatch_size = 4\niterations = 1\n' \
    "$SCRATCH/data" >template

# train NAME BASE: trains; leaves NAME/model.safetensors and NAME.log.
train()
{
    rm -rf "$1"
    "$BUILD/primo-train" template "$1" base_file="$2" precision=f32 threads=1 \
        >"$1.log" 2>&1 || { cat "$1.log"; fail "no training from $2"; }
}

step "other names of the same weights give the same model"
train plain resnet18/model.safetensors
make_base resnet18/model.safetensors wrapped prefix=module.model.backbone.
make_base resnet18/model.safetensors hugging names=hugging-face metadata=none
make_base hugging inner prefix=model.
for base in wrapped hugging inner; do
    train other $base
    cmp plain/model.safetensors other/model.safetensors
    grep -q "base $base: ResNet-18 by .* names.*the head is replaced" other.log
done
grep -q "Hugging Face's names behind 'model.resnet.'" other.log

step "weights in 16 bits are accepted"
make_base resnet18/model.safetensors half type=F16
make_base resnet18/model.safetensors brain type=BF16
for base in half brain; do
    train other $base
    ! cmp -s plain/model.safetensors other/model.safetensors ||
        fail "$base was not read"
done

step "ResNet-34 and ResNet-50 are recognised"
make_base resnet50/model.safetensors hugging50 names=hugging-face
for base in resnet34/model.safetensors hugging50; do
    train other $base
    grep -qE 'network ready: ResNet-(34|50) for 10 classes' other.log
    "$BUILD/primo-train" predict --top 1 other \
        "$(find data -name '*.jpg' | sort | sed -n 1p)" >/dev/null
done
train other resnet50/model.safetensors
"$BUILD/primo-train" predict --top 1 other data/test/*/*.jpg >/dev/null

step "image_size = auto is at most the side that the base was trained at"
"$BUILD/examples/glyphs" larger ab 3 1 --size 96 >/dev/null
printf 'dataset = %s\nbatch_size = 4\niterations = 1\n' "$PWD/larger" >auto
# side_is SIDE BASE
side_is()
{
    rm -rf other
    "$BUILD/primo-train" auto other base_file="$2" threads=1 >other.log 2>&1
    expect "image_size = $1" grep '^image_size' other/config
}
side_is 96 hugging # which does not say
side_is 32 resnet18/model.safetensors
grep -q 'from 32 to 32, the side of the base' other/config

step "a file that is not a base model is refused with a reason"
# refuses REGEX FILE: a training from FILE has to fail with this reason.
refuses()
{
    local output
    ! output=$("$BUILD/primo-train" template refused base_file="$2" 2>&1) ||
        fail "$2 was taken"
    grep -Eq -- "$1" <<<"$output" || fail "'$output', expected '$1'"
    rm -rf refused
}
make_base resnet18/model.safetensors bad drop=layer2.1.bn2.bias
refuses "the key 'layer2.1.bn2.bias' is missing" bad
make_base resnet50/model.safetensors bad shape=layer3.2.conv3.weight
refuses "'layer3.2.conv3.weight' has the shape \[1, 1, 256, 1024\], but a ResNet-50 has \[1024, 256, 1, 1\]" bad
make_base resnet34/model.safetensors bad extra=layer4.2.se.fc1.weight
refuses "'layer4.2.se.fc1.weight' belongs to no layer of a ResNet-34" bad
make_base hugging bad drop=resnet.encoder.stages.1.layers.0.shortcut.convolution.weight
refuses "'resnet.encoder.stages.1.layers.0.shortcut.convolution.weight' is missing" bad
make_base resnet18/model.safetensors bad drop=conv1.weight
refuses "it has none of the keys 'conv1.weight', 'features.0.0.weight': a ResNet-18" bad
make_base resnet18/model.safetensors bad stem=deep metadata=none
refuses "it has none of the keys 'conv1.weight', 'features.0.0.weight': a ResNet-18" bad
printf 'PK\3\4 and more of a zip archive' >bad
refuses 'PyTorch file' bad
head -c 1000000 wrapped >bad
refuses 'bytes, its header tells of' bad
refuses 'No such file' absent
rm -rf refused
! "$BUILD/primo-train" template refused base=resnet18 >log 2>&1 ||
    fail 'a name of no file was taken'
grep -q 'base_file=PATH' log

step "a MobileNetV3-Small is taken by torchvision's names and by timm's"
mobile=mobilenet_v3_small/model.safetensors
train plain $mobile
grep -q "base $mobile: MobileNetV3-Small by torchvision's names" plain.log
"$BUILD/primo-train" predict --top 1 plain data/test/*/*.jpg >/dev/null
make_base $mobile timm names=timm metadata=none
make_base timm inside prefix=timm_model.
for base in timm inside; do
    train other-$base $base
    grep -q "base $base: MobileNetV3-Small by timm's names" other-$base.log
done
cmp other-timm/model.safetensors other-inside/model.safetensors
# timm's networks have another epsilon, to which the scales are fitted: that they
# are fitted rightly is seen in base_test.
! cmp -s plain/model.safetensors other-timm/model.safetensors ||
    fail "timm's epsilon was not taken into account"
make_base timm bad drop=blocks.2.1.se.conv_reduce.bias
refuses "the key 'blocks.2.1.se.conv_reduce.bias' is missing" bad
make_base timm bad extra=blocks.4.3.conv_pw.weight
refuses "'blocks.4.3.conv_pw.weight' belongs to no layer of a MobileNetV3-Small" bad

step "mobilenet is a fresh one"
rm -rf other
"$BUILD/primo-train" template other base=mobilenet >other.log 2>&1
grep -qx 'base = mobilenet' other/config
grep -q 'network ready: MobileNetV3-Small for 10 classes' other.log
grep -q 'for a fresh network' other/config

step "scratch is a fresh network"
rm -rf other
"$BUILD/primo-train" template other base=scratch >other.log 2>&1
grep -qx 'base = scratch' other/config
grep -q 'for a fresh network' other/config

step "a file without tensors stands for a fresh network"
header='{"__metadata__":{"architecture":"resnet34"}}'
printf '\x2c\0\0\0\0\0\0\0%s' "$header" >fresh
[ "$(stat -c %s fresh)" -eq 52 ]
train other fresh
grep -q 'base fresh: ResNet-34 from scratch' other.log
grep -q 'for a fresh network' other/config
