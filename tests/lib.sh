# What the end-to-end tests share. Each test begins with
# `. "$(dirname "$0")/../lib.sh"`.
#
# A test has a folder of its own, $SCRATCH, in which $STATE is the place for a
# state directory and $MNT a mount point. However the test ends, what it has
# mounted is then unmounted, what it has started is ended, and the folder is
# removed. `set -e` and pipefail hold: a command that fails ends the test,
# unless the test says that it expects it to fail.
set -Eeuo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
# What else somebody has set who runs the tests: tools would speak his language
# (LC_ALL does not count against LANGUAGE), say where they go, and keep what they
# make to themselves, while some tests have several users.
unset LANGUAGE CDPATH POSIXLY_CORRECT
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$ROOT/build}
PEERS_DIR=${PEERS_DIR:-$ROOT/build-peers}
export PRIMOFS_TEST=${PRIMOFS_TEST:-primofs-test-$$}
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/primofs.XXXXXX")
STATE=$SCRATCH/state
MNT=$SCRATCH/mnt
mkdir "$MNT"

# What a sanitizer watches takes so many times as long. tests/run knows it, too.
slower=1
[ -z "${SANITIZE:-}" ] || slower=4
# timeout [-s SIGNAL] SECONDS COMMAND…
timeout()
{
    local signal=()
    [ "$1" != -s ] || { signal=(-s "$2"); shift 2; }
    command timeout "${signal[@]}" $(($1 * slower)) "${@:2}"
}

# pids_of NAME: the processes of this test that run the program NAME.
pids_of()
{
    local pid comm
    for pid in /proc/[0-9]*; do
        read -r comm 2>/dev/null <"$pid/comm" && [ "$comm" = "$1" ] || continue
        grep -zqs "^PRIMOFS_TEST=$PRIMOFS_TEST\$" "$pid/environ" || continue
        [[ $(cat "$pid/stat" 2>/dev/null) =~ \)\ [ZX] ]] || echo "${pid#/proc/}"
    done
}
daemon_pids() { pids_of primofs; }
# Trainers, but not the primo-train that a daemon asks for its version.
trainer_pids()
{
    local pid
    for pid in $(pids_of primo-train); do
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
            '' | *' --version ') ;;
            *) echo "$pid" ;;
        esac
    done
}

# trainers_with WORDS: those of them whose command line has these words.
trainers_with()
{
    local pid
    for pid in $(trainer_pids); do
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
            *"$1"*) echo "$pid" ;;
        esac
    done
}
# Those that train, not those that answer for a host.
training_pids() { trainers_with ' --run '; }

end_test()
{
    local status=$? mount pid
    # A signal may end a copy of this shell that was to become a command; the
    # test goes on then.
    [ "$BASHPID" = "$$" ] || exit $status
    trap - EXIT ERR
    cd /
    [ $status -eq 0 ] || [ $status -eq 77 ] || show_errors
    while read -r mount; do
        umount -l "$mount" 2>/dev/null || fusermount3 -uz "$mount"
    done < <(mounts_below "$SCRATCH" | sort -r)
    eventually 10 no_daemon || true
    for pid in $(daemon_pids) $(trainer_pids) $(jobs -p); do
        kill -9 "$pid" 2>/dev/null || true
    done
    eventually 10 no_trainer || true
    rm -rf "$SCRATCH"
    exit $status
}

