#!/bin/bash
# timeout: 400
# The documentation is right: its tables are those of the code, its links lead
# somewhere, and its shell blocks run and do what the page says.
#
# The blocks fenced as `sh` of a page (README.md and each one below docs/) are
# run in their order as one session of a shell, which has a HOME, a state and a
# mount of its own, and a dataset of real pictures below /data. In a block,
#   COMMAND   # prints: TEXT      COMMAND has to print just this (one line, in
#                                 which `…` stands for anything)
#   COMMAND   # fails: TEXT       COMMAND has to fail and say this
# All other commands have to succeed. Blocks fenced otherwise (console, text)
# are for readers and not run.
. "$(dirname "$0")/../lib.sh"
cd "$ROOT"

step "the tables are those of the code"
pages=(docs/*.md docs/*/*.md)
docs/reference/fill --check "$BUILD/docs/reference/reference" "${pages[@]}" \
    dist/man/*.? dist/man/*/*.?

step "links lead somewhere"
for file in README.md "${pages[@]}"; do
    for link in $(sed -nE 's/.*\]\(([^)#]+).*/\1/p' "$file"); do
        case $link in
        http*) continue ;;
        esac
        [ -e "$(dirname "$file")/$link" ] || fail "$file: no $link"
    done
done

# The sh blocks of a page as a script; all other lines become empty, so that
# line numbers are those of the page.
blocks()
{
    awk '/^```/ { inside = !inside && /^```sh$/; print ""; next }
        { print inside ? $0 : "" }' "$1"
}

# That script, with its annotations turned into checks.
session()
{
    blocks "$1" | sed "s,/data/,$SCRATCH/data/,g" | awk '
        function quoted(text) {
            gsub(/\047/, "\047\\\\\047\047", text)
            return "\047" text "\047"
        }
        match($0, / +# (prints|fails): /) {
            what = substr($0, RSTART, RLENGTH)
            gsub(/[ #:]/, "", what)
            print "doc_" what, quoted(substr($0, RSTART + RLENGTH)), \
                quoted(substr($0, 1, RSTART - 1))
            next
        }
        { print }'
}

doc_prints()
{
    local output
    output=$(eval "$2" 2>&1) || fail "'$2' failed: $output"
    # shellcheck disable=SC2053
    [[ $output == ${1//…/*} ]] ||
        fail "'$2' printed '$output', expected '$1'"
}

doc_fails()
{
    local output
    ! output=$(eval "$2" 2>&1) || fail "'$2' succeeded"
    [[ $output == *"$1"* ]] || fail "'$2' said '$output', expected '$1'"
}

# hurry: what keeps the trainings of a page short that shows the defaults.
hurry()
{
    "$BUILD/primofs" "$HOME/primo-state" "$HOME/primo"
    printf '%s\n' 'goal = classification' 'iterations = 60' 'image_size = 32' \
        'learning_rate = 0.05' >"$HOME/primo/types/classifier"
    umount_primofs "$HOME/primo"
}

mkdir "$SCRATCH/data"
pictures "$SCRATCH/data/invoices" 12 4
export PATH=$BUILD:$PATH
for file in README.md "${pages[@]}"; do
    blocks "$file" | grep . >/dev/null || continue
    step "$file"
    export HOME=$SCRATCH/home-$(basename "$file" .md)
    mkdir -p "$HOME/primo"
    [[ $file != *guide.md ]] || hurry
    session "$file" >"$SCRATCH/$(basename "$file" .md).sh"
    (
        MNT=$HOME/primo
        cd "$HOME"
        # shellcheck disable=SC1090
        . "$SCRATCH/$(basename "$file" .md).sh"
    )
    for mount in "$HOME"/*; do
        ! is_mounted "$mount" || umount_primofs "$mount"
    done
done
