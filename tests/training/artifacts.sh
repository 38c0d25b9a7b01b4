#!/bin/bash
# What a trainer leaves is checked before it becomes a model, as a run
# directory belongs to a user and may hold anything. A run whose files are
# wrong fails with a reason, and nothing appears in models/.
# timeout: 300
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"
mkdir good bin dataset
"$BUILD/tests/unit/files/export_test" good 32 7 resnet18
cp "$BUILD/primofs" bin
# A trainer that trains nothing, leaves the files of the folder `leave` as its
# artifacts and says that it has succeeded.
cat >bin/primo-train <<EOF
#!$PYTHON
import os, shutil, struct, sys, time, zlib

def record(kind, text):
    tail = struct.pack("<c3xd", kind, time.time()) + text
    return struct.pack("<4sII", b"PRJ1", len(text), zlib.crc32(tail)) + tail

if len(sys.argv) < 3:
    sys.exit() # it does not even say which version it is
os.chdir(sys.argv[2])
shutil.copytree("$SCRATCH/leave", "artifacts", symlinks=True)
with open("journal.000001", "wb") as journal:
    journal.write(record(b"O", b"version=1 iteration=0") +
                  record(b"F", b"classes=7\nstatus: forged") +
                  record(b"F", b"status\nx=forged") +
                  record(b"M", b"no,row") + record(b"E", b"succeeded"))
EOF
chmod +x bin/primo-train
BUILD=$SCRATCH/bin mount_primofs "$STATE" "$MNT"
process=$MNT/processes/local
mkdir "$process"
echo "dataset = $SCRATCH/dataset" >"$MNT/templates/t"
echo t >"$process/template"

# ends STATUS: how a training has to end with the present files of `leave`.
ends()
{
    touch "$process/start"
    expect "$1" timeout 60 cat "$process/wait"
    rm -rf leave
    cp -r good leave
}
# refuses REGEX: they must not become a model, with this reason.
refuses()
{
    ends failed
    expect_match "^reason: the model cannot be saved: .*$1" cat "$process/info"
    [ ! -e "$MNT/models/t" ] || fail "there is a model"
    [ ! -e "$process/model" ] || fail "the process has a model"
    expect '' ls "$STATE/models"
}

cp -r good leave
step "files that are no model are refused; export_test.c tries more of them"
echo one more >>leave/labels.txt
refuses 'labels.txt: it has 8 lines, the head .* 7'
ln -sf /etc/passwd leave/labels.txt
refuses labels.txt

step "files that are a model become one, and cannot forge what info says"
ends succeeded
for file in model.onnx model.safetensors labels.txt; do
    cmp "good/$file" "$MNT/models/t/1/$file"
done
expect 1 wc -l <"$MNT/models/t/1/metrics.csv"
expect 'status: succeeded' grep '^status' "$MNT/models/t/1/info"
