#!/bin/bash
# Base models that are copied through sshfs, with cp and rsync. A complete
# file becomes a base model, and a part of one never does, even where the tool
# is not told: sshfs does not wait for the answer to its last close, so cp of
# a truncated file succeeds, and only `errors` says that it was refused.
# timeout: 150
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
command -v sshfs >/dev/null || skip "no sshfs"
command -v rsync >/dev/null || skip "no rsync"
[ -x /usr/lib/openssh/sftp-server ] || skip "no sftp-server"
cd "$SCRATCH"
mkdir net remote
"$BUILD/tests/unit/files/export_test" net 32 7 resnet18
mv net/model.safetensors whole.safetensors
head -c 20000000 whole.safetensors >half.safetensors
head -c 3000 whole.safetensors >start.safetensors
head -c 3000000 /dev/urandom >noise.safetensors
mount_primofs
printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >ssh
chmod +x ssh
sshfs_mount remote
bases=$MNT/bases

# refusal NAME SENTENCE: errors has to get it, and the base must not appear.
is_told() { grep -q "bases/$1: .*$2" "$MNT/errors"; }
is_absent() { [ ! -e "$bases/$1" ]; }
refusal()
{
    eventually 20 is_told "$@" || fail "errors does not say '$2' of $1"
    eventually 20 is_absent "$1" || fail "there is $(ls -l "$bases/$1")"
}

step "cp brings a whole base model, and no part of one"
cp whole.safetensors remote/bases/
eventually 20 cmp whole.safetensors "$bases/whole.safetensors" ||
    fail "it is not what was copied"
for part in half start; do
    cp $part.safetensors remote/bases/ || true
    refusal $part.safetensors 'cut short'
done
expect_errno 'error|Invalid|message' cp noise.safetensors remote/bases/
refusal noise.safetensors 'not a safetensors file'

step "a truncated copy over a base model leaves it as it was"
cp half.safetensors remote/bases/whole.safetensors || true
eventually 20 is_told whole.safetensors 'cut short' ||
    fail 'half of another base was not refused'
cmp whole.safetensors "$bases/whole.safetensors"

step "rsync does the same, with and without --inplace"
for how in '' --inplace; do
    rsync -a $how whole.safetensors "remote/bases/synced$how.safetensors"
    eventually 20 cmp whole.safetensors "$bases/synced$how.safetensors" ||
        fail "it is not what was synced"
    expect_errno 'some files' \
        rsync -a $how half.safetensors "remote/bases/part$how.safetensors"
    refusal "part$how.safetensors" 'cut short'
done
expect 'base
mobilenet
scratch
synced--inplace.safetensors
synced.safetensors
whole.safetensors' ls "$bases"
