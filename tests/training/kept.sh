#!/bin/bash
# What the kernel caches is true. Names, attributes and pages that it need not
# ask for make the mount fast, but it has to forget them as soon as they
# change.
# timeout: 180
. "$(dirname "$0")/../lib.sh"

mount_primofs
cd "$MNT"

step "attributes change with each save, whoever has looked before"
"$PYTHON" - <<'END' || fail "an attribute was old"
import os
import subprocess

PATH = "templates/kept"


def look():
    st = os.stat(PATH)
    with open(PATH, "rb") as f:
        assert len(f.read()) == st.st_size == os.fstat(f.fileno()).st_size, st
    return st.st_size


def save(text, flags=os.O_TRUNC):
    fd = os.open(PATH, os.O_WRONLY | os.O_CREAT | flags, 0o644)
    os.write(fd, text)
    os.close(fd)


for i in range(1, 300):
    text = b"# %s\n" % (b"x" * (i * 7 % 50))
    save(text)
    assert look() == len(text), i
    save(b"#\n", os.O_APPEND)
    assert look() == len(text) + 2, i
    listed = [e.stat().st_size for e in os.scandir("templates")]
    assert listed == [len(text) + 2], (i, listed)
os.truncate(PATH, 0)
assert look() == 0
save(b"# back\n")
os.close(os.open(PATH, os.O_WRONLY | os.O_TRUNC))
assert look() == 0
save(b"# back\n")
assert look() == 7

# A staged text is not seen; one that fsync has saved is, though the file is
# still open.
fd = os.open(PATH, os.O_WRONLY | os.O_APPEND)
assert look() == 7
os.write(fd, b"# more\n")
assert look() == 7
os.fsync(fd)
assert look() == 14
other = os.open(PATH, os.O_WRONLY | os.O_TRUNC)
os.write(other, b"# other\n")
assert look() == 14
os.close(other)
assert look() == 8
os.close(fd)
assert look() == 8

os.chmod(PATH, 0o600)
assert os.stat(PATH).st_mode & 0o777 == 0o600
os.utime(PATH, (1, 1))
assert os.stat(PATH).st_mtime == 1
before = os.stat(PATH).st_ino
os.rename(PATH, "templates/moved")
assert not os.path.exists(PATH)
save(b"# another\n")
assert os.stat(PATH).st_ino != before
assert os.stat("templates/moved").st_ino == before
os.replace("templates/moved", PATH)
assert look() == 8 and os.stat(PATH).st_ino == before
os.unlink(PATH)
assert not os.path.exists(PATH)

# A new file that was refused does not appear.
assert subprocess.run(["sh", "-c", "echo epochs = abc >templates/wrong"],
                      stderr=subprocess.DEVNULL).returncode
assert not os.path.exists("templates/wrong")
END

step "a process that was removed and made again is another one"
mkdir processes/local
before=$(stat -c %i processes/local)
expect created cat processes/local/status
rmdir processes/local
expect_errno 'No such file' stat processes/local
mkdir processes/local
[ "$(stat -c %i processes/local)" != "$before" ] ||
    fail "a new process has the number of an old one"
expect created cat processes/local/status

step "a generated file that was hidden comes back"
rm processes/local/status
expect_errno 'No such file' stat processes/local/status
rmdir processes/local
mkdir processes/local

step "a status is current whenever it is looked at"
pictures "$SCRATCH/data" 4 2
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$SCRATCH/data" \
    >templates/t
echo t >processes/local/template
expect t cat processes/local/template
"$PYTHON" - <<'END' || fail "a size was old"
import os

os.chdir("processes/local")
before = os.stat("status").st_size
assert before == len("created\n"), before
fd = os.open("status", os.O_RDONLY)
os.utime("start")
assert os.stat("status").st_size in (len("starting\n"), len("running\n"))
# This open has seen only the state with which it was opened.
assert os.fstat(fd).st_size == before
assert os.pread(fd, 99, 0) == b"created\n"
# When it is read again it takes the new state, and fstat agrees.
again = os.pread(fd, 99, 0)
assert again in (b"starting\n", b"running\n"), again
assert os.fstat(fd).st_size == len(again)
END
expect succeeded cat processes/local/wait
expect 10 stat -c %s processes/local/status

step "the pages of a model stay cached for the next reader"
body=models/t/latest/model.onnx
"$PYTHON" - "$body" <<'END' || fail "a model is not kept"
import ctypes
import mmap
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
PAGE = mmap.PAGESIZE


def mapped(path):
    """A shared mapping of the whole, which has touched nothing."""
    fd = os.open(path, os.O_RDONLY)
    size = os.fstat(fd).st_size
    libc.mmap.restype = ctypes.c_void_p
    at = libc.mmap(None, ctypes.c_size_t(size), 1, 1, fd, ctypes.c_long(0))
    assert at != ctypes.c_void_p(-1).value, ctypes.get_errno()
    os.close(fd)
    return at, size


def resident(path):
    at, size = mapped(path)
    pages = (size + PAGE - 1) // PAGE
    room = (ctypes.c_ubyte * pages)()
    assert libc.mincore(ctypes.c_void_p(at), ctypes.c_size_t(size), room) == 0
    libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size))
    return sum(x & 1 for x in room), pages


with open(sys.argv[1], "rb") as f:
    data = f.read()
for _ in range(3):
    there, pages = resident(sys.argv[1])
    assert there == pages, (there, pages)
at, size = mapped(sys.argv[1])
assert size == len(data) and ctypes.string_at(at, size) == data
END

step "a removed version is gone, with all that was cached of it"
rm -r models/t/1
expect_errno 'No such file' stat models/t/1
expect_errno 'No such file' cat models/t/1/info
expect_errno 'No such file' cat processes/local/model/info
cd /
umount_primofs
