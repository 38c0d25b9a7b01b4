#!/bin/bash
# The scripts of examples/ for services do what they say: a robot that sorts
# pictures by their answers, and one that brings in what a scanner has left.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
inbox_start 2 3 'ok = 0\n'

step "robot.sh moves pictures into folders of their classes"
mkdir "$SCRATCH/sorted"
"$ROOT/examples/robot.sh" "$inbox" "$SCRATCH/sorted" &
robot=$!
cp "${files[0]}" "$inbox/in/early.jpg"
moved() { [ -e "$1" ] && [ ! -e "$inbox/in/${1##*/}" ]; }
class=$(answer early.jpg | jq -r '.items[0].field')
eventually 60 moved "$SCRATCH/sorted/$class/early.jpg" ||
    fail "$(find "$SCRATCH/sorted")"
cmp "${files[0]}" "$SCRATCH/sorted/$class/early.jpg"
head -c 300 "${files[1]}" >"$inbox/in/half.jpg"
eventually 60 moved "$SCRATCH/sorted/check/half.jpg" ||
    fail "$(find "$SCRATCH/sorted")"
kill $robot
wait $robot || true

step "drop-folder.sh brings what is complete, and says what is not taken"
mkdir "$SCRATCH/scans"
expect_errno 'drop-folder.sh FOLDER INBOX' "$ROOT/examples/drop-folder.sh"
cp "${files[2]}" "$SCRATCH/scans/old.jpg"
SECONDS_QUIET=1 "$ROOT/examples/drop-folder.sh" "$SCRATCH/scans" "$inbox" \
    2>/dev/null &
robot=$!
cp "${files[3]}" "$SCRATCH/scans/new.jpg.part"
echo 'no picture' >"$SCRATCH/scans/letter.doc"
brought()
{
    [ -n "$(find "$inbox/in" -name "*-$1")" ] && [ ! -e "$SCRATCH/scans/$1" ]
}
eventually 60 brought old.jpg || fail "$(ls "$SCRATCH/scans" "$inbox/in")"
mv "$SCRATCH/scans/new.jpg"{.part,}
eventually 60 brought new.jpg || fail "$(ls "$SCRATCH/scans" "$inbox/in")"
eventually 60 test -e "$SCRATCH/scans/refused/letter.doc"
expect '' find "$inbox/in" -name '*.doc'
kill $robot
wait $robot || true
expect null jq -r .error <(answer "$(ls "$inbox/in" | grep -- -new.jpg)")
