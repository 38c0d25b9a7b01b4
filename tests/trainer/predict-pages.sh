#!/bin/bash
# Files of several pages: the answer is the mean of the pages' probabilities,
# and of a file that can't be read it is a sentence, whatever the file does to
# the program that draws it. What draws ends with who asked.
# timeout: 600
# not under: thread
. "$(dirname "$0")/../lib.sh"
train=$BUILD/primo-train
make=$PYTHON\ $(realpath "$(dirname "$0")/../documents.py")
mkdir "$SCRATCH/model" "$SCRATCH/docs"
"$BUILD/tests/unit/files/export_test" "$SCRATCH/model" 32 7 resnet18
cd "$SCRATCH/docs"
for i in 1 2 3; do $make bmp $i.bmp $i; done
$make tiff three.tif 1 2 3
$make scans three.pdf 1 2 3

# exits STATUS COMMAND…: what it says on standard error goes to $SCRATCH/err.
exits()
{
    local got=0
    "${@:2}" 2>"$SCRATCH/err" || got=$?
    [ $got -eq "$1" ] || fail "exit status $got: $(cat "$SCRATCH/err")"
}
# answer FILE [OPTION…]: its probabilities, in the order of the classes.
answer()
{
    "$train" predict --top 7 "${@:2}" "$SCRATCH/model" "$1" | sort -t$'\t' -k2 |
        cut -f3
}
# same NAME: two columns of numbers agree.
same() { awk '($1 - $2) ^ 2 > 1e-10 { exit 1 }' || fail "$1 differs"; }

# A page of a TIFF is what the picture is, and the smaller copy is no page.
for i in 1 2 3; do
    paste <(answer $i.bmp) <(answer three.tif --pages $i) | same "page $i"
done
paste <(answer 1.bmp) <(answer three.tif --pages first) | same 'the first'
paste <(answer 1.bmp) <(answer 2.bmp) <(answer 3.bmp) |
    awk '{ print ($1 + $2 + $3) / 3 }' >all
paste all <(answer three.tif) | same 'the mean'
paste <(answer 2.bmp) <(answer 3.bmp) | awk '{ print ($1 + $2) / 2 }' |
    paste - <(answer three.tif --pages 2-) | same 'the mean of two'

# Pages of a PDF are drawn: of a picture that fills it, nearly that picture.
paste all <(answer three.pdf) | awk '($1 - $2) ^ 2 > 1e-2 { exit 1 }'
"$train" predict --json "$SCRATCH/model" three.pdf three.tif >json
expect 3 jq -s '.[0].pages | length' json
expect '1 2 3' jq -rs '.[1].pages | map(.page) | join(" ")' json
expect true jq -s '.[0].error == null' json
best='[.field, (.confidence * 1e5 | round)]'
for i in 1 2 3; do
    expect "$("$train" predict --json "$SCRATCH/model" $i.bmp |
        jq -c ".items[0] | $best")" jq -sc ".[1].pages[$i - 1] | $best" json
done
"$train" predict --json --pages 2-3 "$SCRATCH/model" three.tif >json
expect '2 3' jq -r '.pages | map(.page) | join(" ")' json
# More pages than a batch has room for.
$make plain many.pdf 40
expect 40 jq '.pages | length' <("$train" predict --json "$SCRATCH/model" \
    many.pdf)

# What hostile or strange ones have in them is found out, and does no harm: objects
# in streams, things that are in themselves, folders of pages as deep as what
# looks for scans dies of, and a picture of 400 MiB.
for kind in streams circle forms nested swollen; do $make $kind $kind.pdf; done

# What can't be read does not keep others from being read.
$make locked locked.pdf
$make plain none.pdf 0
$make plain book.pdf 10000
head -c 700 three.pdf >cut.pdf
head -c 5000 three.tif >cut.tif
$make bomb bomb.pdf
$make huge huge.pdf
$make deep deep.pdf
exits 1 "$train" predict --json "$SCRATCH/model" locked.pdf none.pdf \
    book.pdf cut.pdf cut.tif bomb.pdf three.pdf huge.pdf deep.pdf \
    streams.pdf circle.pdf forms.pdf nested.pdf swollen.pdf >json
error() { jq -r "select(.path == \"$1\").error" json; }
expect_match 'protected by a password' error locked.pdf
expect_match 'without pages' error none.pdf
expect_match 'too many pages: 10000.* 1000;' error book.pdf
expect_match 'not a good PDF' error cut.pdf
expect_match 'not a good TIFF' error cut.tif
expect_match 'takes longer than' error bomb.pdf
expect_match 'without pages' error circle.pdf
for good in three huge deep streams forms nested swollen; do
    expect null error $good.pdf
done
expect 1 jq '.pages | length' <("$train" predict --json --pages 10000 \
    "$SCRATCH/model" book.pdf)
exits 1 "$train" predict --pages 4- "$SCRATCH/model" three.tif
expect_match 'fewer pages than are wanted: 3, and page 4 is' cat "$SCRATCH/err"
exits 2 "$train" predict --pages 3-2 "$SCRATCH/model" three.tif

nobody_draws() { [ -z "$(pids_of primo-pages)" ]; }
eventually 10 nobody_draws || fail "drawers are left: $(pids_of primo-pages)"
