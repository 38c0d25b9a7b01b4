#!/bin/bash
# Files that are not cached can be mapped, as Ansible's wait_for does it, and a
# mapping shows the state of the moment in which it was made. A mapped `wait`
# holds nobody up.
# timeout: 200
. "$(dirname "$0")/../lib.sh"
command -v python3 >/dev/null || skip "no python3"
IFS=. read -r major minor _ < <(uname -r)
((major > 6 || (major == 6 && ${minor%%[!0-9]*} >= 6))) ||
    skip "Linux is older than 6.6"

mount_primofs
pictures "$SCRATCH/data" 4 1
cd "$MNT"
printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' 'base = scratch' \
    'epochs = 9000' >templates/long
mkdir processes/local
echo long >processes/local/template
cat >"$SCRATCH/map.py" <<'END'
import mmap, os, re, sys
def mapped(path):
    with open(path, "rb") as f:
        return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, "rb") as f:
            text = f.read()
        assert bytes(mapped(path)) == text, (path, text)
END

step "each kind of file, with what it has now"
! echo x=1 >templates/refused 2>/dev/null
for text in created stopped; do
    expect "$text" cat processes/local/status
    python3 "$SCRATCH/map.py" processes/local/{status,template,enabled,info,wait} \
        templates/long errors events overview template.example
    [ $text = stopped ] || {
        touch processes/local/start
        await running
        python3 "$SCRATCH/map.py" processes/local/{status,template}
        touch processes/local/stop
        await stopped
    }
done
echo no >processes/local/enabled
python3 "$SCRATCH/map.py" processes/local/enabled
echo yes >processes/local/enabled

step "it stays what it was until it is mapped again"
printf 'epochs = 1\n' >templates/x
python3 - "$SCRATCH" <<'END' || fail "python"
import sys
sys.path.insert(0, sys.argv[1])
from map import mapped
first = mapped("templates/x")
assert bytes(first) == b"epochs = 1\n"
with open("templates/x", "w") as f:
    f.write("epochs = 2222\n")
assert bytes(mapped("templates/x")) == b"epochs = 2222\n"
END

step "a wait that is mapped holds up nobody"
timeout 60 python3 - "$SCRATCH" <<'END' || fail "it waits"
import os, sys
sys.path.insert(0, sys.argv[1])
from map import mapped
maps = [mapped("processes/local/wait") for i in range(30)]
os.utime("processes/local/start")
children = [] # which get SIGBUS where nothing is behind the mapping any more
for m in maps:
    children.append(os.fork())
    if not children[-1]:
        bytes(m)
        os._exit(0)
for pid in children:
    os.waitpid(pid, 0)
for path in ("status", "log", "info", "monitor.svg"):
    assert open("processes/local/" + path).read() or path == "log"
END
expect_match 'starting|running' cat processes/local/status
expect_errno '' timeout 2 cat processes/local/wait
touch processes/local/stop
expect stopped cat processes/local/wait
