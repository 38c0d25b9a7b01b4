# What the measurements share. Each begins with `. "$(dirname "$0")/lib.sh"`.
#
# A measurement prints rows of a table: our figure, the peer's, and the ratio,
# which is above 1 where ours is better. Both are taken in turn, $PAIRS times,
# as a machine is not always equally fast; a row has the medians of both and of
# the ratios of the pairs. The messages of programs go to a log in $BENCH_DIR, a
# folder that all measurements share and the runner removes.
set -Eeuo pipefail
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/tests/bench
BUILD=$(realpath -m "${BUILD:-$root/build}")
PAIRS=${PAIRS:-3}
PYTHON=${PYTHON:-/usr/bin/python3} # Debian's, which has Debian's modules
temporary=
if [ -z "${BENCH_DIR:-}" ]; then
    BENCH_DIR=$(mktemp -d "${TMPDIR:-/tmp}/primofs-bench.XXXXXX")
    temporary=yes
fi
finish() { [ -z "$temporary" ] || rm -rf "$BENCH_DIR"; }
trap finish EXIT
mkdir -p "$BENCH_DIR"
log=$BENCH_DIR/$(basename "$0").log
failed_at()
{
    echo "$0: line $1: failed: $2" >&2
    [ ! -s "$log" ] || tail -n 20 "$log" >&2
}
trap 'failed_at "$LINENO" "$BASH_COMMAND"' ERR
cd "$BENCH_DIR"

has_bf16() { grep -qw avx512_bf16 /proc/cpuinfo; }

# Prints $PRECISION, or the precisions that the processor has.
precisions() { echo "${PRECISION:-f32 $(has_bf16 && echo bf16)}"; }

