#!/bin/bash
# Where the disk is full, the first write of a request waits for room, until
# there is some, its writer gives up, or half a minute is over. Nothing else
# waits.
# timeout: 300
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
control=$SCRATCH/faults
: >"$control"
full() { echo 'write /spool/ 28' >"$control.new" && mv "$control.new" "$control"; }
well() { : >"$control.new" && mv "$control.new" "$control"; }
FAULTS=$control LD_PRELOAD=$BUILD/tests/faults/preload/faults.so \
    inbox_start 1 3
cp "${files[0]}" "$inbox/in/first.jpg"
expect null jq -r .error <(answer first.jpg)

step "it waits, and all else goes on"
full
cp "${files[1]}" "$inbox/in/waits.jpg" &
first=$!
cat "${files[2]}" >>"$inbox/in/appends.jpg" &
second=$!
begun() { [ -e "$inbox/in/waits.jpg" ] && [ -e "$inbox/in/appends.jpg" ]; }
eventually 10 begun
timeout 20 bash -c "set -e
    ls -l '$inbox/in' '$inbox/out' >/dev/null
    cat '$inbox/status' '$inbox/out/first.jpg.json' >/dev/null
    mv '$inbox/in/first.jpg' '$inbox/in/second.jpg'
    echo '# a remark' >>'$MNT/services/inbox'" || fail "something waits"
expect null jq -r .error <(answer second.jpg)
kill -0 $first $second || fail "it did not wait"

step "and is done when there is room"
well
wait $first
wait $second
expect null jq -r .error <(answer waits.jpg)
expect null jq -r .error <(answer appends.jpg)
cmp "${files[1]}" "$inbox/in/waits.jpg"
cmp "${files[2]}" "$inbox/in/appends.jpg"

step "its writer may give up"
full
cp "${files[1]}" "$inbox/in/gives-up.jpg" &
writer=$!
begun() { [ -e "$inbox/in/gives-up.jpg" ]; }
eventually 10 begun
kill $writer
status=0
wait $writer || status=$?
expect 143 echo $status

step "a file that has begun does not wait"
well
"$PYTHON" - "$inbox/in/begun.jpg" "${files[3]}" "$control" <<'END'
import errno, os, sys
path, picture, control = sys.argv[1:]
data = open(picture, "rb").read()
out = os.open(path, os.O_WRONLY | os.O_CREAT)
os.write(out, data[:200])
open(control, "w").write("write /spool/ 28\n")
try:
    os.write(out, data[200:])
    sys.exit("it was written")
except OSError as error:
    assert error.errno == errno.ENOSPC, error
open(control, "w").close()
os.write(out, data[200:])
os.close(out)
END
cmp "${files[3]}" "$inbox/in/begun.jpg"
expect null jq -r .error <(answer begun.jpg)

step "after half a minute it is refused"
full
refused 'No space left on device' 'refused.jpg: the file cannot be written' \
    cp "${files[1]}" "$inbox/in/refused.jpg"
well

step "so does the making of a file, while too many are not saved yet"
parts() { find "$inbox/in" -name '*.part'; }
touch "$MNT/templates/.one.swp" "$MNT/templates/.two.swp"
"$PYTHON" - "$inbox/in" <<'END'
import os, signal, sys
# As many as there may be: the next one would wait, and is given up.
class Waits(Exception):
    pass
def tick(*_):
    raise Waits
signal.signal(signal.SIGALRM, tick)
try:
    for i in range(5000):
        signal.setitimer(signal.ITIMER_REAL, 2)
        os.close(os.open("%s/%d.part" % (sys.argv[1], i),
                         os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    sys.exit("there is no bound")
except Waits:
    pass
finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
END
[ "$(parts | wc -l)" -ge 100 ] || fail "$(parts | wc -l) files fill it"
cp "${files[2]}" "$inbox/in/made.jpg" &
writer=$!
timeout 20 cat "$inbox/status" >/dev/null
sleep 1
kill -0 $writer || fail "it did not wait"
rm "$MNT/templates/.one.swp"
wait $writer
expect null jq -r .error <(answer made.jpg)
touch "$MNT/templates/.one.swp"
refused 'No space left on device' 'scratch files and files that are not saved yet' \
    touch "$inbox/in/beyond.part"
rm -f "$inbox/in/"*.part "$MNT/templates/".*.swp

step "an unmount ends what waits"
full
cp "${files[1]}" "$inbox/in/ends.jpg" 2>/dev/null &
writer=$!
begun() { [ -e "$inbox/in/ends.jpg" ]; }
eventually 10 begun
for pid in $(daemon_pids); do kill "$pid"; done
status=0
wait $writer || status=$?
[ $status != 0 ] || fail "it was written"
eventually 20 no_daemon
