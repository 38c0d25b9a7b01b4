#!/bin/bash
# A service at work, from mkdir to the answer: a copied picture is answered once
# it is complete, as `predict` answers it, and the answer, the row and the link
# are there together. What is no picture is refused, and answered, too.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
models_mount
cd "$MNT"
pictures "$SCRATCH/data" 1 2
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
inbox=inference/inbox

step "three commands and a copy"
echo 'model = invoices/latest' >services/inbox
mkdir $inbox
touch $inbox/start
cp "${files[0]}" $inbox/in/scan.jpg
answer scan.jpg >"$SCRATCH/answer"
jq -e '.file == "scan.jpg" and .revision == 1 and .service == "inbox" and
    .model == "invoices/1" and .model_type == "classifier" and
    .result_is_ready and .error == null and (.items | length) == 3 and
    .pages[0].page == 1 and .pages[0].field == .items[0].field and
    .files[0].content_type == "image/jpeg" and .state == .pages[0].state and
    .threshold_ok_min == 0.8 and .threshold_warn_min == 0.2' \
    "$SCRATCH/answer" >/dev/null || fail "$(cat "$SCRATCH/answer")"
cmp "$SCRATCH/answer" $inbox/out/scan.jpg.json
cmp "${files[0]}" $inbox/in/scan.jpg
sum=$(sha256sum <"${files[0]}")
expect "\"${sum%% *}\"" jq '.files[0].sha256' "$SCRATCH/answer"
expect "$(wc -c <"${files[0]}")" jq '.files[0].content_length' "$SCRATCH/answer"
expect running cat $inbox/status
expect scan.jpg ls $inbox/in
expect scan.jpg.json ls $inbox/out
expect '' ls $inbox/wait
expect_match '^answered: 1$' cat $inbox/info
expect_match '^waiting: 0$' cat $inbox/info
expect_match '^model: invoices/1$' cat $inbox/info

step "it says what predict says"
put services/inbox 'model = invoices/latest\nprecision = f32\ntop = 7\n'
touch $inbox/stop
await_serving stopped
touch $inbox/start
for i in 1 5 9; do
    cp "${files[i]}" $inbox/in/$i.jpg
    answer $i.jpg | jq -r '.items[] | "\(.field)\t\(.confidence)"' \
        >"$SCRATCH/ours"
    "$BUILD/primo-train" predict --top 7 models/invoices/1 "${files[i]}" |
        cut -f2,3 >"$SCRATCH/theirs"
    paste "$SCRATCH/ours" "$SCRATCH/theirs" | awk -F'\t' '
        $1 != $3 || $2 - $4 > 1e-5 || $4 - $2 > 1e-5 { exit 1 }
        END { if (NR != 7) exit 1 }' ||
        fail "$(paste "$SCRATCH/ours" "$SCRATCH/theirs")"
done

step "rows and links"
expect 5 wc -l <$inbox/results.csv
expect 'time,file,revision,page,class,confidence,state,model,milliseconds,error' \
    head -n 1 $inbox/results.csv
expect 4 awk -F, '$8 == "invoices/1" && $6 > 0 { n++ } END { print n }' \
    $inbox/results.csv
[ "$(stat -c %s $inbox/results.csv)" = "$(wc -c <$inbox/results.csv)" ]
put services/inbox 'model = invoices/latest\nok = 0\ncheck = 0\n'
cp "${files[2]}" $inbox/in/sure.jpg
class=$(answer sure.jpg | jq -r 'select(.state == "ok") | .items[0].field')
[ -n "$class" ]
cmp "$inbox/sorted/$class/sure.jpg" "${files[2]}"
put services/inbox 'model = invoices/latest\nok = 1\ncheck = 1\n'
cp "${files[3]}" $inbox/in/unsure.jpg
expect unknown jq -r .state <(answer unsure.jpg)
[ ! -e "$inbox/sorted/$class/unsure.jpg" ]
rm $inbox/in/sure.jpg
[ ! -e $inbox/out/sure.jpg.json ]
[ ! -e "$inbox/sorted/$class/sure.jpg" ]

step "written again it is a new revision"
before=$(jq .revision $inbox/out/scan.jpg.json)
cat "${files[4]}" >$inbox/in/scan.jpg
answer scan.jpg >"$SCRATCH/answer"
[ "$(jq .revision "$SCRATCH/answer")" -gt "$before" ]
sum=$(sha256sum <"${files[4]}")
expect "\"${sum%% *}\"" jq '.files[0].sha256' "$SCRATCH/answer"
cmp "${files[4]}" $inbox/in/scan.jpg

