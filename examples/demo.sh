#!/bin/bash
# The demonstration of `make demo`: it has a classifier learn to tell kinds of
# scanned papers apart from a few dozen scans of each, with nothing but shell
# commands, and then lets it answer for scans that it has not seen. It shows each
# command before it runs it. The model, its chart and its reports are left in
# $BUILD/demo.
#
# PER_CLASS, TEST_PER_CLASS and TIME_LIMIT in the environment change how much is
# trained.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
primofs=$(command -v primofs) || primofs=${BUILD:-build}/primofs
BUILD=$(realpath "${BUILD:-build}")
PATH=$BUILD:$BUILD/examples:$PATH
PER_CLASS=${PER_CLASS:-24} TEST_PER_CLASS=${TEST_PER_CLASS:-12}
TIME_LIMIT=${TIME_LIMIT:-60s}
NEW_PER_CLASS=2

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
        # What runs goes on after an unmount, so it has to be stopped first.
        if touch "$scratch/primo/processes/local/stop"; then
            timeout 10 cat "$scratch/primo/processes/local/wait"
        fi 2>/dev/null >&2
        touch "$scratch/primo/inference/papers/stop" 2>/dev/null
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
# Puts some of the test pictures of each class aside, as those that come in after
# the training. Their names do not say what they are.
put_aside()
{
    local class picture number=0
    mkdir "$scratch/new"
    for class in "$scratch"/pictures/test/*/; do
        for picture in $(find "$class" -name '*.jpg' | sort |
            tail -n $NEW_PER_CLASS); do
            number=$((number + 1))
            mv "$picture" "$scratch/new/scan$number.jpg"
        done
    done
}

say "Make a dataset: a folder with a folder of scans for each kind of paper"
run "scans $scratch/pictures $PER_CLASS $((TEST_PER_CLASS + NEW_PER_CLASS))"
put_aside
run "ls $scratch/pictures/train"
run "ls $scratch/pictures/train/letter | wc -l"

say "Mount the file system: a directory for its state, and a mount point"
run "primofs $scratch/state $scratch/primo"
run "cd $scratch/primo"
run "ls"

say "Write a training template, which is a text file. All but the dataset may" \
    "be left out; without a limit it takes the time that it needs"
run "cat > templates/papers <<'END'
dataset    = $scratch/pictures
time_limit = $TIME_LIMIT
END"

say "A misspelt key is refused at once, and the file errors says why"
run "echo 'time_limits = 1m' > templates/oops || tail -n 4 errors"

say "Make a process on the target machine 'local', and start it"
run "mkdir processes/local"
run "echo papers > processes/local/template"
run "touch processes/local/start"

say "Watch it with cat processes/local/status processes/local/progress"
follow
run "cat processes/local/wait"
[ "$(cat processes/local/status)" = succeeded ] ||
    { cat processes/local/log; die "the training did not succeed"; }

say "Read its metrics: each epoch has a line"
run "tail -n 3 processes/local/metrics.csv"
run "cat overview"

say "Look at the model, and at what it takes for what"
run "ls models/papers/latest/"
run "head -n 12 models/papers/latest/README.md"
run "cat models/papers/latest/confusion.csv"

say "Let it answer: what is copied into a folder is read in another"
run "echo 'model = papers/latest' > services/papers"
run "mkdir inference/papers"
run "touch inference/papers/start"
run "cp $scratch/new/*.jpg inference/papers/in/"
for picture in "$scratch"/new/*.jpg; do
    timeout 60 cat "inference/papers/wait/${picture##*/}" >/dev/null ||
        { cat inference/papers/log; die "there was no answer"; }
done
run "cut -d, -f2,4-6 inference/papers/results.csv"
run "ls inference/papers/sorted/*"
run "touch inference/papers/stop"

say "Take what you need with cp"
mkdir -p "$results"
run "cp models/papers/latest/{model.onnx,labels.txt,mistakes.html} $results"
run "cp processes/local/monitor.{svg,html} processes/local/metrics.csv $results"

say "Unmount: the state directory keeps everything"
run "cd /"
run "fusermount3 -u $scratch/primo"

say "Done in $((SECONDS - started)) seconds"
echo "The chart:  $results/monitor.svg (open it in a browser)"
echo "The model:  $results/model.onnx, its classes: $results/labels.txt"
echo "To go on:   mkdir -p ~/primo; $primofs ~/primo-state ~/primo; cat ~/primo/README"
