# Models without training, for tests of services, which source this after
# lib.sh.
#
# models_mount [OPTION…] mounts with a trainer that trains nothing: it leaves the
# files of the folder of which the template's description tells. As the worker
# of a service it is the real one. model_make TEMPLATE CLASSES [SIDE] makes a
# version of models/TEMPLATE, whose weights are random. inbox_start does all that
# there has to be before a picture can be answered.

models_mount()
{
    mkdir -p "$SCRATCH/bin"
    ln -f "$BUILD/primofs" "$SCRATCH/bin/primofs" 2>/dev/null ||
        cp "$BUILD/primofs" "$SCRATCH/bin/primofs"
    cat >"$SCRATCH/bin/primo-train" <<END
#!$PYTHON
import os, re, shutil, struct, sys, time, zlib

def record(kind, text):
    tail = struct.pack("<c3xd", kind, time.time()) + text
    return struct.pack("<4sII", b"PRJ1", len(text), zlib.crc32(tail)) + tail

if "--run" not in sys.argv:
    os.execv("$BUILD/primo-train", ["primo-train"] + sys.argv[1:])
os.chdir(sys.argv[2])
leave = re.search("description = (.*)", open("template").read()).group(1)
shutil.copytree(leave, "artifacts")
with open("journal.000001", "wb") as journal:
    journal.write(record(b"O", b"version=1 iteration=0") +
                  record(b"E", b"succeeded"))
END
    chmod +x "$SCRATCH/bin/primo-train"
    BUILD=$SCRATCH/bin mount_primofs "$STATE" "$MNT" "$@"
}

model_make()
{
    local made
    made=$(mktemp -d "$SCRATCH/model.XXXXXX")
    "$BUILD/tests/unit/files/export_test" "$made" "${3:-32}" "$2" resnet18 \
        >/dev/null
    printf 'dataset = /nowhere\nbase = scratch\ndescription = %s\n' "$made" \
        >"$MNT/templates/$1"
    [ -d "$MNT/processes/local" ] || mkdir "$MNT/processes/local"
    echo "$1" >"$MNT/processes/local/template"
    touch "$MNT/processes/local/start"
    expect succeeded timeout 120 cat "$MNT/processes/local/wait"
}

# inbox_start PICTURES CLASSES [LINES]: mounts, and starts the service $inbox with
# a model of so many classes and these lines in its text; $files are PICTURES
# pictures of each digit.
inbox_start()
{
    models_mount
    pictures "$SCRATCH/data" 1 "$1"
    files=("$SCRATCH"/data/test/*/*.jpg)
    model_make invoices "$2"
    put "$MNT/services/inbox" "model = invoices/latest\n${3:-}"
    inbox=$MNT/inference/inbox
    mkdir "$inbox"
    touch "$inbox/start"
}

workers_kill()
{
    local pid
    for pid in $(trainer_pids); do
        kill -9 "$pid" 2>/dev/null || true
    done
}

# daemon_renew: kills the daemon, and mounts again.
daemon_renew()
{
    daemon_kill
    models_mount
}

# serving_is STATUS [SERVICE]
serving_is() { [ "$(cat "$MNT/inference/${2:-inbox}/status")" = "$1" ]; }
await_serving()
{
    eventually 60 serving_is "$@" ||
        fail "status is $(cat "$MNT/inference/${2:-inbox}/status"), not $1:" \
            "$(tail -n 5 "$MNT/inference/${2:-inbox}/log")"
}
# answer FILE [SERVICE]: waits for the answer and prints it.
answer() { timeout 60 cat "$MNT/inference/${2:-inbox}/wait/$1"; }
