#!/bin/bash
# Lists: each line of a NAME.list has its row in out/NAME.list.csv, what cannot
# be read has one with the reason, a folder stands for its pictures, and one of
# class folders is evaluated, as `primo-train evaluate` does it.
# timeout: 400
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
models_mount
cd "$MNT"
pictures "$SCRATCH/data" 1 2
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
inbox=inference/inbox
printf 'model = invoices/latest\nprecision = f32\nok = 0.5\n' >services/inbox
mkdir $inbox
touch $inbox/start

# rows LIST: the rows, without the header; column N of CSV, as python reads it
rows() { tail -n +2 "$inbox/out/$1.csv"; }
column() { "$PYTHON" -c 'import csv, sys
for row in list(csv.reader(open(sys.argv[1], newline="")))[1:]:
    print(row[int(sys.argv[2])])' "$inbox/out/$1.csv" "$2"; }
# summary LIST FILTER: of the answer, which it waits for
summary() { answer "$1" | jq -r "$2"; }

step "each line has its row, in order, with what predict says"
printf '%s\n' "${files[@]}" >$inbox/in/all.list
summary all.list '[.file, .state, .list.lines, .list.pictures, .list.error,
    .model, .code, .evaluation] | @csv' >"$SCRATCH/said"
n=${#files[@]}
expect "\"all.list\",\"check\",$n,$n,0,\"invoices/1\",," cat "$SCRATCH/said"
cmp <(answer all.list) $inbox/out/all.list.json
expect "$(sha256sum <$inbox/in/all.list | cut -d' ' -f1)" \
    jq -r '.files[0].sha256' $inbox/out/all.list.json
expect "$(stat -c %s $inbox/in/all.list)" \
    jq '.files[0].content_length' $inbox/out/all.list.json
expect 'line,file,page,class,confidence,state,truth,milliseconds,error' \
    head -n 1 $inbox/out/all.list.csv
expect "$(seq $n)" column all.list 0
expect "$(printf '%s\n' "${files[@]}")" column all.list 1
paste <(column all.list 3) <(column all.list 4) >"$SCRATCH/ours"
"$BUILD/primo-train" predict --top 1 models/invoices/1 "${files[@]}" |
    cut -f2,3 >"$SCRATCH/theirs"
paste "$SCRATCH/ours" "$SCRATCH/theirs" | awk -F'\t' '
    $1 != $3 || $2 - $4 > 1e-5 || $4 - $2 > 1e-5 { exit 1 }' ||
    fail "$(paste "$SCRATCH/ours" "$SCRATCH/theirs")"
expect "$(jq '.list.ok + .list.check + .list.unknown' $inbox/out/all.list.json)" \
    grep -cE ',(ok|check|unknown),' $inbox/out/all.list.csv
expect $'all.list.csv\nall.list.json' bash -c "ls $inbox/out | sort"
expect 1 grep -c ',all.list,' $inbox/results.csv
expect_match "^answered: $n\$" cat $inbox/info

step "what cannot be read has a row with the reason"
mkdir -p "$SCRATCH/odd/empty" "$SCRATCH/odd/plain"
odd=$SCRATCH/odd
cp "${files[0]}" "$odd/a, \"b\".jpg"
cp "${files[1]}" "$odd/two  blanks.jpg"
cp "${files[2]}" "$odd/"$'bell\a\x1b[31m.jpg'
cp "${files[3]}" "$odd/"$'latin\xe9.jpg'
cp "${files[4]}" "$odd/=cmd.jpg"
cp "${files[5]}" "$odd/plain/1.jpg"
echo 'no picture' >"$odd/text.jpg"
mkfifo "$odd/pipe.jpg"
{
    printf '\xef\xbb\xbf%s\r\n' "$odd/a, \"b\".jpg"
    printf '%s\r\n\r\n' "$odd/two  blanks.jpg"
    printf '%s\n' "$odd/"$'bell\a\x1b[31m.jpg' "$odd/"$'latin\xe9.jpg' \
        "$odd/=cmd.jpg" "$odd/text.jpg" "$odd/pipe.jpg" "$odd/missing.jpg" \
        relative.jpg "$odd/empty" /dev/zero "$odd/$(printf 'x%.0s' {1..300})" \
        "/$(printf 'y/%.0s' {1..2500})" "$odd/plain"
    printf '%s' "${files[6]}"
} >$inbox/in/odd.list
summary odd.list '[.list.lines, .list.pictures, .list.error, .state] | @csv' \
    >"$SCRATCH/said"
expect '15,15,8,"check"' cat "$SCRATCH/said"
expect "$(printf '%s\n' 1 2 4 5 6 7 8 9 10 11 12 13 14 15 16)" column odd.list 0
column odd.list 1 >"$SCRATCH/names"
expect "$odd/a, \"b\".jpg" sed -n 1p "$SCRATCH/names"
expect "$odd/two  blanks.jpg" sed -n 2p "$SCRATCH/names"
expect "$odd/bell??[31m.jpg" sed -n 3p "$SCRATCH/names"
expect "$odd/latin?.jpg" sed -n 4p "$SCRATCH/names"
expect "$odd/plain/1.jpg" sed -n 14p "$SCRATCH/names"
! LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' $inbox/out/odd.list.csv ||
    fail "control characters"
column odd.list 8 >"$SCRATCH/errors"
expect_match 'is not a .* picture' sed -n 6p "$SCRATCH/errors"
expect_match 'not a regular file' sed -n 7p "$SCRATCH/errors"
expect_match 'No such file' sed -n 8p "$SCRATCH/errors"
expect_match 'not an absolute path' sed -n 9p "$SCRATCH/errors"
expect_match 'folder without pictures' sed -n 10p "$SCRATCH/errors"
expect error sed -n 6p <(column odd.list 5)

step "what is no list is refused, and has an answer"
refused 'Invalid argument' 'not a list' \
    "$PYTHON" -c 'import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, open(sys.argv[2], "rb").read())
os.close(fd)' $inbox/in/picture.list "${files[0]}"
expect no_list jq -r .code <(answer picture.list)
[ ! -e $inbox/out/picture.list.csv ]
printf '\n\n' >$inbox/in/blank.list
expect '0 ok' summary blank.list '"\(.list.pictures) \(.state)"'
expect 1 wc -l <$inbox/out/blank.list.csv

step "class folders are an evaluation"
labelled=$SCRATCH/labelled
"$BUILD/primo-train" predict --top 1 models/invoices/1 "${files[@]}" |
    cut -f2 >"$SCRATCH/theirs"
i=0
while read -r class; do # every third one is wrong
    [ $((i % 3)) -ne 0 ] || class="class $((i % 7))"
    mkdir -p "$labelled/$class"
    cp "${files[i]}" "$labelled/$class/$i.jpg"
    i=$((i + 1))
done <"$SCRATCH/theirs"
echo broken >"$labelled/class 0/broken.jpg"
"$BUILD/primo-train" evaluate models/invoices/1 "$labelled" >"$SCRATCH/theirs" \
    2>/dev/null || true
mkdir "$labelled/no class"
cp "${files[0]}" "$labelled/no class/"
echo "$labelled" >$inbox/in/labelled.list
answer labelled.list >"$SCRATCH/answer"
expect "$((i + 2)) $i 1" jq -r \
    '"\(.list.pictures) \(.list.labelled) \(.list.error)"' "$SCRATCH/answer"
their() { sed -n "s/^$1: //p" "$SCRATCH/theirs"; }
same() { "$PYTHON" -c 'import sys
a, b = map(float, sys.argv[1:])
sys.exit(abs(a - b) > 1e-5)' "$1" "$2" || fail "$1 is not $2"; }
for key in accuracy average_precision macro_f1; do
    same "$(jq ".evaluation.$key" "$SCRATCH/answer")" "$(their $key)"
done
same "$(jq .evaluation.pictures "$SCRATCH/answer")" "$(their images)"
expect "$i" jq '[.evaluation.confusion[].pictures] | add' "$SCRATCH/answer"
expect "$(jq '.evaluation.accuracy * .evaluation.pictures | round' \
    "$SCRATCH/answer")" jq '[.evaluation.confusion[] |
        select(.truth == .field).pictures] | add' "$SCRATCH/answer"
expect 7 jq '.evaluation.classes | length' "$SCRATCH/answer"
expect $((i + 1)) grep -c '^class [0-6]$' <(column labelled.list 6)

step "written again it begins anew, and goes with its list"
printf '%s\n' "${files[@]:0:3}" >$inbox/in/all.list
expect 3 summary all.list .list.pictures
expect 3 bash -c "tail -n +2 $inbox/out/all.list.csv | wc -l"
mv $inbox/in/all.list $inbox/in/again.list
expect again.list summary again.list .file
expect 3 bash -c "tail -n +2 $inbox/out/again.list.csv | wc -l"
[ ! -e $inbox/out/all.list.csv ]
rm $inbox/in/again.list
[ ! -e $inbox/out/again.list.csv ]
[ ! -e $inbox/out/again.list.json ]
printf '%s\n' "${files[@]:0:2}" >$inbox/in/late.part
mv $inbox/in/late.part $inbox/in/late.list
expect 2 summary late.list .list.pictures

step "ten thousand lines, a stop in the middle, and single requests first"
for ((i = 0; i < 20; i++)); do
    printf '%s\n' "${files[@]}" /missing/{1..480}
done >"$SCRATCH/long"
cp "$SCRATCH/long" $inbox/in/long.list
has_rows() { [ "$(wc -l <$inbox/out/long.list.csv)" -gt "$1" ]; } 2>/dev/null
eventually 60 has_rows 100 || fail "no rows: $(tail -n 3 $inbox/log)"
told() { sed -n 's/^until //p' "$STATE"/runs/*/requests.* 2>/dev/null; }
[ -z "$(told | awk '$1 % 32')" ] || fail "no whole batches: $(told)"
cp "${files[0]}" $inbox/in/single.jpg
expect single.jpg jq -r .file <(answer single.jpg)
[ ! -e $inbox/out/long.list.json ] || echo "(the list was over already)"
touch $inbox/stop
await_serving stopped
eventually 20 no_trainer
touch $inbox/start
expect 10000 bash -c "timeout 200 cat $inbox/wait/long.list |
    jq .list.pictures"
expect "$(seq 10000 | md5sum)" bash -c \
    "tail -n +2 $inbox/out/long.list.csv | cut -d, -f1 | md5sum"

step "a list that is removed while it is answered is gone"
cp "$SCRATCH/long" $inbox/in/gone.list
eventually 60 test -e $inbox/out/gone.list.csv
rm $inbox/in/gone.list
[ ! -e $inbox/out/gone.list.csv ]
printf '%s\n' "${files[0]}" >$inbox/in/after.list
expect 1 summary after.list .list.pictures

step "when_done = delete keeps the answers"
put services/inbox 'model = invoices/latest\nwhen_done = delete\n'
printf '%s\n' "${files[@]:0:2}" >$inbox/in/once.list
expect 2 summary once.list .list.pictures
[ ! -e $inbox/in/once.list ]
expect 3 wc -l <$inbox/out/once.list.csv

step "nothing is left over"
touch $inbox/stop
await_serving stopped
rm -r $inbox
eventually 20 no_trainer || fail "$(ps -o pid,stat,args -p $(trainer_pids);
    ls "$STATE/runs")"
expect '' ls "$STATE/spool"
no_runs() { [ "$(ls "$STATE/runs"/*.lock | wc -l)" -le 1 ]; }
eventually 20 no_runs || fail "$(ls "$STATE/runs")"
rmdir models/invoices/1
