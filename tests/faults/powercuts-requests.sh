#!/bin/bash
# The power fails while pictures are copied to a service: whatever a disk may have
# then, each file is there of which fsync() has said so, with its bytes.
# timeout: 300
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../powercuts.sh"

cuts=${CUTS:-12} copies=40

step "files are written and synced, and all that reaches the disk is noted"
recorded_mount
put "$MNT/services/inbox" 'model = some/latest\n'
mkdir "$MNT/inference/inbox"
cat >"$SCRATCH/copy.py" <<'END'
"""copy.py FOLDER RECORD COUNT: notes how many files are durable."""
import fcntl
import os
import struct
import sys


def picture(number):
    return b"\xff\xd8\xff\xe0" + bytes((number * i) % 256 for i in range(9000))


if __name__ == "__main__":
    for number in range(1, int(sys.argv[3]) + 1):
        # some are written again, and some go on after they are synced
        name = f"{sys.argv[1]}/{number % 25}.jpg"
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        data = picture(number)
        if number % 3 == 0:
            os.write(file, data[:5000])
            os.fsync(file)
            data = data[5000:]
        os.write(file, data)
        os.fsync(file)
        with open(sys.argv[2], "ab") as record:
            fcntl.flock(record, fcntl.LOCK_EX)
            record.write(b"D" + struct.pack("<4Q", 0, 0, 0, number))
        if number % 2:
            os.close(file) # the others stay open
END
python3 "$SCRATCH/copy.py" "$MNT/inference/inbox/in" "$record" $copies
umount_primofs

# check DONE: the files of so many copies are there.
cat >"$SCRATCH/check.py" <<'END'
import os
import sys
from copy_ import picture

folder, done, copies = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
last = {number % 25: number for number in range(1, done + 1)}
for place, number in last.items():
    with open(f"{folder}/{place}.jpg", "rb") as file:
        got = file.read()
    # or a copy that was under way, as far as it had come
    whole = [picture(n) for n in range(number, copies + 1) if n % 25 == place]
    begun = [picture(n)[:5000] for n in range(done + 1, copies + 1)
             if n % 25 == place and n % 3 == 0]
    if got not in whole and not any(got.startswith(part) for part in begun):
        sys.exit(f"{place}.jpg, copy {number}: {len(got)} bytes differ")
END
ln -s copy.py "$SCRATCH/copy_.py"

holds()
{
    [ "$1" -eq 0 ] ||
        "$PYTHON" "$SCRATCH/check.py" "$MNT/inference/inbox/in" "$1" \
            $copies >"$SCRATCH/said" 2>&1 ||
        fail "$2: $(cat "$SCRATCH/said")"
}
powercuts "$cuts" files
