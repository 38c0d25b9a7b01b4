#!/bin/bash
# Names and texts that other users have chosen cannot control a reader's
# terminal: the files that people read have no control, format or bidirectional
# characters, and no line that such a name begins.
# timeout: 120
. "$(dirname "$0")/../lib.sh"
pictures "$SCRATCH/good" 3 2
mount_primofs
cd "$MNT"

esc=$'\e]0;title\a' csi=$'\u009b31m' bidi=$'\u202e' line=$'\u2028' del=$'\x7f'
hostile=$esc$csi$bidi$line$del$'\u0085\u200b'

# clean FILE…: each has to be valid UTF-8 of printable characters and newlines.
clean()
{
    local file
    for file; do
        iconv -f UTF-8 -t UTF-8 "$file" >/dev/null || fail "$file is not UTF-8"
        ! grep -nP '[\x{1}-\x{9}\x{b}-\x{1f}\x{7f}-\x{9f}\p{Cf}\p{Zl}\p{Zp}]' \
            "$file" | cat -v | sed -n 1,3p | grep . ||
            fail "$file has characters that a terminal obeys"
    done
}

step "a refused name is shown in errors without its control characters"
for name in "$esc" "$csi" "$bidi" "$line" "$del" $'\u0085' $'a\nroot x: well'; do
    expect_errno 'Invalid|denied|not permitted' mkfifo "a$name"
done
expect_errno 'Invalid' put templates/x "epochs = $hostile\n"
last_error 'epochs'
expect_errno 'Invalid' put templates/x "a$hostile\n"
clean errors
! grep -n '^root x' errors || fail "a name has made a line of its own"

step "a dataset and a template full of them are shown without, too"
data=$SCRATCH/good/train
mapfile -t classes < <(ls "$data" | sed -n 1,3p)
mkdir "$SCRATCH/bad"
cp -r "$data/${classes[0]}" "$SCRATCH/bad/plain"
cp -r "$data/${classes[1]}" "$SCRATCH/bad/class$csi$bidi$line"
cp -r "$data/${classes[2]}" "$SCRATCH/bad/$bidi"
echo broken >"$SCRATCH/bad/plain/broken$hostile.png"
echo broken >"$SCRATCH/bad/plain/"$'byte\xff\nclasses: 99.png'
cp "$SCRATCH/bad/plain/0001.jpg" "$SCRATCH/bad/plain/copy$hostile.jpg"
printf 'dataset = %s\nepochs = 1\nimage_size = 32\ndescription = a%s\n' \
    "$SCRATCH/bad" "$esc$csi$bidi$del" >templates/t
mkdir processes/local
echo t >processes/local/template
touch processes/local/start
expect succeeded timeout 90 cat processes/local/wait
(
    cd processes/local
    clean log info dataset config progress metrics.csv monitor.svg monitor.html
)
(
    cd models/t/1
    clean config dataset info labels.txt log monitor.svg
    expect 3 sh -c 'wc -l <labels.txt'
    ! grep -n '^classes: 99' dataset || fail "a name has made a line"
)
clean events overview errors

step "nor do the tables of the model show them"
echo 'description = b' | cat <(grep -v description templates/t) - >"$SCRATCH/t"
cp "$SCRATCH/t" templates/t
touch processes/local/start
expect succeeded timeout 90 cat processes/local/wait
expect_match 'description: a.*-> b' cat models/t/versions.csv
clean models/t/versions.csv models/t/2/predictions.csv models/t/2/classes.csv
