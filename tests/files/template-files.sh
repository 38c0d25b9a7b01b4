#!/bin/bash
# Template files. Whatever tool writes them, a text is taken as a whole or
# refused with a reason, and readers never see a mixture. Users must not lose
# a template to a tool, nor believe that a refused one was saved.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
mount_primofs
cd "$MNT/templates"

invalid='Invalid argument'

step "a text is kept byte for byte"
keep()
{
    printf '%b' "$1" >"$SCRATCH/text"
    cat "$SCRATCH/text" >kept
    cmp "$SCRATCH/text" kept
    expect "$(wc -c <"$SCRATCH/text")" stat -c %s kept
}
keep ''
keep 'epochs = 5\n'
keep 'epochs = 5'
keep 'epochs=5'
keep '\t epochs \t=\t 5 \t\n\n\n'
keep '\xef\xbb\xbfepochs = 5\r\nseed = 2\r\n'
keep '# a comment\n  # another\ndescription = a # b = "c" '"'d'"'\n'
keep 'description = Счета за 2026 год\n'
keep 'dataset =\nepochs =\n'
keep 'dataset = /a/path with spaces/ü\n'
keep 'base = models/invoices/latest\naugment = none\nextensions = png jpg\n'
keep 'learning_rate = 1e-3\nimage_size = auto\nseed = 4294967295\n'

step "a bad line is refused by the write that brings it, with a reason"
refuse_text() # REASON TEXT
{
    refused "$invalid" "templates/refused:[1-9].*$1" put refused "$2"
    [ ! -e refused ] || fail "a refused file was created from '$2'"
    refused "$invalid" "$1" put kept "$2"
    expect 'epochs = 7' cat kept
}
put kept 'epochs = 7\n'
refuse_text "epoch.*'epochs'" 'epoch = 5\n'
refuse_text "batch_size" 'batchsize = 5\n'
refuse_text "epochs must be an integer from 1 to 10000.*'abc'" 'epochs = abc\n'
refuse_text "from 1 to 10000.*'0'" 'epochs = 0\n'
refuse_text "from 1 to 10000.*'10001'" 'epochs = 10001\n'
refuse_text "'5.5'" 'epochs = 5.5\n'
refuse_text "'-1'" 'epochs = -1\n'
refuse_text "rotation, exposure and noise.*'blur'" 'augment = blur\n'
refuse_text "'rotation\+rotation'" 'augment = rotation+rotation\n'
refuse_text "'nan'" 'learning_rate = nan\n'
refuse_text "'0,05'" 'learning_rate = 0,05\n'
refuse_text "absolute.*'pictures'" 'dataset = pictures\n'
refuse_text "auto, f32 or bf16.*'f16'" 'precision = f16\n'
refuse_text "'exe'" 'extensions = exe\n'
refuse_text "a name.*'a b'" 'type = a b\n'
refuse_text 'twice' 'epochs = 5\nseed = 1\nepochs = 6\n'
refuse_text 'key = value' 'hello\n'
refuse_text 'key = value' 'epochs\n'
refuse_text 'NUL' 'description = a\x00b\n'
refuse_text 'UTF-8' 'description = \xff\xfe\n'
refuse_text 'UTF-8' 'description = \xc0\xaf\n'

step "the reason names the place and has a caret under the fault"
expect_errno "$invalid" put kept 'seed = 1\n  epochs = abc\n'
entry=$(tail -n 6 ../errors)
for regex in ' templates/kept:2:12: ' '^ *epochs = abc$' '^ +\^$' \
    'an integer from 1 to 10000'; do
    grep -Eq "$regex" <<<"$entry" || fail "no '$regex' in: $entry"
done

step "so echo fails, and so does write() itself"
expect_errno "$invalid" bash -c "echo 'epochs = abc' > kept"
cat >"$SCRATCH/write.pl" <<'END'
use Fcntl;
sysopen(F, $ARGV[0], O_WRONLY | O_CREAT | O_TRUNC) or die "open: $!\n";
print defined syswrite(F, "seed = 2\nepochs = ab") ? "staged" : "$!", "\n";
print defined syswrite(F, "c\n") ? "staged" : "$!", "\n";
print close(F) ? "closed" : "$!", "\n";
END
printf 'staged\nInvalid argument\n' >"$SCRATCH/wanted"
perl "$SCRATCH/write.pl" kept | sed -n 1,2p | cmp - "$SCRATCH/wanted"
expect 'epochs = 7' cat kept

