#!/bin/bash
# The page of a service has its last answers, the newest first, with whatever
# their names are as text, and info.json says what info says.
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
page=$inbox/monitor.html
put services/inbox 'model = invoices/latest\n'
mkdir $inbox

step "before the first answer"
grep -q 'There are no answers yet' $page
grep -q '<p>created' $page
expect created jq -r .status $inbox/info.json

step "with answers"
touch $inbox/start
odd='a"<b>&'\''%, "x".jpg'
cp "${files[0]}" $inbox/in/first.jpg
answer first.jpg >/dev/null
cp "${files[1]}" "$inbox/in/$odd"
answer "$odd" >"$SCRATCH/odd"
head -c 100 "${files[2]}" >$inbox/in/cut.jpg
answer cut.jpg >"$SCRATCH/cut"
cp /etc/passwd $inbox/in/no.jpg 2>/dev/null || true
eventually 20 grep -q '<small>no.jpg<' $page || fail "$(cat $page)"
expect "no.jpg cut.jpg a&quot;&lt;b&gt;&amp;'%, &quot;x&quot;.jpg first.jpg" \
    bash -c "grep -o '<small>[^<]*jpg<' $page |
        sed 's/<small>//; s/<\$//' | paste -sd' '"
expect 4 grep -c '<li class=' $page
expect 2 grep -c '<li class="error">' $page
grep -q 'src="in/a%22%3Cb%3E%26%27%25%2C%20%22x%22.jpg"' $page ||
    fail "$(grep src= $page)"
[ "$(jq -r .state "$SCRATCH/odd")" = "$(grep -B1 -A1 '%22x%22' $page |
    sed -n 's/^<li class="\(.*\)">/\1/p')" ]
grep -q "$(jq -r .error "$SCRATCH/cut")" $page
grep -q 'http-equiv="refresh"' $page
xmllint --html --noout $page 2>"$SCRATCH/html" || fail "$(cat "$SCRATCH/html")"
expect running jq -r .status $inbox/info.json
for key in waiting answered unsure failed; do
    expect "$(sed -n "s/^$key: //p" $inbox/info)" jq .$key $inbox/info.json
done
expect invoices/1 jq -r .model $inbox/info.json
