#!/bin/bash
# What people and programs meet first: the guide's own words, why a name is not
# there, an overview that fits a terminal, the same as JSON, and a file of a
# model that was removed alone.
# timeout: 240
. "$(dirname "$0")/../lib.sh"

mount_primofs
pictures "$SCRATCH/data" 4 1
cd "$MNT"

step "the words of the guide are taken"
printf '%s\n' 'base = Базовая модель' \
    'augment = повороты + экспозиция + шум' "dataset = $SCRATCH/data" \
    'epochs = 2' 'image_size = 32' >templates/Счета
printf 'augment = rotation + noise\n' >templates/blanks
twice() { echo 'augment = rotation + rotation' >templates/twice; }
refused 'Invalid argument' 'augment must be any of' twice
dance() { echo 'augment = повороты + пляски' >templates/twice; }
refused 'Invalid argument' 'augment must be any of' dance
home() { echo 'dataset = ~/scans' >templates/home; }
refused 'Invalid argument' "'~' is not expanded here" home
quotes() { echo 'dataset = "/scans"' >templates/home; }
refused 'Invalid argument' 'written without quotes' quotes

step "errors says why a name is not there"
! touch processes/local/start 2>/dev/null || fail "there is a process"
grep -q "processes/local: there is no process on the machine 'local'" errors
! touch processes/lokal/start 2>/dev/null || fail "there is a machine"
grep -q "there is no machine 'lokal'" errors
! ls models/Счета 2>/dev/null || fail "there is a model"
grep -q "the template 'Счета' has no model yet" errors
entries=$(wc -l <errors)
mkdir processes/local # which looks for the name first
[ "$(wc -l <errors)" = "$entries" ] || fail "mkdir left $(tail -n 1 errors)"

step "a training by the guide's words varies its pictures"
echo Счета >processes/local/template
touch processes/local/start
expect succeeded cat processes/local/wait
grep -Eq '^augment = rotation\+exposure\+noise' processes/local/config ||
    fail "$(grep augment processes/local/config)"

step "the overview fits a terminal, and has a twin for programs"
[ "$(sed '/^$/,$d' overview | wc -L)" -le 80 ] || fail "$(cat overview)"
python3 - <<'END' || fail "JSON"
import json
with open("overview.json") as f:
    [machine] = json.load(f)
assert machine["machine"] == "local" and machine["available"] is True
assert machine["template"] == "Счета" and machine["status"] == "succeeded"
assert machine["cores"] >= 1 or machine["cores"] is None
with open("processes/local/info.json") as f:
    info = json.load(f)
assert info["epoch"] == 2 and info["status"] == "succeeded", info
assert info["template"] == "Счета" and info["reason"] is None
with open("processes/local/info") as f:
    keys = [line.split(":")[0] for line in f]
assert keys == list(info), (keys, list(info))
END

step "a file of a model that was removed alone is back"
rm models/Счета/1/labels.txt models/Счета/latest
[ ! -e models/Счета/1/labels.txt ] || fail "it was not removed"
back() { [ -s models/Счета/1/labels.txt ] && [ -s models/Счета/latest/info ]; }
eventually 30 back || fail "it is not back"
grep -q 'models/Счета/1/labels.txt was removed alone and is back' events
refused 'not permitted' 'roles say who may view' chmod 600 models/Счета/1
chmod 755 models/Счета/1
rm -r models/Счета/1
sleep 6
[ ! -e models/Счета/1 ] || fail "rm -r left the version"
! grep -q 'model.onnx was removed alone' events || fail "$(tail -n 3 events)"

step "the page says why a training failed, and renews itself before it"
grep -q 'http-equiv="refresh"' processes/local/monitor.html
sed -i "s,^dataset.*,dataset = $SCRATCH/none," templates/Счета
touch processes/local/start
expect failed cat processes/local/wait
grep -q "<p class=\"reason\">.*$SCRATCH/none" processes/local/monitor.html