step "after a refusal, a handle saves nothing until it is emptied"
cat >"$SCRATCH/again.pl" <<'END'
use Fcntl;
sysopen(F, $ARGV[0], O_WRONLY | O_CREAT | O_TRUNC) or die "open: $!\n";
defined syswrite(F, "nonsense\n") and die "took nonsense\n";
syswrite(F, "seed = 2\n");
if ($ARGV[1]) {
    truncate(F, 0) or die "truncate: $!\n";
    sysseek(F, 0, 0);
    defined syswrite(F, "seed = 3\n") or die "write: $!\n";
}
close(F);
END
perl "$SCRATCH/again.pl" kept 0
expect 'epochs = 7' cat kept
perl "$SCRATCH/again.pl" kept 1
expect 'seed = 3' cat kept
perl "$SCRATCH/again.pl" fresh 0
[ ! -e fresh ]

step "what only the end of a text can show is refused by close"
put kept 'epochs = 7\nseed = 1\n'
expect_errno "$invalid" perl -e 'use Fcntl; sysopen(F, "kept", O_WRONLY);
    sysseek(F, 9, 0); syswrite(F, "x") or die "write: $!\n";
    close(F) or die "$!\n"'
expect "$(printf 'epochs = 7\nseed = 1')" cat kept
perl -e 'use Fcntl; sysopen(F, "kept", O_WRONLY);
    sysseek(F, 9, 0); syswrite(F, "8") or die "write: $!\n";
    close(F) or die "$!\n"'
expect "$(printf 'epochs = 8\nseed = 1')" cat kept
printf 'epochs = abc' >"$SCRATCH/text" # no newline: the line may go on
expect_errno "$invalid" cp "$SCRATCH/text" last
[ ! -e last ]
expect_errno "$invalid" cp "$SCRATCH/text" kept
expect "$(printf 'epochs = 8\nseed = 1')" cat kept

step "a writer stages its own text; readers see the saved one"
# This takes one process, as a shell's redirections close, and so save, too
# early.
cat >"$SCRATCH/stage.pl" <<'END'
use Fcntl;
use IO::Handle;
sub writer
{
    sysopen(my $f, "kept", O_WRONLY | O_TRUNC) or die "open: $!\n";
    return $f;
}
sub content
{
    open(my $f, "<", "kept") or die "open: $!\n";
    sysread($f, my $text, 100);
    return $text;
}
sub expect
{
    my ($wanted, $when) = @_;
    my $got = content();
    $got eq $wanted or die "$when: '$got', expected '$wanted'\n";
    -s "kept" == length $wanted or die "$when: size is ", -s "kept", "\n";
}
my $one = writer();
expect("epochs = 7\n", "emptied");
syswrite($one, "epochs = 8\n");
expect("epochs = 7\n", "staged");
my $two = writer();
syswrite($two, "epochs = 99\n");
open(my $reader, "<", "kept") or die;
sysread($reader, my $start, 4);
close($one) or die "close: $!\n";
expect("epochs = 8\n", "the first saved");
sysread($reader, my $text, 100);
"$start$text" eq "epochs = 7\n" or die "a reader got '$start$text'\n";
$two->sync or die "fsync: $!\n";
expect("epochs = 99\n", "the second synced");
syswrite($two, "seed = 1\n");
expect("epochs = 99\n", "staged behind a sync");
close($two) or die "close: $!\n";
expect("epochs = 99\nseed = 1\n", "the last save wins");
my $three = writer();
close($three) or die "close: $!\n";
# The kernel reports the last close a moment later.
select(undef, undef, undef, 0.01) for grep { -s "kept" } 1 .. 200;
expect("", "emptied and closed");
END
put kept 'epochs = 7\n'
perl "$SCRATCH/stage.pl"
put kept 'epochs = 11\n'
expect_errno "$invalid" dd if=/dev/zero of=kept bs=10 count=1 conv=fsync
expect 'epochs = 11' cat kept

