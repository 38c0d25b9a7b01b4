#!/bin/bash
# Datasets of PDF and TIFF files: by default the first page of each is a
# picture, and with `pages` each of those that it names. What the training says
# of a page is what `evaluate` says of it.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
make=$PYTHON\ $(realpath "$(dirname "$0")/../documents.py")
cd "$SCRATCH"
mkdir -p data/a data/b
for i in 1 2 3 4 5 6; do
    $make scans data/a/$i.pdf $i $((i + 10)) $((i + 20))
    $make tiff data/b/$i.tif $((i + 30)) $((i + 40))
done
$make bmp data/b/single.bmp 7
$make locked data/a/locked.pdf
$make plain data/a/book.pdf 10000
head -c 700 data/a/1.pdf >data/a/cut.pdf

# trains NAME [key=value…]: into the folder NAME, whose report is as it was made.
trains()
{
    printf 'dataset = %s\nepochs = 1\nimage_size = 32\nbase = scratch\n' \
        "$SCRATCH/data" >template
    "$BUILD/primo-train" template "$1" threads=1 precision=f32 \
        'extensions=bmp tif pdf' "${@:2}" 2>log || fail "$(tail -n 3 log)"
}
# taken NAME: how many training and test pictures it has.
taken()
{
    sed -En 's/^(training|test) pictures: //p' "$1/dataset" |
        awk '{ n += $1 } END { print n }'
}
tested() { sed 1d "$1/predictions.csv" | cut -d, -f1; }

step "the first page is the picture"
trains first
# The book's first page is as readable as others.
expect 14 taken first
expect 'unreadable: 2' grep '^unreadable: ' first/dataset
expect 'files with more pages: 13' grep '^files with more pages: ' first/dataset
grep -q '#' <(tested first) && fail "$(tested first)"

step "all pages are pictures, and those of a file go together"
trains all pages=all
expect $((6 * 3 + 6 * 2 + 1)) taken all
expect 'unreadable: 3' grep '^unreadable: ' all/dataset
expect_match 'a/locked.pdf: is a PDF that is protected' cat all/dataset
expect_match 'a/book.pdf: has too many pages: 10000' cat all/dataset
expect_match 'a/cut.pdf: is not a good PDF' cat all/dataset
expect_match '^pages: 12 files have several, of which 30 ' cat all/dataset
expect 'pages = all' grep '^pages = ' all/config
tested all | sed 's/#page=.*//' | sort | uniq -c >counts
awk '{ wanted = /pdf/ ? 3 : /tif/ ? 2 : 1; if ($1 != wanted) exit 1 }' counts ||
    fail "pages of a file are in both parts: $(cat counts)"

step "what is said of a page is what evaluate says of it"
mkdir -p held/a held/b
for file in $(tested all | sed 's/#page=.*//' | sort -u); do
    cp "data/$file" "held/$file"
done
evaluate() { "$BUILD/primo-train" evaluate "$@"; }
evaluate --pages all --out reports all held >figures || fail "it failed"
expect "images: $(tested all | wc -l)" head -n 1 figures
round='NR > 1 { $4 = sprintf("%.3f", $4); print $1, $2, $3, $4 }'
expect "$(awk -F, "$round" all/predictions.csv)" \
    awk -F, "$round" reports/predictions.csv
expect_match '#page=2$' tested all
evaluate all held >figures
expect "images: $(ls held/*/* | wc -l)" head -n 1 figures
expect_match 'pages such as 2, 1-5' \
    eval 'evaluate --pages 3-2 all held 2>&1 || true'

step "a page that a file has not is one that can't be read"
trains second pages=2-
expect $((6 * 2 + 6)) taken second
expect_match 'b/single.bmp: has fewer pages than are wanted: 1,' \
    cat second/dataset
grep -v '#page=[23]$' <(tested second) && fail "$(tested second)"
exit 0
