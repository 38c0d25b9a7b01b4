#!/bin/bash
# What is written into in/ is seen by others at once, also while its writer goes
# on. What fsync() has said is durable is there after the daemon was killed, and
# as its writer is gone, it is a request.
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
inbox_start 3 7
size=$(stat -c %s "${files[0]}")

step "a file grows while it is written"
exec 7>"$inbox/in/grows.jpg"
head -c 100 "${files[0]}" >&7
expect 100 stat -c %s "$inbox/in/grows.jpg"
tail -c +101 "${files[0]}" >&7
expect "$size" stat -c %s "$inbox/in/grows.jpg"
[ ! -e "$inbox/out/grows.jpg.json" ] || fail 'answered before it is closed'
exec 7>&-
expect "$size" stat -c %s "$inbox/in/grows.jpg"
expect null jq .error <(answer grows.jpg)
cmp "${files[0]}" "$inbox/in/grows.jpg"
cp -p "${files[0]}" "$inbox/in/times.jpg"
expect "$(stat -c %Y "${files[0]}")" stat -c %Y "$inbox/in/times.jpg"

step "fsync of an open file, and then the daemon is killed"
cat >"$SCRATCH/write.py" <<'END'
import os, sys, time
folder, picture = sys.argv[1:]
data = open(picture, "rb").read()
for name, more in ("new.jpg", b""), ("old.jpg", b""), ("on.jpg", data[200:]):
    file = os.open(folder + "/in/" + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(file, data if not more else data[:200])
    os.fsync(file)
    if more: # a file that goes on is one file
        os.write(file, more)
        os.fsync(file)
print("durable", flush=True)
time.sleep(600)
END
cp "${files[1]}" "$inbox/in/old.jpg"
answer old.jpg >"$SCRATCH/old"
exec 8< <(exec python3 "$SCRATCH/write.py" "$inbox" "${files[0]}")
writer=$!
read -r -t 60 said <&8
[ "$said" = durable ]
cmp "${files[0]}" "$inbox/in/on.jpg"
[ ! -e "$inbox/out/new.jpg.json" ] || fail 'answered before it is closed'
daemon_kill
kill -9 $writer
models_mount
for name in new old on; do
    cmp "${files[0]}" "$inbox/in/$name.jpg"
    sum=$(sha256sum <"${files[0]}")
    is_answered()
    {
        [ "$(jq -r '.files[0].sha256' "$inbox/out/$name.jpg.json")" = \
            "${sum%% *}" ]
    }
    eventually 60 is_answered || fail "$(cat "$inbox/out/$name.jpg.json")"
done

step "whoever writes it anew does not lose that to one who is done"
"$PYTHON" - "$inbox/in" "${files[@]}" <<'END'
import os, sys
folder, *pictures = sys.argv[1:]
one, two, three = (open(picture, "rb").read() for picture in pictures[:3])
flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

def begin(name, data):
    file = os.open(f"{folder}/{name}", flags)
    os.write(file, data)
    os.fsync(file)
    return file

def holds(name, data):
    got = open(f"{folder}/{name}", "rb").read()
    assert got == data, f"{name}: {len(got)} bytes differ"

for name, again in ("closed.jpg", False), ("synced.jpg", True):
    first, second = begin(name, one), begin(name, two)
    os.close(second)
    if again:
        os.fsync(first)
    os.close(first)
    holds(name, two)
first, second = begin("more.jpg", one), begin("more.jpg", two)
os.close(second)
os.ftruncate(first, 0)
os.lseek(first, 0, os.SEEK_SET)
os.write(first, three) # it is the last to write
os.close(first)
holds("more.jpg", three)
file = begin("dated.jpg", one)
os.utime(file, (1000000000, 1000000000))
os.close(file)
assert os.stat(f"{folder}/dated.jpg").st_mtime == 1000000000
holds("dated.jpg", one)
END
for name in closed synced more dated; do
    expect null jq .error <(answer $name.jpg)
    expect "$(sha256sum <"$inbox/in/$name.jpg" | cut -d ' ' -f 1)" \
        jq -r '.files[0].sha256' "$inbox/out/$name.jpg.json"
done
rm "$inbox/in/"{closed,synced,more,dated}.jpg

step "writers who close together make a request"
"$PYTHON" - "$inbox/in" "${files[0]}" <<'END'
import os, sys, threading
folder, picture = sys.argv[1:]
data = open(picture, "rb").read()
for number in range(60):
    files = [os.open(f"{folder}/{number}.jpg", os.O_WRONLY | os.O_CREAT)
             for _ in range(3)]
    for file in files:
        os.write(file, data)
    threads = [threading.Thread(target=os.close, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
END
all_answered() { [ "$(find "$inbox/out" -name '[0-9]*.jpg.json' | wc -l)" = 60 ]; }
eventually 60 all_answered || fail "$(cat "$inbox/queue")"
rm "$inbox/in/"[0-9]*.jpg

step "no bytes are left over"
cd "$SCRATCH"
umount_primofs
models_mount
expect 5 bash -c "ls '$STATE/spool' | wc -l"

step "nor of what was fsynced, and emptied, replaced or removed then"
before=$(ls "$STATE/spool")
cat >"$SCRATCH/leave.py" <<'END'
import os, sys
folder, picture = sys.argv[1:]
data = open(picture, "rb").read()
def begin(name):
    path = folder + "/in/" + name
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(file, data)
    os.fsync(file)
    return path, file
def replace(path):
    other = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(other, data)
    os.close(other)
open(folder + "/in/empty.jpg", "w").close()
path, file = begin("empty.jpg")
os.ftruncate(file, 0)
os.close(file)
path, file = begin("replaced.jpg")
replace(path)
os.ftruncate(file, 0)
os.close(file)
path, file = begin("removed.jpg")
replace(path)
os.unlink(path)
os.close(file)
END
python3 "$SCRATCH/leave.py" "$inbox" "${files[0]}"
is_empty() { [ ! -s "$inbox/in/empty.jpg" ] && [ ! -s "$inbox/in/replaced.jpg" ]; }
eventually 10 is_empty || fail "$(ls -l "$inbox/in")"
rm "$inbox"/in/{empty,replaced}.jpg
all_gone() { [ "$(ls "$STATE/spool")" = "$before" ]; }
eventually 10 all_gone || fail "$(ls "$STATE/spool" "$inbox/in")"

step "what is fsynced in between is neither answered nor lost"
slow=$MNT/inference/slow
put "$MNT/services/slow" 'model = invoices/latest\nsettle = 2s\n'
mkdir "$slow"
touch "$slow/start"
cat >"$SCRATCH/between.py" <<'END'
import json, os, sys, time
folder, first, second = sys.argv[1:]
one, other = (open(name, "rb").read() for name in (first, second))
flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
a = os.open(folder + "/in/a.jpg", flags)
os.write(a, one[:200])
os.fsync(a)
time.sleep(5)
answer = folder + "/out/a.jpg.json"
if os.path.exists(answer): # to what was there before
    assert json.load(open(answer))["error"] is None, open(answer).read()
b = os.open(folder + "/in/a.jpg", flags)
os.write(b, other)
os.close(b)
os.write(a, one[200:])
os.close(a)
END
cp "${files[1]}" "$slow/in/a.jpg"
python3 "$SCRATCH/between.py" "$slow" "${files[0]}" "${files[1]}" ||
    fail "half a file was answered"
is_first() { cmp -s "${files[0]}" "$slow/in/a.jpg"; }
eventually 30 is_first || fail "the bytes of who closed last are lost"

step "a service with a file that is not complete is not removed"
exec 7>"$slow/in/open.jpg"
cat "${files[0]}" >&7
cp "${files[1]}" "$slow/in/left.jpg.part"
touch "$slow/stop"
await_serving stopped slow
rm "$slow/in/a.jpg"
before=$(find "$STATE/spool" -type f | wc -l)
refused 'Directory not empty' 'has requests' rmdir "$slow"
exec 7>&-
rm -r "$slow"
all_gone() { [ "$(find "$STATE/spool" -type f | wc -l)" = $((before - 2)) ]; }
eventually 10 all_gone || fail "$(ls "$STATE/spool")"