step "a file may be emptied and appended to"
: >kept
eventually 2 [ ! -s kept ]
expect '' cat kept
echo 'epochs = 5' >>kept
echo 'seed = 5' >>kept
expect "$(printf 'epochs = 5\nseed = 5')" cat kept
refused "$invalid" twice bash -c 'echo "epochs = 6" >>kept'
expect "$(printf 'epochs = 5\nseed = 5')" cat kept
truncate -s 11 kept
expect 'epochs = 5' cat kept
expect_errno "$invalid" truncate -s 100 kept # would be NULs
expect 'epochs = 5' cat kept

step "a text may be written byte by byte"
echo 'epochs = 12' | dd of=kept bs=1 status=none
expect 'epochs = 12' cat kept

step "a text of more than 64 KiB is refused"
comments() { perl -e 'print substr("# comment\n" x 200000, 0, shift)' "$1"; }
comments 65536 >"$SCRATCH/long"
cp "$SCRATCH/long" long
cmp "$SCRATCH/long" long
echo >>"$SCRATCH/long"
expect_errno 'File too large' cp "$SCRATCH/long" longer
[ ! -e longer ]
comments 1000000 >"$SCRATCH/long"
refused 'File too large' '64 KiB' cp "$SCRATCH/long" kept
expect 'epochs = 12' cat kept
rm long

step "good names are accepted, and bad ones refused with a reason"
for name in Счета-2026 a.b_c-1 é 'é' 日本語 $(printf '%0255d' 1); do
    put "$name" 'epochs = 1\n'
    expect 'epochs = 1' cat "$name"
    rm "$name"
done
for name in 'a b' 'a:b' 'a+b' 'a*' $'a\nb' $'a\xffb' '😀' 'a,b' '$a'; do
    expect_errno "$invalid" touch "$name"
    [ ! -e "$name" ] || fail "made '$name'"
done
refused "$invalid" "letters.*'a b'" touch 'a b'
expect_errno 'File name too long' touch "$(printf '%0256d' 1)"
! grep -q '[^[:print:]]' ../errors || fail "errors has bytes of bad names"
LC_ALL=C put 'Счет' ''
LC_ALL=C expect_match . ls
rm 'Счет'

step "tools that copy, move and edit work"
put a 'epochs = 4\n'
cp a b
cmp a b
# mv explains EINVAL as moving a folder into itself.
rename() { perl -e 'rename $ARGV[0], $ARGV[1] or die "$!\n"' "$@"; }
expect_errno "$invalid" rename a 'b c'
mv b c
[ ! -e b ]
expect 'epochs = 4' cat c
put b 'epochs = 5\n'
mv b c
expect 'epochs = 5' cat c
sed -i 's/5/6/' c
expect 'epochs = 6' cat c
expect_errno "$invalid" sed -i 's/6/six/' c
expect 'epochs = 6' cat c
perl -i -pe 's/6/7/' c
expect 'epochs = 7' cat c
mkdir "$SCRATCH/many"
for i in 1 2 3; do echo "epochs = $i" >"$SCRATCH/many/t$i"; done
touch -d 2024-05-06T07:08:09 "$SCRATCH/many/t1"
tar c -C "$SCRATCH/many" . | tar x --no-overwrite-dir
expect 'epochs = 3' cat t3
expect 2024-05-06 date -r t1 +%F
rm t1 t2 t3
rsync -a "$SCRATCH/many/" ./
expect 'epochs = 3' cat t3
expect 2024-05-06 date -r t1 +%F
expect '' rsync -ai --omit-dir-times "$SCRATCH/many/" ./
echo 'epochs = 33' >"$SCRATCH/many/t3"
rsync -a --inplace "$SCRATCH/many/" ./
expect 'epochs = 33' cat t3
cp -p "$SCRATCH/many/t1" ./
expect 2024-05-06 date -r t1 +%F
install -m 600 "$SCRATCH/many/t2" installed
expect 600 stat -c %a installed
vi -es -u NONE -c '%s/33/44/' -c wq t3 </dev/null >/dev/null
expect 'epochs = 44' cat t3
vi -es -u NONE -c 'set backup backupcopy=no' -c '%s/44/55/' -c wq t3 \
    </dev/null >/dev/null
expect 'epochs = 55' cat t3
busybox sed -i 's/55/66/' t3
expect 'epochs = 66' cat t3
busybox cp t3 t4
cmp t3 t4

