#!/bin/bash
# `make install` with a prefix and DESTDIR: what it has installed works from
# elsewhere, and `make uninstall` takes all of it away again.
# timeout: 200
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"
root=$SCRATCH/root
pictures "$SCRATCH/data" 6 2

has_trainer() { [ -n "$(trainer_pids)" ]; }
make=(make -s -C "$ROOT" "BUILD=$BUILD" "DESTDIR=$root" PREFIX=/usr
    "SANITIZE=${SANITIZE:-}")

step "make install puts every file into its place"
"${make[@]}" install
expect "$(printf 'primo-train\nprimofs')" ls "$root/usr/bin"
expect 755 stat -c %a "$root/usr/bin/primofs"
[ ! -x "$BUILD/primo-nodes" ] ||
    expect 755 stat -c %a "$root/usr/libexec/primofs/primo-nodes"
expect "$(printf 'primo-train.1\nprimofs.1')" ls "$root/usr/share/man/man1"
expect primofs.5 ls "$root/usr/share/man/man5"
expect "$(printf 'primo-train.1\nprimofs.1')" ls "$root/usr/share/man/ru/man1"
expect primofs.5 ls "$root/usr/share/man/ru/man5"

step "systemd accepts the unit"
unit=$root/usr/lib/systemd/system/primofs@.service
expect 644 stat -c %a "$unit"
if command -v systemd-analyze >/dev/null; then
    # systemd-analyze looks for the program and its manual in their places
    mkdir "$SCRATCH/units"
    sed "s,=/usr/bin/primofs,=$root/usr/bin/primofs,; /^Documentation/d" \
        "$unit" >"$SCRATCH/units/primofs@test.service"
    expect '' systemd-analyze verify "$SCRATCH/units/primofs@test.service"
fi
command_line=$(sed -n 's/^ExecStart=//p' "$unit")
command_line=${command_line//%i/x}
command_line=${command_line/\/usr\/bin/$root\/usr\/bin}
command_line=${command_line/\/var\/lib\/primofs\/x/$STATE}
command_line=${command_line/\/srv\/primofs\/x/$MNT}
python3 - "${command_line/\$PRIMOFS_OPTIONS/}" "$MNT" <<'END' || fail "as a service"
import os, socket, subprocess, sys
command, mount = sys.argv[1:]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("notify")
manager.settimeout(10)
daemon = subprocess.Popen(command.split(), stderr=subprocess.PIPE,
                          env={**os.environ, "NOTIFY_SOCKET": os.path.abspath("notify")})
assert manager.recv(99) == b"READY=1"
assert os.path.exists(mount + "/README")
os.mkdir(mount + "/processes/local")
daemon.terminate()
assert manager.recv(99) == b"STOPPING=1"
said = daemon.communicate(timeout=10)[1].decode()
assert daemon.returncode == 0, daemon.returncode
assert "mounted at " + mount in said and "unmounted" in said, said
assert "processes/local created" in said, said
END

step "bash completes options, files and parameters"
completed() # WORD…: what the last one may become
{
    bash --norc -c '
        . "$1/usr/share/bash-completion/completions/primofs"
        PATH=$1/usr/bin:$PATH
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        compopt() { :; }
        case $1 in primofs) _primofs ;; *) _primo_train ;; esac
        printf "%s\n" "${COMPREPLY[@]}"' - "$root" "$@"
}
expect allow_other completed primofs state mnt -o allow_o
expect learning_rate= completed primo-train template out learn
expect threads= completed primo-train template out thr
expect predict completed primo-train pre
expect ro,lang=en completed primofs state mnt -o ro,lang=e
expect --example completed primo-train --ex
expect --top completed primo-train predict model --t
expect 'bf16' completed primo-train template out precision = b
expect 'rotation' completed primo-train template out augment = r
expect auto completed primo-train template out image_size =

step "the installed programs train from another directory"
cd /
PATH=$root/usr/bin:$PATH
primofs "$STATE" "$MNT"
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$SCRATCH/data" \
    >"$MNT/templates/t"
echo t >"$MNT/processes/local/template"
touch "$MNT/processes/local/start"
eventually 10 has_trainer
for pid in $(trainer_pids); do
    expect "$root/usr/bin/primo-train" readlink "/proc/$pid/exe"
done
expect succeeded timeout 60 cat "$MNT/processes/local/wait"
umount_primofs

step "make uninstall leaves nothing behind"
"${make[@]}" uninstall
expect '' find "$root" -type f
