#!/bin/bash
# Charts and the pages around them are well-formed XML, whatever rows and
# names they show, so that every browser draws them; and their text is large
# enough to read.
. "$(dirname "$0")/../lib.sh"
command -v xmllint >/dev/null || skip "no xmllint (package libxml2-utils)"

"$BUILD/tests/unit/report/chart_test" "$SCRATCH"
[ "$(ls "$SCRATCH"/*.svg | wc -l)" -eq 7 ]
for file in "$SCRATCH"/*.svg "$SCRATCH"/*.html; do
    xmllint --noout --nonet "$file" || fail "$file is not well-formed"
done

# Every text of the drawing is at least 12 pixels high at 800 pixels width.
expect 800 xmllint --xpath 'string(/*/@width)' "$SCRATCH/rows-12.svg"
sizes=$(grep -oE 'font(-size)?: ?[0-9]+px' "$SCRATCH/rows-12.svg")
while IFS=: read -r _ size; do
    [ "${size%px}" -ge 12 ] || fail "a text of $size"
done <<<"$sizes"