# median NUMBER…: prints the median.
median()
{
    printf '%s\n' "$@" | sort -g | awk '{ a[NR] = $1 }
        END { printf "%.6g\n", (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}

NEVER=1000000000 # stands for the seconds until something that does not happen

# row WHAT UNIT more|less "OURS…" PEER "PEER'S…": prints a row. `more` or `less`
# says which figures are better.
row()
{
    local ours theirs ratios=() i
    read -r -a ours <<<"$4"
    read -r -a theirs <<<"$6"
    for i in "${!ours[@]}"; do
        ratios+=("$(awk -v a="${ours[i]}" -v b="${theirs[i]}" -v way="$3" \
            'BEGIN { printf "%.6g", way == "more" ? a / b : b / a }')")
    done
    awk -v what="$1" -v unit="$2" -v ours="$(median "${ours[@]}")" \
        -v theirs="$(median "${theirs[@]}")" -v peer="$5" \
        -v ratio="$(median "${ratios[@]}")" -v never=$NEVER '
        function shown(v) { return (v >= never) ? "never" : sprintf("%.4g", v) }
        BEGIN {
            printf "| %s | %s | %s | %s | %s | %s |\n", what, unit,
                shown(ours), shown(theirs), peer,
                (ours >= never || theirs >= never) ? "-" : sprintf("%.2f", ratio)
        }'
}

# epochs_of METRICS START: prints a line for each epoch: its number, the seconds
# since START, average precision and accuracy.
epochs_of()
{
    tail -n +2 "$1" | while IFS=, read -r time epoch _ _ _ ap right _; do
        [ -z "$ap" ] || echo "$epoch $(date -d "$time" +%s.%N) $ap $right"
    done | awk -v start="$2" '{ printf "%s %.3f %s %s\n", $1, $2 - start, $3, $4 }'
}

# train_ours FOLDER [key=value…]: trains with primo-train in FOLDER, on THREADS
# if that is set, from the file BASE or else from a fresh network, of the kind
# NETWORK (scratch, which is ResNet-18, or mobilenet). Leaves FOLDER.epochs, which
# epochs_of has written, and FOLDER.peak, the peak memory in MiB.
train_ours()
{
    local out=$1 start base=base=${NETWORK:-scratch}
    [ -z "${BASE:-}" ] || base=base_file=$BASE
    shift
    rm -rf "$out"
    printf '%s\n' "$@" >"$out.template"
    start=$EPOCHREALTIME
    "$PYTHON" "$here/peak.py" "$out.peak" \
        "$BUILD/primo-train" "$out.template" "$out" \
        ${THREADS:+threads=$THREADS} "$base" >>"$log" 2>&1
    epochs_of "$out/metrics.csv" "$start" >"$out.epochs"
}

# train_peer NAME DATASET OPTION…: trains with PyTorch; leaves NAME.epochs and
# NAME.peak.
train_peer()
{
    local out=$1 start=$EPOCHREALTIME
    shift
    "$PYTHON" "$here/peak.py" "$out.peak" \
        "$PYTHON" "$here/pytorch.py" "$1" "$out.csv" "${@:2}" >>"$log" 2>&1
    epochs_of "$out.csv" "$start" >"$out.epochs"
}

# at_once FUNCTION: runs many trainings of one thread each, JOBS (or as many as
# there are processors) at a time. FUNCTION is called with the words of each
# line of the input, in a process of its own, through the program $WITH if that
# is set. A script that uses it has to begin with `called "$@"`.
at_once()
{
    # shellcheck disable=SC2086
    BENCH_DIR=$PWD OMP_NUM_THREADS=1 THREADS=1 xargs -r -P "${JOBS:-$(nproc)}" \
        -L 1 ${WITH:-} "$here/$(basename "$0")" called "$1"
}
called()
{
    if [ "${1:-}" = called ]; then
        "${@:2}"
        exit
    fi
}

# best_ap NAME: prints the best average precision of NAME.epochs.
best_ap() { sort -k3,3g "$1.epochs" | tail -n 1 | cut -d' ' -f3; }

# best_aps BEFORE [AFTER]: prints those of the trainings BEFORE, SEED, AFTER for
# each of $SEEDS.
best_aps()
{
    local seed
    for seed in $SEEDS; do
        best_ap "$1$seed${2:-}"
    done | xargs
}

# means NUMBER…: prints their mean and its standard error.
means()
{
    printf '%s\n' "$@" | awk '{ n++; s += $1; q += $1 * $1 }
        END { m = s / n; v = n > 1 ? (q - n * m * m) / (n - 1) : 0
              printf "%.4f ± %.4f", m, sqrt((v > 0 ? v : 0) / n) }'
}

# row_of_means WHAT "OURS…" PEER "PEER'S…": prints a row of average precisions.
row_of_means()
{
    local ours theirs
    read -r -a ours <<<"$2"
    read -r -a theirs <<<"$4"
    printf '| %s | AP | %s | %s | %s | %.3f |\n' "$1" "$(means "${ours[@]}")" \
        "$(means "${theirs[@]}")" "$3" "$(awk -v a="$(means "${ours[@]}")" \
        -v b="$(means "${theirs[@]}")" 'BEGIN { print a / b }')"
}

# first_epoch NAME prints the seconds until the end of the first epoch,
# later_epoch NAME those of a later epoch in the median, and seconds_to NAME AP
# those until an average precision is reached, or $NEVER.
first_epoch() { awk 'NR == 1 { print $2 }' "$1.epochs"; }
later_epoch()
{
    # shellcheck disable=SC2046
    median $(awk 'NR > 1 { print $2 - last } { last = $2 }' "$1.epochs")
}
seconds_to()
{
    awk -v ap="$2" -v never=$NEVER '!done && $3 >= ap { print $2; done = 1 }
        END { if (!done) print never }' "$1.epochs"
}

# best_workers DATASET OPTION…: prints the number of loading processes with
# which PyTorch's later epochs are shortest.
best_workers()
{
    local n
    for n in 0 1 2; do
        train_peer "tune-$n" "$@" --epochs 3 --workers "$n"
        echo "$(later_epoch "tune-$n") $n"
    done | sort -g | awk 'NR == 1 { print $2 }'
}
