#!/bin/bash
# How long and how fast a base learns depends on whether it knows such pictures:
# the shipped one knows pages of documents, has to learn clothes, and is left
# aside for single letters. A training that goes on after a stop goes on as it
# began.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"

cd "$SCRATCH"
"$BUILD/examples/scans" pages 6 2 --dpi 50 >/dev/null
"$BUILD/examples/fashion-mnist" clothes 8 4 >/dev/null
"$BUILD/examples/glyphs" letters ABCDEFGHIJKLMNOPQRSTUVWXYZ 5 2 --size 32 \
    >/dev/null
base=base_file=$BUILD/base.safetensors

# trained OUT DATA [key=value…]: leaves OUT/config.
trained()
{
    printf 'dataset = %s\n' "$SCRATCH/$2" >template
    "$BUILD/primo-train" template "$1" "${@:3}" >"$1.said" 2>&1 ||
        { tail -n 5 "$1.said"; fail "$* failed"; }
}
# used OUT KEY: what `config` says, which is in .run until a training is over.
used()
{
    local config=$1/config
    [ -e "$config" ] || config=$1/.run/artifacts/config
    sed -n "s/^$2 *= *//p" "$config"
}

step "pages are known: a short training at a low rate"
trained known pages "$base" image_size=64 iterations=2
grep -q "a base that knows such pictures" known/config
expect 0.001 used known learning_rate

step "clothes are strange: as from a fresh network"
trained strange clothes "$base" image_size=32 iterations=2
grep -q "a base to which they are strange" strange/config
expect 0.0125 used strange learning_rate

step "a base that is nearly guessing is left aside"
trained aside letters "$base" image_size=32 iterations=2
grep -q "a fresh network learns in its place" aside.said
grep -q "for a fresh network and batches" aside/config
trained fresh letters base=scratch image_size=32 iterations=2
cmp aside/model.safetensors fresh/model.safetensors

# stopped PATTERN: trains until the output has a line like this, and stops.
stopped()
{
    "$BUILD/primo-train" template long "$base" image_size=32 >said 2>&1 &
    trainer=$!
    eventually 100 grep -q "$1" said
    kill "$trainer"
    wait "$trainer" || true
}

step "strange pictures are seen often"
printf 'dataset = %s\n' "$SCRATCH/clothes" >template
stopped '^epoch [0-9]* of'
[ "$(used long epochs)" -gt 100 ] || fail "only $(used long epochs) epochs"
epochs=$(used long epochs)

step "what goes on after a stop goes on as it began"
stopped 'continuing from the checkpoint'
expect "$epochs" used long epochs
expect 0.0125 used long learning_rate
