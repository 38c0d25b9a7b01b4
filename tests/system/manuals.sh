#!/bin/bash
# The manual pages are the same in both languages: each names the same files,
# keys, options and words, and the options are those that the programs have.
. "$(dirname "$0")/../lib.sh"
cd "$ROOT"

# names PAGE: what stands in bold or italics, a word a line. What stands for
# names is translated.
names()
{
    sed -En 's/^\.(B|I|BR|BI|IR|IB|RB|RI) //p' "$1" |
        sed 's/КАТАЛОГ_СОСТОЯНИЯ/STATE_DIR/g; s/ТОЧКА_МОНТИРОВАНИЯ/MOUNTPOINT/g
            s/ИМЯ/NAME/g; s/МАШИНА/MACHINE/g; s/ШАБЛОН/TEMPLATE/g
            s/ФАЙЛ/FILE/g; s/КЛАСС/CLASS/g' |
        sed -E 's/" (and|и|or|или) "/ /g; s/\\-/-/g; s/\\e/\\/g' |
        grep -oE '[A-Za-z0-9_./@#~=:<-]{2,}' | sed -E 's/[.,:]+$//' | sort -u
}

step "both languages name the same"
for page in dist/man/*.?; do
    name=$(basename "$page")
    [ "$(names "$page" | wc -l)" -gt 20 ] || fail "$name names nothing"
    diff <(names "$page") <(names "dist/man/ru/$name") ||
        fail "$name is not the same in Russian"
    diff <(grep -c '^\.SH' "$page") <(grep -c '^\.SH' "dist/man/ru/$name") ||
        fail "$name has other sections in Russian"
done
expect "$(cd dist/man && echo *.?)" sh -c 'cd dist/man/ru && echo *'

step "the Russian pages are Russian"
for page in dist/man/ru/*; do
    expect "$(grep -c '^\.SH' "$page")" grep -cP '^\.SH [А-Я. ]+$' "$page"
    ! grep -q 'Accepted:' "$page" || fail "$page has an English table"
done

step "the options are those of the programs"
options() # TEXT OF HELP: its long options
{
    grep -oE -- '--[a-z]+' <<<"$1" | sort -u
}
expect "$(options "$("$BUILD/primofs" --help)")" \
    options "$(tr -d '\\' <dist/man/primofs.1)"
for option in $("$BUILD/primofs" --help |
    sed -En 's/.*-o ([a-z_]+).*/\1/p' | sort -u); do
    [ "$option" = debug ] ||
        grep -- "-o.* $option" dist/man/primofs.1 >/dev/null ||
        fail "-o $option has no place in primofs.1"
done
manual=$(options "$(tr -d '\\' <dist/man/primo-train.1)")
for option in $(options "$("$BUILD/primo-train" --help)"); do
    grep -qx -- "$option" <<<"$manual" ||
        fail "$option has no place in primo-train.1"
done

step "they can be shown"
command -v groff >/dev/null || skip "no groff"
for page in dist/man/*.? dist/man/ru/*; do
    expect '' sh -c 'groff -K utf8 -T utf8 -man -ww -z "$1" 2>&1' - "$page"
done
