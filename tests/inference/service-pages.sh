#!/bin/bash
# A service answers for PDF and TIFF files of several pages as `predict` does:
# of all pages, or of those that the service's text says. What can't be read is
# an answer, too, and the worker goes on.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
make=$PYTHON\ $(realpath "$(dirname "$0")/../documents.py")
models_mount
cd "$MNT"
model_make invoices 7
inbox=inference/inbox
mkdir "$SCRATCH/docs"
$make scans "$SCRATCH/docs/three.pdf" 1 2 3
$make tiff "$SCRATCH/docs/three.tif" 1 2 3
$make plain "$SCRATCH/docs/many.pdf" 100
$make plain "$SCRATCH/docs/book.pdf" 10000
$make locked "$SCRATCH/docs/locked.pdf"
head -c 700 "$SCRATCH/docs/three.pdf" >"$SCRATCH/docs/cut.pdf"
printf 'model = invoices/latest\nprecision = f32\n' >services/inbox
mkdir $inbox
touch $inbox/start

step "all pages, and the mean of them"
cp "$SCRATCH/docs/many.pdf" "$SCRATCH"/docs/three.* $inbox/in/
for file in three.pdf three.tif many.pdf; do
    answer $file >"$SCRATCH/answer"
    "$BUILD/primo-train" predict --json --top 3 models/invoices/1 \
        "$SCRATCH/docs/$file" >"$SCRATCH/predicted"
    for what in .items '.pages | map({field, confidence})'; do
        round='| map([.field, (.confidence * 1e4 | round)])'
        expect "$(jq -c "$what $round" "$SCRATCH/predicted")" \
            jq -c "$what $round" "$SCRATCH/answer"
    done
done
expect '[1,2,3]' jq -c '.pages | map(.page)' $inbox/out/three.tif.json
expect image/tiff jq -r '.files[0].content_type' $inbox/out/three.tif.json
expect application/pdf jq -r '.files[0].content_type' $inbox/out/three.pdf.json
expect true jq '.pages | all(.state == "ok" or .state == "check" or
    .state == "unknown")' $inbox/out/three.tif.json
expect_match ',three.pdf,[0-9]+,1-3,class [0-9],0\.[0-9]+,' \
    cat $inbox/results.csv

step "those that the text names"
put services/inbox 'model = invoices/latest\npages = 2-3\n'
cp "$SCRATCH/docs/three.pdf" $inbox/in/two.pdf
answer two.pdf >"$SCRATCH/answer"
expect '[2,3]' jq -c '.pages | map(.page)' "$SCRATCH/answer"
cp "$SCRATCH/docs/book.pdf" $inbox/in/book.pdf
answer book.pdf >"$SCRATCH/answer"
expect '[2,3]' jq -c '.pages | map(.page)' "$SCRATCH/answer"
put services/inbox 'model = invoices/latest\npages = first\n'
cp "$SCRATCH/docs/three.tif" $inbox/in/one.tif
answer one.tif >"$SCRATCH/answer"
expect '[1]' jq -c '.pages | map(.page)' "$SCRATCH/answer"
expect_match ',one.tif,[0-9]+,1,class' cat $inbox/results.csv
put services/inbox 'model = invoices/latest\npages = 4-\n'
cp "$SCRATCH/docs/three.tif" $inbox/in/none.tif
answer none.tif >"$SCRATCH/answer"
expect no_page jq -r .code "$SCRATCH/answer"
expect_errno 'Invalid argument' put services/inbox \
    'model = invoices/latest\npages = 3-2\n'

step "what can't be read"
put services/inbox 'model = invoices/latest\n'
cp "$SCRATCH"/docs/{locked,cut}.pdf $inbox/in/
cp "$SCRATCH/docs/book.pdf" $inbox/in/book.pdf
expect protected jq -r .code <(answer locked.pdf)
expect damaged jq -r .code <(answer cut.pdf)
code_is() { [ "$(jq -r .code $inbox/out/book.pdf.json)" = "$1" ]; }
eventually 60 code_is too_large || fail "$(cat $inbox/out/book.pdf.json)"
expect_match 'has too many pages: 10000' jq -r .error $inbox/out/book.pdf.json
cp "$SCRATCH/docs/three.pdf" $inbox/in/after.pdf
expect null jq .error <(answer after.pdf)
grep -q unexpectedly $inbox/log && fail "$(cat $inbox/log)"

step "in lists, as when they are copied"
for pages in all 2-3; do
    put services/inbox "model = invoices/latest\nprecision = f32\npages = $pages\n"
    list=list-$pages.list
    cp "$SCRATCH/docs/three.pdf" $inbox/in/alone-$pages.pdf
    cp "$SCRATCH/docs/many.pdf" $inbox/in/many-$pages.pdf
    printf '%s\n' "$SCRATCH"/docs/{three,many,locked,book}.pdf \
        "$SCRATCH/docs/three.tif" >$inbox/in/$list
    answer $list >"$SCRATCH/answer"
    row='.items[0] | [.field, (.confidence * 1e4 | round)] | @csv'
    for file in alone-$pages:1 many-$pages:2; do
        expect "$(answer ${file%:*}.pdf | jq -r "$row" | tr -d '"')" \
            awk -F, -v n=$((${file#*:} + 1)) \
            'NR == n { printf "%s,%.0f\n", $4, $5 * 1e4 }' \
            $inbox/out/$list.csv
    done
    expect_match 'locked.pdf,,,,error,,,is a PDF that is protected' \
        cat $inbox/out/$list.csv
done
expect_match 'three.tif,1-3,class' cat $inbox/out/list-all.list.csv
expect_match 'many.pdf,1-100,class' cat $inbox/out/list-all.list.csv
expect_match 'book.pdf,,,,error,,,"?has too many pages: 10000' \
    cat $inbox/out/list-all.list.csv
expect_match 'three.tif,2-3,class' cat $inbox/out/list-2-3.list.csv
expect_match 'book.pdf,2-3,class' cat $inbox/out/list-2-3.list.csv

step "other pages count in a list that is in work"
for ((i = 0; i < 1500; i++)); do
    echo "$SCRATCH/docs/three.tif"
done >"$SCRATCH/long"
put services/inbox 'model = invoices/latest\nprecision = f32\n'
cp "$SCRATCH/long" $inbox/in/long.list
has_rows() { [ "$(wc -l <$inbox/out/long.list.csv)" -gt 1 ]; } 2>/dev/null
eventually 60 has_rows || fail "$(tail -n 3 $inbox/log)"
workers=$(trainers_with " --serve $STATE/runs/")
kill -STOP $workers
put services/inbox 'model = invoices/latest\nprecision = f32\npages = 2\n'
list_told() { cat $(grep -l '^list ' "$STATE"/runs/*/requests.*); }
is_told() { list_told | grep ' 2-2$' >/dev/null; }
eventually 30 is_told || fail "$(list_told)"
kill -CONT $workers
answer long.list >/dev/null
expect_match 'three.tif,1-3,class' sed -n 2p $inbox/out/long.list.csv
expect_match 'three.tif,2,class' tail -n 1 $inbox/out/long.list.csv

step "only where the service takes them"
put services/inbox 'model = invoices/latest\nextensions = jpg tif\n'
expect_errno 'Invalid argument' cp "$SCRATCH/docs/three.pdf" $inbox/in/no.pdf
expect extension jq -r .code <(answer no.pdf)