step "a copy counts once it has its name"
cp "${files[5]}" $inbox/in/late.jpg.part
cp "${files[5]}" $inbox/in/.late.jpg.x1y2
[ ! -e $inbox/out/late.jpg.part.json ]
mv $inbox/in/late.jpg.part $inbox/in/late.jpg
expect late.jpg jq -r .file <(answer late.jpg)
mv $inbox/in/late.jpg "$inbox/in/named again.jpg"
expect 'named again.jpg' jq -r .file <(answer 'named again.jpg')
[ ! -e $inbox/out/late.jpg.json ]
: >$inbox/in/empty.jpg
[ ! -e $inbox/out/empty.jpg.json ]
rsync -a "${files[6]}" $inbox/in/synced.jpg
expect synced.jpg jq -r .file <(answer synced.jpg)

step "what is no picture is refused, and has an answer"
refused 'Invalid argument' 'not a picture' \
    "$PYTHON" -c 'import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(fd, b"this is a text, and no picture at all")
os.close(fd)' $inbox/in/text.jpg
expect no_picture jq -r .code <(answer text.jpg)
expect_match '"error":"the file is not a picture' answer text.jpg
cp "${files[0]}" $inbox/in/letter.doc 2>/dev/null && fail "a .doc was taken"
expect extension jq -r .code <(answer letter.doc)
head -c 400 "${files[0]}" >$inbox/in/cut.jpg
expect damaged jq -r .code <(answer cut.jpg)
expect_match '^failed: 3$' cat $inbox/info

step "a stopped service takes requests, which wait"
touch $inbox/stop
await_serving stopped
cp "${files[7]}" $inbox/in/waits.jpg
eventually 10 grep -q ' waits.jpg$' $inbox/queue || fail "it does not wait"
[ ! -e $inbox/out/waits.jpg.json ]
readers_start $inbox/wait/waits.jpg
sleep 1
readers_block
touch $inbox/start
expect waits.jpg jq -r .file <(answer waits.jpg)
readers_expect "$(cat $inbox/out/waits.jpg.json)"
readers_start $inbox/wait/waits.jpg
readers_expect "$(cat $inbox/out/waits.jpg.json)"
expect '' cat $inbox/queue
echo no >$inbox/enabled
refused 'busy' 'takes no requests' touch $inbox/in/new.jpg
echo yes >$inbox/enabled

step "a model in service stays, another version takes over"
refused 'busy' "'invoices/1' is in use by inference/inbox" \
    rmdir models/invoices/1
refused 'busy' 'is in use by inference/inbox' rm services/inbox
put services/inbox 'model = invoices/latest\n'
model_make invoices 5
cp "${files[8]}" $inbox/in/second.jpg
expect invoices/2 jq -r .model <(answer second.jpg)
put services/inbox 'model = invoices/1\n'
cp "${files[8]}" $inbox/in/back.jpg
expect invoices/1 jq -r .model <(answer back.jpg)

step "all is there after a restart, and goes on"
cp $inbox/results.csv "$SCRATCH/results"
cd "$SCRATCH"
umount_primofs
models_mount
cd "$MNT"
cmp $inbox/results.csv "$SCRATCH/results"
expect 'named again.jpg' jq -r .file <(answer 'named again.jpg')
cp "${files[9]}" $inbox/in/after.jpg
expect after.jpg jq -r .file <(answer after.jpg)

step "what is over goes: keep and when_done"
put services/inbox 'model = invoices/1\nkeep = 1s\n'
cp "${files[1]}" $inbox/in/short.jpg
answer short.jpg >/dev/null
eventually 30 test ! -e $inbox/in/short.jpg
[ ! -e $inbox/out/short.jpg.json ]
put services/inbox 'model = invoices/1\nwhen_done = delete\n'
cp "${files[1]}" $inbox/in/once.jpg
answer once.jpg >/dev/null
[ ! -e $inbox/in/once.jpg ]
expect once.jpg jq -r .file $inbox/out/once.jpg.json
cp "${files[2]}" $inbox/in/once.jpg
expect once.jpg jq -r .file <(answer once.jpg)

step "it is removed when it is empty and stopped"
refused busy 'stopped' rmdir $inbox
touch $inbox/stop
await_serving stopped
refused 'not empty' 'has requests' rmdir $inbox
rm -r $inbox
[ ! -e $inbox ]
rm services/inbox
eventually 10 no_trainer
expect '' ls "$STATE/spool"
rmdir models/invoices/2
