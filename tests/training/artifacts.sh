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
                  record(b"M", b"no,row") + record(b"A", b"evaluation") +
                  record(b"E", b"succeeded"))
EOF
chmod +x bin/primo-train
BUILD=$SCRATCH/bin mount_primofs "$STATE" "$MNT"
process=$MNT/processes/local
mkdir "$process"
printf "base = scratch\ndataset = %s\n" "$SCRATCH/dataset" >"$MNT/templates/t"
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
printf 'evaluation 1\nclass 1 a\npicture 0 7 0 1 0 x\n' >leave/evaluation
ends succeeded
for file in model.onnx model.safetensors labels.txt; do
    cmp "good/$file" "$MNT/models/t/1/$file"
done
expect 1 wc -l <"$MNT/models/t/1/metrics.csv"
expect 'status: succeeded' grep '^status' "$MNT/models/t/1/info"

step "an evaluation that is none makes no reports"
grep -q 'line 3 of the evaluation cannot be read' "$process/log"
for file in predictions.csv mistakes.html README.md; do
    [ ! -e "$MNT/models/t/1/$file" ] || fail "there is $file"
done
expect 1 grep -c '' "$process/predictions.csv"

step "a name in one that is cannot break out of its place"
{
    printf 'evaluation 1\ncomplete\nclass 1 =a\nclass 0 <script>b</script>\n'
    printf 'picture 0 1 0 0.75 0.25 \033]0;x\a/"y".jpg\n'
    printf 'thumbnail 0 1 1 QUJD\n'
} >leave/evaluation
ends succeeded
expect 'path,truth,predicted,confidence,second,second_confidence
"?]0;x?/""y"".jpg",'\''=a,<script>b</script>,0.75,'\''=a,0.25' \
    cat "$MNT/models/t/2/predictions.csv"
for file in mistakes.html confusion.svg README.md; do
    ! grep -q '<script' "$MNT/models/t/2/$file" || fail "$file has a script"
done
expect 'macro_f1: 0' grep '^macro_f1' "$MNT/models/t/2/info"

step "numbers of other weights than the model's do not become its reports"
printf 'evaluation 1\nclass 1 a\nclass 1 b\npicture 0 0 1 1 0 x\n' >leave/evaluation
ends succeeded
expect 2 grep -c '' "$process/predictions.csv"
[ ! -e "$MNT/models/t/3/predictions.csv" ] || fail "the model has them"
expect 4 grep -c '' "$MNT/models/t/versions.csv"
