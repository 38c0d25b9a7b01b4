#!/bin/bash
# The page of a service has its last answers, the newest first, with whatever
# their names are as text and small pictures, which go with theirs; and info.json
# says what info says.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
make=$PYTHON\ $(realpath "$(dirname "$0")/../documents.py")
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
grep -q 'href="in/a%22%3Cb%3E%26%27%25%2C%20%22x%22.jpg"' $page ||
    fail "$(grep href= $page)"
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

step "small pictures"
# thumbnails FILE: those of its answers, a line each, in base64.
thumbnails()
{
    sed -n "s|.*href=\"in/$1\"><img [^>]*base64,\([^\"]*\)\".*|\1|p" $page
}
thumbnails_are() { [ "$(thumbnails "$2" | wc -l)" = "$1" ]; }
expect 2 grep -c 'src="data:image/jpeg;base64,' $page
thumbnails first.jpg | base64 -d >"$SCRATCH/first.jpg"
"$BUILD/primo-train" predict models/invoices/1 "$SCRATCH/first.jpg" >/dev/null
[ "$(stat -c %s "$SCRATCH/first.jpg")" -le 6144 ]
$make scans "$SCRATCH/three.pdf" 1 2 3
$make tiff "$SCRATCH/three.tif" 1 2 3
cp "$SCRATCH"/three.* $inbox/in
answer three.pdf >/dev/null
answer three.tif >/dev/null
eventually 20 thumbnails_are 1 three.pdf || fail "$(cat $page)"
eventually 20 thumbnails_are 1 three.tif || fail "$(cat $page)"

step "they go with the pictures"
was=$(thumbnails first.jpg)
cp "${files[3]}" $inbox/in/first.jpg
answer first.jpg >/dev/null
is_another() { [ "$(thumbnails first.jpg)" != "$was" ]; }
eventually 20 is_another || fail "$(cat $page)"
thumbnails_are 1 first.jpg
rm $inbox/in/first.jpg
eventually 20 thumbnails_are 0 first.jpg || fail "$(cat $page)"
grep -q '<small>first.jpg<' $page
put services/inbox 'model = invoices/latest\nwhen_done = delete\n'
cp "${files[4]}" $inbox/in/passing.jpg
eventually 60 grep -q '<small>passing.jpg<' $page || fail "$(cat $page)"
thumbnails_are 0 passing.jpg