step "editors may make their scratch files"
put .a.swp 'any \x00 bytes'
put a~ 'other bytes'
put '#a#' 'more'
refused "$invalid" 'templates/a:1:' rename .a.swp a
expect 'epochs = 4' cat a
[ -e .a.swp ]
put .new 'epochs = 44\n'
mv .new a
expect 'epochs = 44' cat a
expect_errno 'No space' dd if=/dev/zero of=.big bs=1M count=1000
rm -f .big
refused 'not permitted' 'only.* processes/.*inference/' mkdir sub
truncate -s 1M .big
expect_errno 'No space' truncate -s 2M .big
expect 1048576 stat -c %s .big
rm .big
expect_errno 'too large' truncate -s 2M a
mv t4 t4~
echo 'what t4 may not be' >"$SCRATCH/wrong"
refused "$invalid" 'templates/t4~:1:1: ' cp "$SCRATCH/wrong" t4~
mv t1 t1~
put t1 'epochs = 111\n'

step "modes and times are stored"
chmod 640 a
expect 640 stat -c %a a
touch -d 2020-01-02T03:04:05.678901234 a
expect '2020-01-02 03:04:05.678901234 +0000' stat -c %y a
chown "$(id -u)" a

step "templates are there after the next mount, and scratch files are not"
cd /
before=$(stat -c %i "$MNT/templates/a")
umount_primofs
mount_primofs
cd "$MNT/templates"
expect 'epochs = 44' cat a
expect 640 stat -c %a a
expect '2020-01-02 03:04:05.678901234 +0000' stat -c %y a
expect "$before" stat -c %i a
expect '' sh -c 'ls -A | grep -E "^[.#]|~$" || :'
expect 'epochs = 66' cat t4 # its own name was free
expect 'epochs = 111' cat t1

step "templates can be removed"
rm a
[ ! -e a ]
expect_errno 'No such file' cat a
exec 3<c
rm c
read -r text <&3 # goes on reading what was there
expect 'epochs = 7' echo "$text"
exec 3<&-
rm -f -- *
expect '' ls

step "many writers at once leave one whole text"
for i in 1 2 3 4; do
    for _ in $(seq 50); do
        printf 'epochs = %d\nseed = %d\n' $i $i >shared
    done &
done
for _ in $(seq 100); do
    text=$(cat shared 2>/dev/null || true)
    [[ -z $text || $text =~ ^epochs\ =\ ([1-4])$'\n'seed\ =\ ([1-4])$ &&
        ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]] ||
        fail "a mixture: $text"
done
wait

step "an emptied file is empty as soon as the command has ended"
for i in $(seq 50); do
    echo 'epochs = 4' >emptied
    : >emptied
    [ ! -s emptied ] || fail "not empty the ${i}th time"
    echo 'seed = 2' >>emptied
    expect 'seed = 2' cat emptied
    truncate -s 0 emptied
    expect 0 stat -c %s emptied
done

step "a copy of a read-only file can be written"
cp "$MNT/template.example" example
expect_match '^-rw' ls -l example
chmod 444 example
expect 444 stat -c %a example

step "the last entry of errors is the reason, even if a tool tries again"
expect_errno "$invalid" cp "$MNT/machines/local" copied
expect_match "copied:[0-9]+:[0-9]+: .*unknown key" tail -n 4 "$MNT/errors"

step "time stamps are those of the data"
touch "$SCRATCH/mark"
sleep 0.02
put timed 'epochs = 3\n'
[ "$MNT/templates" -nt "$SCRATCH/mark" ] || fail "templates/ is old"
[ "$MNT/events" -nt "$SCRATCH/mark" ] || fail "events is old"
[ ! "$MNT/models" -nt "$SCRATCH/mark" ] || fail "models/ is new"
touch "$SCRATCH/mark"
sleep 0.02
rm timed
[ "$MNT/templates" -nt "$SCRATCH/mark" ] || fail "templates/ is old"
mkdir "$MNT/processes/local"
[ "$MNT/overview" -nt "$SCRATCH/mark" ] || fail "overview is old"
rmdir "$MNT/processes/local"

step "directories keep their time stamps over mounts"
times() { stat -c '%n %y' "$MNT" "$MNT"/{templates,machines,models,types}; }
times >"$SCRATCH/times"
cd /
umount_primofs
mount_primofs
diff "$SCRATCH/times" <(times)
kill -9 $(daemon_pids)
eventually 5 no_daemon
mount_primofs
diff "$SCRATCH/times" <(times)
