#!/bin/bash
# Programs that seek to the end of what they have written, before it is saved:
# that is where the next bytes go, though the file still has its saved size.
. "$(dirname "$0")/../lib.sh"

command -v python3 >/dev/null || skip "no python3"
mount_primofs
cd "$MNT"

step "a new text"
cat >"$SCRATCH/write.py" <<'END'
import os


def at_end(f, expected):
    at = f.seek(0, os.SEEK_END)
    assert at == expected, "the end is at %d, not at %d" % (at, expected)


with open("templates/new", "w") as f:
    f.write("epochs = 3\n")
    f.flush()
    at_end(f, 11)
    f.write("seed = 44\n")
with open("templates/new", "r+") as f:
    f.truncate(0)
    at_end(f, 0)
    f.write("epochs = 5\n")
    f.flush()
    at_end(f, 11)
    f.write("seed = 7\n")
END
python3 "$SCRATCH/write.py"
expect $'epochs = 5\nseed = 7' cat templates/new

step "others see what is saved, and the writer what it has staged"
cat >"$SCRATCH/two.py" <<'END'
import os

fd = os.open("templates/new", os.O_RDWR)
os.pwrite(fd, b"epochs = 15\nbatch_size = 8\n", 0)
for _ in range(3):
    assert os.stat("templates/new").st_size == 20
    assert open("templates/new").read() == "epochs = 5\nseed = 7\n"
    assert os.lseek(fd, 0, os.SEEK_END) == 27
os.write(fd, b"seed = 9\n")
os.close(fd)
fd = os.open("templates/new", os.O_RDWR | os.O_TRUNC)
assert os.lseek(fd, 0, os.SEEK_END) == 0
os.write(fd, b"seed = 1\n")
os.close(fd)
END
python3 "$SCRATCH/two.py"
expect 'seed = 1' cat templates/new

step "a base"
cat >"$SCRATCH/base.py" <<'END'
import os
import sys

whole = open(sys.argv[1], "rb").read()
with open("bases/copy.safetensors", "wb") as f:
    f.write(whole[:1000000])
    f.flush()
    assert f.seek(0, os.SEEK_END) == 1000000
    f.write(whole[1000000:])
END
python3 "$SCRATCH/base.py" "$ROOT/dist/base/base.safetensors"
cmp bases/copy.safetensors "$ROOT/dist/base/base.safetensors"
