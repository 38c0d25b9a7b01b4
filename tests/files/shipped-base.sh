#!/bin/bash
# The base model that primofs is shipped with is in bases/ from the first mount
# on, as it is installed. A package with another one brings that into old state
# directories, where trainings go on with the one that they began with. Without
# it nothing silently begins from scratch.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"

cd "$SCRATCH"
pictures data 6 3
built=$BUILD
# An installation of its own, whose base is another version.
mkdir -p usr/bin usr/share/primofs
cp "$BUILD/primofs" "$BUILD/primo-train" usr/bin
shipped=$SCRATCH/usr/share/primofs/base.safetensors
"$PYTHON" - "$BUILD/base.safetensors" "$shipped" <<'END'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
header["__metadata__"]["version"] = "next"
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size:])
END

takeovers() { grep -c 'bases/base taken over' "$MNT/events"; }
template()
{
    printf 'dataset = %s\nimage_size = 32\niterations = 4\n' "$SCRATCH/data"
    printf '%s\n' "$@"
}
start()
{
    template "$@" >"$MNT/templates/t"
    [ -d "$MNT/processes/local" ] || mkdir "$MNT/processes/local"
    echo t >"$MNT/processes/local/template"
    touch "$MNT/processes/local/start"
}

step "it is there at the first mount, as it is installed"
mount_primofs
cmp "$MNT/bases/base" "$BUILD/base.safetensors"
expect 444 stat -c %a "$MNT/bases/base"
expect 1 takeovers
expect '' cat "$MNT/errors"

step "trainings begin from it, and say from which version"
start
expect succeeded timeout 100 cat "$MNT/processes/local/wait"
expect_match 'bases/base: ResNet-18 .*; version .*the head is replaced' \
    grep -B1 '^base = base$' "$MNT/processes/local/config"

step "the next mount does not take it over again"
number=$(stat -c %i "$MNT/bases/base")
umount_primofs
"$BUILD/primofs" --check "$STATE" >/dev/null
mount_primofs
expect "$number" stat -c %i "$MNT/bases/base"
expect 1 takeovers
umount_primofs

step "an installation with another one brings that"
BUILD=$SCRATCH/usr/bin
chmod 666 "$shipped" # it is copied then, as anybody could change a link
mount_primofs
cmp "$MNT/bases/base" "$shipped"
expect "$number" stat -c %i "$MNT/bases/base"
expect 2 takeovers
start
expect succeeded timeout 100 cat "$MNT/processes/local/wait"
expect_match '; version next ' cat "$MNT/processes/local/config"
umount_primofs
body=$(find "$STATE/bases" -type f)
cmp "$body" "$shipped"
[ ! "$body" -ef "$shipped" ] || fail "anybody can change the base"

step "where it is not installed any more, the one that was remains"
mv "$shipped" gone
mount_primofs
cmp "$MNT/bases/base" gone
umount_primofs

step "in a new state directory it is missed, and not replaced by a fresh network"
STATE=$SCRATCH/new
mount_primofs
expect "mobilenet
scratch" ls "$MNT/bases"
expect_errno 'Invalid argument' start
last_error "the base model that comes with primofs is missing: there is no"
start 'base = scratch'
expect succeeded timeout 100 cat "$MNT/processes/local/wait"
umount_primofs

step "it comes as soon as it is installed"
mv gone "$shipped"
mount_primofs
cmp "$MNT/bases/base" "$shipped"
umount_primofs

step "primo-train alone takes the installed one, or says that it is missing"
template >t
usr/bin/primo-train t out >log 2>&1 || fail "$(cat log)"
grep -q "share/primofs/base.safetensors: ResNet-18 .*; version next " out/config
mv "$shipped" gone
if usr/bin/primo-train t none >log 2>&1; then fail "it trained"; fi
grep -q 'base = scratch would begin with a fresh network' log
[ ! -e none ] || fail "there is something"
usr/bin/primo-train t fresh base=scratch >log 2>&1 || fail "$(cat log)"
BUILD=$built
"$BUILD/primo-train" t own >log 2>&1 || fail "$(cat log)"
