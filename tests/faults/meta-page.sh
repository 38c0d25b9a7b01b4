#!/bin/bash
# timeout: 120
# not under: address|thread
# A write of the database's meta page that fails, for once or for a while, is an
# error of that one change. What is there stays readable, and all goes on.
. "$(dirname "$0")/../lib.sh"

control=$SCRATCH/failing
pictures "$SCRATCH/data" 4 2
FAILING=$control LD_PRELOAD=$BUILD/tests/faults/preload/failing.so mount_primofs
put "$MNT/templates/kept" 'epochs = 3\n'
put "$MNT/templates/t" "dataset = $SCRATCH/data\nepochs = 2\nimage_size = 32\n"
mkdir "$MNT/processes/local"
put "$MNT/processes/local/template" t

for code in 5 28; do # EIO, ENOSPC
    step "errno $code"
    echo $code >"$control"
    expect_errno 'Input/output error|No space left' mv "$MNT/templates/kept" \
        "$MNT/templates/moved"
    for file in processes/local/status processes/local/info errors events \
        overview templates/kept; do
        cat "$MNT/$file" >/dev/null || fail "$file cannot be read"
    done
    expect_errno 'No such file' cat "$MNT/templates/moved"
    rm "$control"
    mv "$MNT/templates/kept" "$MNT/templates/moved"
    expect 'epochs = 3' cat "$MNT/templates/moved"
    mv "$MNT/templates/moved" "$MNT/templates/kept"
done

step "a training goes on over it"
touch "$MNT/processes/local/start"
for _ in 1 2 3 4 5; do
    echo 5 >"$control"
    sleep 0.2
    rm "$control"
    sleep 0.3
done
expect succeeded timeout 60 cat "$MNT/processes/local/wait"
umount_primofs
"$BUILD/primofs" --check "$STATE"