# mounts_below FOLDER: a line each. A blank in a path is there as \040.
mounts_below()
{
    local at
    while read -r _ _ _ _ at _; do
        at=$(printf '%b' "$at")
        [[ $at != "$1"/* ]] || echo "$at"
    done </proc/self/mountinfo
}

# Shows what may explain a failure.
show_errors()
{
    [ ! -e "$MNT/errors" ] || { echo "-- the mount's errors:"
        timeout 5 tail -n 12 "$MNT/errors"; } 2>/dev/null
}

failed_at()
{
    echo "$0: line $1: failed: $2" >&2
}
trap 'failed_at "$LINENO" "$BASH_COMMAND"' ERR
trap end_test EXIT
trap 'exit 143' TERM INT HUP

fail()
{
    echo "$0: line ${BASH_LINENO[0]}: $*" >&2
    trap - ERR
    exit 1
}

skip()
{
    echo "$*"
    exit 77
}

# ---- mounting

no_daemon() { [ -z "$(daemon_pids)" ]; }
no_trainer() { [ -z "$(trainer_pids)" ]; }

# sshfs_mount DIRECTORY: shows the mount there, through the program `ssh` in
# this folder. Debian's sshfs refuses links that begin with ../, as a server
# might be hostile; an option allows them.
sshfs_mount()
{
    local links=reconnect
    [[ $(sshfs --help 2>&1) != *no_contain_symlinks* ]] ||
        links=no_contain_symlinks
    sshfs -o "ssh_command=$PWD/ssh" -o $links "localhost:$MNT" "$1"
}

is_mounted()
{
    mounts_below "$(dirname "$1")" | grep -Fx -- "$1" >/dev/null
}

# Lines for the shell of a mount namespace. It begins with copies of all mounts,
# those of other tests among them, and while it has a copy, the daemon behind it
# does not end.
# shellcheck disable=SC2016 # that shell expands them
leave_mounts='awk "{ for (i = 7; i < NF; i++)
    if (\$i == \"-\" && \$(i + 1) ~ /^fuse/) print \$5 }" /proc/self/mountinfo |
    while read -r at; do umount -l "$(printf %b "$at")"; done'

# mount_primofs [STATE MNT [OPTION…]]
mount_primofs()
{
    local state=${1:-$STATE} mnt=${2:-$MNT}
    shift $(($# < 2 ? $# : 2))
    [ -c /dev/fuse ] ||
        fail "there is no /dev/fuse: load the kernel's module fuse" \
            "(in a container: --device /dev/fuse --cap-add SYS_ADMIN)"
    "$BUILD/primofs" "$state" "$mnt" "$@" </dev/null ||
        fail "primofs did not mount"
}

# umount_primofs [MNT]: unmounts, and waits until the daemon has ended.
umount_primofs()
{
    local unmount=(umount "${1:-$MNT}")
    [ "$(id -u)" = 0 ] || unmount=(fusermount3 -u "${1:-$MNT}")
    # The helper that makes inotify events may be inside for a moment.
    eventually 5 "${unmount[@]}" 2>/dev/null || "${unmount[@]}"
    eventually 20 no_daemon || fail "the daemon did not end"
}

# daemon_kill: kills the daemon, and takes the dead mount away.
daemon_kill()
{
    local pid
    for pid in $(daemon_pids); do
        kill -9 "$pid" 2>/dev/null || true
    done
    eventually 20 no_daemon || fail "the daemon did not end"
    umount -l "$MNT" 2>/dev/null || fusermount3 -uz "$MNT"
}

# ---- asserting

# eventually SECONDS COMMAND…: repeats COMMAND until it succeeds; of a build with
# a sanitizer, for longer.
eventually()
{
    local end=$((${EPOCHREALTIME/./} + $1 * slower * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt $end ] || return 1
        sleep 0.05
    done
}

# step TEXT: says what the test holds next. The last step shown is where it
# failed.
step() { echo "-- $*"; }

# expect_errno REGEX COMMAND…: COMMAND has to fail with a message that matches
# REGEX, an errno's text.
expect_errno()
{
    local message=$1 output
    shift
    if output=$("$@" 2>&1); then
        fail "'$*' succeeded, expected '$message'"
    fi
    grep -Eq -- "$message" <<<"$output" ||
        fail "'$*' said '$output', expected '$message'"
}

# expect WANTED COMMAND…: COMMAND has to print just this.
expect()
{
    local wanted=$1 output
    shift
    output=$("$@" 2>&1) || fail "'$*' failed: $output"
    [ "$output" = "$wanted" ] ||
        fail "'$*' printed '$output', expected '$wanted'"
}

# expect_match REGEX COMMAND…: what COMMAND prints has to match.
expect_match()
{
    local regex=$1 output
    shift
    output=$("$@" 2>&1) || fail "'$*' failed: $output"
    grep -Eq -- "$regex" <<<"$output" ||
        fail "'$*' printed '$output', expected a match of '$regex'"
}

# put FILE TEXT: writes as a shell does, and fails as that does.
put()
{
    printf '%b' "$2" >"$1"
}

# last_error REGEX: the last entry of errors has to match.
last_error()
{
    local entry
    entry=$(tail -n 6 "$MNT/errors")
    grep -Eq -- "$1" <<<"$entry" ||
        fail "errors ends in '$entry', expected a match of '$1'"
}

# refused ERRNO REGEX COMMAND…: COMMAND has to fail with ERRNO's text (a regex),
# and to leave a new entry in errors that matches REGEX.
refused()
{
    local message=$1 regex=$2 before after
    shift 2
    before=$(wc -c <"$MNT/errors")
    expect_errno "$message" "$@"
    after=$(tail -c "+$((before + 1))" "$MNT/errors")
    grep -Eq -- "$regex" <<<"$after" ||
        fail "'$*' left '$after' in errors, expected a match of '$regex'"
}

# ---- datasets and trainings

# pictures DIR TRAIN TEST: makes ten classes of real pictures, with TRAIN a
# class in DIR/train/CLASS and TEST in DIR/test/CLASS.
pictures()
{
    "$BUILD/examples/fashion-mnist" "$@" >/dev/null
}

status_is() { [ "$(cat "$MNT/processes/${2:-local}/status")" = "$1" ]; }

# await STATUS [SECONDS] [MACHINE]: waits for the status of the process.
await()
{
    local seconds=${2:-60}
    [ -z "${SANITIZE:-}" ] || seconds=$((seconds * 4))
    eventually "$seconds" status_is "$1" "${3:-local}" ||
        fail "status is '$(cat "$MNT/processes/${3:-local}/status")'," \
            "expected '$1'; $(tail -n 5 "$MNT/processes/${3:-local}/log")"
}

# Debian's Python, which finds Debian's modules, whatever else is in $PATH.
PYTHON=${PYTHON:-/usr/bin/python3}

# epoch_rows METRICS: the rows at the ends of epochs. A slow epoch has rows
# within, too; how many, depends on the clock.
epoch_rows() { awk -F, 'NR > 1 && $2 == int($2)' "$1"; }

# need_python MODULE…: skips the test where Python lacks one of the modules.
need_python()
{
    local module
    for module; do
        "$PYTHON" -c "import $module" 2>/dev/null ||
            skip "python3 has no $module (make test PEERS=1 installs it)"
    done
}

# need_onnxruntime: skips the test where Node lacks ONNX Runtime.
need_onnxruntime()
{
    command -v node >/dev/null &&
        [ -d "$PEERS_DIR/node_modules/onnxruntime-node" ] ||
        skip "no onnxruntime-node (make test PEERS=1 installs it)"
    export NODE_PATH=$PEERS_DIR/node_modules
}

# Shell commands that read the file $1 in small pieces, or send it, and print
# all of it: it has one line.
piecewise_readers=(
    'read -r line <"$1" && printf "%s\n" "$line"'
    '{ head -c 4 && cat; } <"$1"'
    'dd bs=4 if="$1" status=none'
    'busybox cat "$1"'
    'busybox cat "$1" | cat'
)

# Start each in the background; their results are read by readers_expect().
readers_start() # FILE
{
    local i
    readers=()
    for i in "${!piecewise_readers[@]}"; do
        timeout 200 sh -c "${piecewise_readers[i]}" sh "$1" \
            >"$SCRATCH/reader.$i" 2>&1 &
        readers+=($!)
    done
}
readers_block()
{
    local i
    for i in "${!readers[@]}"; do
        kill -0 "${readers[i]}" 2>/dev/null ||
            fail "${piecewise_readers[i]}: $(cat "$SCRATCH/reader.$i")"
    done
}
readers_expect() # TEXT
{
    local i
    for i in "${!readers[@]}"; do
        wait "${readers[i]}" ||
            fail "${piecewise_readers[i]}: $(cat "$SCRATCH/reader.$i")"
        [ "$(cat "$SCRATCH/reader.$i")" = "$1" ] ||
            fail "${piecewise_readers[i]}: $(cat "$SCRATCH/reader.$i")"
    done
}
