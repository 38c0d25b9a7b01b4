# What the measurements of the file system share; sourced after lib.sh. Our
# mount and the peers' keep their data in memory, below $memory, so that no disk
# is measured. The peer is libfuse's own example passthrough_ll, built from the
# source that libfuse3-dev brings, with the same threads as ours: libfuse's
# defaults.

memory=$(mktemp -d /dev/shm/primofs-bench.XXXXXX)
examples=/usr/share/doc/libfuse3-dev/examples
clients=$BUILD/tests/bench/clients
objects=$BUILD/tests/bench/objects

unmount_all()
{
    local mount
    cd /
    for mount in $(awk -v a="$memory/" -v b="$BENCH_DIR/" \
        'index($5, a) == 1 || index($5, b) == 1 { print $5 }' \
        /proc/self/mountinfo | sort -r); do
        fusermount3 -u "$mount" || fusermount3 -uz "$mount"
    done
    rm -rf "$memory"
}
trap 'unmount_all; finish' EXIT

# build_peer NAME: builds an example of libfuse as a program in $BENCH_DIR.
build_peer()
{
    [ -x "$BENCH_DIR/$1" ] && return
    cc -O2 -w -I/usr/include/fuse3 -o "$BENCH_DIR/$1" "$examples/$1.c" -lfuse3
}

# mount_ours STATE: mounts at $memory/ours; $daemon is the daemon's process id.
mount_ours()
{
    mkdir -p "$memory/ours"
    PATH=$BUILD:$PATH primofs "$1" "$memory/ours"
    daemon=$(fuser_of "$1")
}

# Prints the id of the process that holds the lock of a state directory.
fuser_of()
{
    local fd
    for fd in /proc/[0-9]*/fd/*; do
        [ "$(readlink "$fd")" = "$1/lock" ] || continue
        fd=${fd#/proc/}
        echo "${fd%%/*}"
    done
}

# passthrough_ll needs a descriptor for each file that the kernel knows.
ulimit -n "$(cat /proc/sys/fs/nr_open)" 2>/dev/null || ulimit -n "$(ulimit -Hn)"

# mount_peer SOURCE never|always: mounts at $memory/never or $memory/always.
mount_peer()
{
    build_peer passthrough_ll
    mkdir -p "$memory/$2"
    "$BENCH_DIR/passthrough_ll" -o "source=$1,cache=$2" "$memory/$2"
}

unmount()
{
    fusermount3 -u "$memory/$1"
    while [ "$1" = ours ] && [ -e "/proc/$daemon" ]; do
        sleep 0.02
    done
}

# seconds COMMAND…: prints how long it takes; its own output is dropped.
seconds()
{
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>>"$log"
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }'
}
