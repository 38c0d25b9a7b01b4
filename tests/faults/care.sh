#!/bin/bash
# timeout: 180
# What is there against damage: --check, --salvage, --backup, the copies in
# STATE/copies, and a daemon that says why it ends.
. "$(dirname "$0")/../lib.sh"

primofs=$BUILD/primofs
kept=$SCRATCH/kept

again()
{
    rm -rf "$STATE"
    cp -a "$kept" "$STATE"
}

again_db()
{
    rm -rf "$STATE"/db "$STATE"/db.damaged.* "$STATE/copies"
    cp -a "$kept/db" "$kept/copies" "$STATE"
}

# flip FILE AT: another byte stands there.
flip()
{
    local byte
    byte=$(od -An -tu1 -j"$2" -N1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $(((byte + 1) % 256)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# damage PAGE: a page of the database is overwritten.
damage()
{
    dd if=/dev/urandom of="$STATE/db/data.mdb" bs=4096 seek="$1" count=1 \
        conv=notrunc status=none
}

step "a state directory with a base, templates and a model"
pictures "$SCRATCH/data" 4 2
mount_primofs
cp "$MNT/bases/base" "$MNT/bases/mine"
mkdir "$MNT/processes/local"
for i in $(seq 60); do
    printf '# template %s\nepochs = %s\n' "$i" "$i" >"$MNT/templates/t$i"
done
put "$MNT/templates/t" "dataset = $SCRATCH/data\nepochs = 1\nimage_size = 32\n"
put "$MNT/processes/local/template" t
touch "$MNT/processes/local/start"
await succeeded
model=$(sha256sum <"$MNT/models/t/1/model.onnx")

step "a backup while it is mounted"
"$primofs" --backup "$STATE" "$SCRATCH/backup.tar"
"$primofs" --backup "$STATE" - | tar -t | grep -x db/data.mdb >/dev/null
expect_match '^no fault \(objects: [0-9]+, models and bases: [1-9][0-9]*\)' "$primofs" --check "$STATE"
umount_primofs
eventually 10 no_trainer
mkdir -m 700 "$SCRATCH/restored"
tar -xf "$SCRATCH/backup.tar" -C "$SCRATCH/restored"
mount_primofs "$SCRATCH/restored" "$MNT"
expect "$model" sha256sum <"$MNT/models/t/1/model.onnx"
cmp "$MNT/bases/mine" "$MNT/bases/base"
grep -q '^epochs = 60$' "$MNT/templates/t60"
umount_primofs
"$primofs" --check "$SCRATCH/restored"
rm -r "$SCRATCH/restored"
mount_primofs # for a copy that has it all
umount_primofs
cp -a "$STATE" "$kept"

step "a copy at each mount, of which the last are kept"
for _ in 1 2 3 4 5 6; do
    mount_primofs
    umount_primofs
done
[ "$(find "$STATE/copies" -name 'mount.*.mdb' | wc -l)" -eq 5 ]
mdb_stat -n "$STATE/copies/$(ls "$STATE/copies" | sort -V | tail -n 1)" |
    grep -q Entries

step "bits that flip in bodies are found"
"$primofs" --check "$STATE"
for file in "$STATE"/models/*/model.onnx "$STATE"/models/*/labels.txt \
    "$STATE"/bases/*; do
    again
    file=${file/#"$STATE"/$STATE}
    size=$(stat -c %s "$file")
    chmod u+w "$file"
    flip "$file" $((size / 2))
    expect_errno 'damaged' "$primofs" --check "$STATE"
    expect_match 'not as it was published' \
        eval "'$primofs' --check '$STATE' 2>&1 || true"
done

step "each page in turn is lost: the mount says so, and what is left is saved"
again
pages=$(($(stat -c %s "$STATE/db/data.mdb") / 4096))
refused=0
for page in $(seq 0 "$pages"); do
    again_db
    damage "$page"
    if timeout 20 "$primofs" "$STATE" "$MNT" 2>"$SCRATCH/err"; then
        umount_primofs # a page that nobody uses
        continue
    fi
    refused=$((refused + 1))
    grep -q 'damaged.*--check.*--salvage' "$SCRATCH/err" ||
        fail "page $page: $(cat "$SCRATCH/err")"
    ! "$primofs" --check "$STATE" >/dev/null 2>&1
    "$primofs" --salvage "$STATE" >"$SCRATCH/out"
    [ -e "$STATE/db.damaged.1/data.mdb" ]
    "$primofs" --check "$STATE"
    mount_primofs
    for i in $(seq 60); do
        grep -q "^epochs = $i\$" "$MNT/templates/t$i" ||
            fail "page $page: templates/t$i is lost: $(cat "$SCRATCH/out")"
    done
    expect "$model" sha256sum <"$MNT/models/t/1/model.onnx"
    cmp "$MNT/bases/mine" "$MNT/bases/base"
    umount_primofs
done
[ "$refused" -gt 5 ]

step "the database is gone altogether: the copies have it"
again
rm -r "$STATE/db"
"$primofs" --salvage "$STATE"
mount_primofs
grep -q '^epochs = 60$' "$MNT/templates/t60"
expect_errno 'mounted' "$primofs" --salvage "$STATE"
umount_primofs

step "one that is cut while it is mounted ends the daemon with a sentence"
again
"$primofs" -f "$STATE" "$MNT" 2>"$SCRATCH/err" &
daemon=$!
eventually 20 is_mounted "$MNT"
[ -e "$MNT/templates/t60" ]
truncate -s 8192 "$STATE/db/data.mdb"
cat "$MNT"/templates/* >/dev/null 2>&1 || true
status=0
wait $daemon || status=$?
[ $status -eq 1 ] || fail "it ended with $status: $(cat "$SCRATCH/err")"
grep -q 'damaged.*--salvage' "$SCRATCH/err"
eventually 10 eval "! is_mounted '$MNT'"
