#!/bin/bash
# Makes the base model that primofs is shipped with (docs/base.md), from nothing
# but Debian's packages: make.sh WORK_DIR
#
# It fetches the packages of the documents that the file `documents` lists,
# without installing them, draws pages of these, and has primo-train learn to
# tell the documents apart: at first from whole pages, then from pieces of them
# in any orientation, at last on larger pictures. Whatever stops it, the same
# command goes on from there. It leaves WORK_DIR/base.safetensors.
#
# JOBS: how many pages are drawn at a time. THREADS: of the training; the shipped
# file was made with one. VERSION: goes into the file.
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(realpath "$(dirname "$0")")
BUILD=$(realpath "${BUILD:-build}")
JOBS=${JOBS:-$(nproc)} THREADS=${THREADS:-1} VERSION=${VERSION:-2}
mkdir -p "${1:?a folder to work in is expected}"
cd "$1"
work=$PWD

say() { echo "$(date +%T) $*"; }

# packages: fetches the packages and unpacks them into packages/NAME.
packages()
{
    local name
    mkdir -p packages
    for name in $(cut -d/ -f1 "$here/documents" | sort -u); do
        [ ! -d "packages/$name" ] || continue
        say "fetching $name"
        rm -rf fetched part
        mkdir fetched
        (cd fetched && apt-get -qq download "$name")
        dpkg -x fetched/*.deb part
        mv part "packages/$name"
        rm -r fetched
    done
}

# draw DOCUMENT: draws its pages into pages/, as they were scanned and as they
# are.
draw()
{
    local class
    class=$(sed -E 's,usr/share/(doc|texmf|texlive|texmf-dist)/,,
        s,\.pdf$,,; s,[^A-Za-z0-9.-]+,_,g' <<<"$1")
    [ ! -e "drawn/$class" ] || return 0
    "$BUILD/examples/base/pages" pages "$class" "packages/$1" 12 2
    "$BUILD/examples/base/pages" pages "$class" "packages/$1" 24 1 --plain
    touch "drawn/$class"
}

# train NAME LINE…: trains with these lines in the template, from the stage
# before.
before=
train()
{
    local name=$1
    shift
    if [ ! -e "$name/model.safetensors" ]; then
        say "training: $name"
        printf '%s\n' "$@" batch_size=32 >"$name.template"
        "$BUILD/base-trainer/primo-train" "$name.template" "$name" \
            "threads=$THREADS" ${before:-base=scratch} >>"$name.said" 2>&1 ||
            { tail -n 5 "$name.said" >&2; exit 1; }
    fi
    before=base_file=$work/$name/model.safetensors
}

export BUILD work here
export -f draw
packages
mkdir -p pages drawn
say "drawing $(wc -l <"$here/documents") documents"
xargs -P "$JOBS" -I{} bash -euc 'draw "$1"' - {} <"$here/documents"
if [ ! -d whole ]; then
    rm -rf part
    cp -al pages part
    find part -name '*-1.jpg' -delete
    mv part whole
fi

train whole-pages "dataset=$work/whole" image_size=64 epochs=5 augment=none
train pieces "dataset=$work/pages" image_size=64 epochs=4 \
    augment=rotation+exposure learning_rate=0.02
train larger "dataset=$work/pages" image_size=128 epochs=1 \
    augment=rotation+exposure learning_rate=0.015
"$BUILD/examples/base/pack" larger/model.safetensors base.safetensors \
    "version=$VERSION" 'source=pages of documents in Debian, drawn by poppler' \
    'mean=[0.485,0.456,0.406]' 'std=[0.229,0.224,0.225]'
say "made $work/base.safetensors; dist/base/ has the one that is shipped"
