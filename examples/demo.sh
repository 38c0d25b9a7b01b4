#!/bin/bash
# The demonstration of `make demo`: it trains a classifier on real pictures
# (Fashion-MNIST, from Debian's dataset-fashion-mnist) with nothing but shell
# commands, and shows each command before it runs it. The model and its chart
# are left in $BUILD/demo.
#
# PER_CLASS, TEST_PER_CLASS and EPOCHS in the environment change how much is
# trained.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
BUILD=$(realpath "${BUILD:-build}")
PATH=$BUILD:$BUILD/examples:$PATH
PER_CLASS=${PER_CLASS:-300} TEST_PER_CLASS=${TEST_PER_CLASS:-60}
EPOCHS=${EPOCHS:-6}

if [ -t 1 ]; then
    bold=$'\e[1m' plain=$'\e[0m' live=1
else
    bold='' plain='' live=
fi

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
run()
{
    printf '$ %s\n' "$*"
    eval "$*"
}

die()
{
    echo "demo: $*" >&2
    exit 1
}

[ -c /dev/fuse ] || die "there is no /dev/fuse: load the kernel's module with" \
    "'modprobe fuse' (in a container: --device /dev/fuse --cap-add SYS_ADMIN)"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/primofs-demo.XXXXXX")
results=$BUILD/demo
mkdir "$scratch/primo"

finish()
{
    local status=$?
    trap - EXIT INT TERM
    set +e
    cd /
    if mountpoint -q "$scratch/primo"; then
        # A training goes on after an unmount, so it has to be stopped first.
        if echo stop >"$scratch/primo/processes/local/stop"; then
            timeout 10 cat "$scratch/primo/processes/local/wait"
        fi 2>/dev/null >&2
        fusermount3 -u "$scratch/primo" || fusermount3 -uz "$scratch/primo"
    fi
    rm -rf "$scratch"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Shows the progress until the training ends: in one line on a terminal, and
# elsewhere in a line for each change.
follow()
{
    local line last=
    while :; do
        line="$(cat processes/local/status): $(cat processes/local/progress)"
        if [ -n "$live" ]; then
            printf '\r\e[K%.*s' "$((${COLUMNS:-80} - 1))" "$line"
        elif [ "$line" != "$last" ]; then
            printf '%s\n' "$line"
        fi
        last=$line
        case $line in
        created:* | starting:* | running:*) sleep "${live:+0.}5" ;;
        *) break ;;
        esac
    done
    [ -z "$live" ] || echo
}

started=$SECONDS
say "Make a dataset: a folder with a folder of JPEG files for each class"
run "fashion-mnist $scratch/pictures $PER_CLASS $TEST_PER_CLASS"
run "ls $scratch/pictures/train"

say "Mount the file system: a directory for its state, and a mount point"
run "primofs $scratch/state $scratch/primo"
run "cd $scratch/primo"
run "ls"

say "Write a training template, which is a text file"
run "cat > templates/fashion <<'END'
dataset    = $scratch/pictures
image_size = 32
epochs     = $EPOCHS
batch_size = 32
augment    = exposure+noise
END"

say "A misspelt key is refused at once, and the file errors says why"
run "echo 'epoch = 6' > templates/oops || tail -n 4 errors"

say "Make a process on the target machine 'local', and start it"
run "mkdir processes/local"
run "echo fashion > processes/local/template"
run "touch processes/local/start"

say "Watch it with cat processes/local/status processes/local/progress"
follow
run "cat processes/local/wait"
[ "$(cat processes/local/status)" = succeeded ] ||
    { cat processes/local/log; die "the training did not succeed"; }

say "Read its metrics: each epoch has a line"
run "cat processes/local/metrics.csv"
run "cat overview"

say "Look at the model"
run "ls -l models/fashion/latest/"
run "cat models/fashion/latest/info"

say "Classify pictures that it has never seen"
pictures=$(printf ' %s' "$scratch"/pictures/test/{bag,sandal,trouser}/0001.jpg)
run "primo-train predict --top 2 models/fashion/latest$pictures"

say "Take what you need with cp"
mkdir -p "$results"
run "cp models/fashion/latest/{model.onnx,labels.txt} $results"
run "cp processes/local/monitor.{svg,html} processes/local/metrics.csv $results"

say "Unmount: the state directory keeps everything"
run "cd /"
run "fusermount3 -u $scratch/primo"

say "Done in $((SECONDS - started)) seconds"
echo "The chart:  $results/monitor.svg (open it in a browser)"
echo "The model:  $results/model.onnx, its classes: $results/labels.txt"
echo "To go on:   primofs ~/primo-state ~/primo, then read ~/primo/README"
