#!/bin/bash
# A queue: templates that are trained one after another on a machine, as those
# who have written the lines, through stops, refusals and mounts; edited at any
# time.
# timeout: 400
. "$(dirname "$0")/../lib.sh"

mount_primofs
pictures "$SCRATCH/data" 4 1
cd "$MNT"
template() # NAME LINE…
{
    printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' \
        'base = scratch' "${@:2}" >"templates/$1"
}
template a 'epochs = 1'
template b 'epochs = 2'
template long 'epochs = 9000'
mkdir processes/local
queue=processes/local/queue
is_there() { [ -e "models/$1" ]; }
is_empty() { [ ! -s $queue ]; }
runs() { grep -qx "template: $1" processes/local/info && status_is running; }

step "what is no template is refused, and changes nothing"
nobody() { echo nobody >>$queue; }
refused 'Invalid argument' "no template 'nobody'" nobody
words() { echo 'a b' >$queue; }
refused 'Invalid argument' 'only the path of its dataset' words
[ ! -s $queue ] || fail "the queue has $(cat $queue)"

step "lines are trained in order, each to a version or to its reason"
echo no >processes/local/enabled
printf '# tonight\n\na\nb\n' >$queue
template gone "epochs = 1"
echo gone >>$queue
rm templates/gone
echo a >>$queue
sleep 2
expect created cat processes/local/status
expect $'# tonight\n\na\nb\ngone\na' cat $queue
echo yes >processes/local/enabled
eventually 120 is_there a/2 || fail "$(cat $queue events)"
is_there b/1 || fail "b was left out"
grep -q 'processes/local not started from the queue: gone: there is no template' \
    events || fail "$(tail -n 3 events)"
expect $'# tonight' cat $queue
await succeeded

step "the text is used as it is at the start; a stop lets the next begin"
echo long >$queue
eventually 30 runs long || fail "$(cat processes/local/info)"
printf 'a\nlong\n' >>$queue
template a 'epochs = 3'
touch processes/local/stop
eventually 60 is_there a/3 || fail "$(cat $queue events)"
grep -q '^epochs = 3' models/a/3/template
eventually 30 runs long || fail "$(cat $queue events)"
is_empty || fail "left: $(cat $queue)"

step "it is kept over mounts, and goes on"
printf 'b\na\n' >$queue
cd /
umount_primofs
mount_primofs
cd "$MNT"
expect $'b\na' cat $queue
touch processes/local/stop
eventually 120 is_there a/4 || fail "$(cat $queue events)"
is_there b/2 || fail "$(cat events)"

step "many append at once, and no line is lost"
echo no >processes/local/enabled
for i in {1..8}; do
    (for j in {1..5}; do echo a >>$queue; done) &
done
wait $(jobs -p)
expect 40 grep -c a $queue
: >$queue
expect '' cat $queue
is_empty || fail "$(stat $queue)"

step "what means nothing has its place, too"
seq -f '# %g' 990 >$queue
comments() { seq -f '# %g' 20 >>$queue; }
refused 'too large' 'at most 1000 lines' comments
long() { head -c 30000 /dev/zero | tr '\0' '#' >>$queue; }
: >$queue
long
long
long || true
refused 'too large' 'at most 64 KiB' long
[ "$(stat -c %s $queue)" -lt 100000 ] || fail "$(stat $queue)"
: >$queue

step "a process that is removed takes its queue along"
echo a >$queue
rm -r processes/local
mkdir processes/local
expect '' cat processes/local/queue
