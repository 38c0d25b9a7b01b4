#!/bin/bash
# timeout: 200
# `make install`, what it installed at work, and `make uninstall`.
. "$(dirname "$0")/lib.sh"
root=$SCRATCH/root
pictures "$SCRATCH/data" 6 2

has_trainer() { [ -n "$(trainer_pids)" ]; }
make=(make -s -C "$ROOT" "BUILD=$BUILD" "DESTDIR=$root" PREFIX=/usr
    "SANITIZE=${SANITIZE:-}")

step "installed"
"${make[@]}" install
expect "$(printf 'primo-train\nprimofs')" ls "$root/usr/bin"
expect 755 stat -c %a "$root/usr/bin/primofs"
expect "$(printf 'primo-train.1\nprimofs.1')" ls "$root/usr/share/man/man1"
expect primofs.5 ls "$root/usr/share/man/man5"

step "completion"
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

step "at work, from elsewhere"
cd /
PATH=$root/usr/bin:$PATH
primofs "$STATE" "$MNT"
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$SCRATCH/data" \
    >"$MNT/templates/t"
mkdir "$MNT/processes/local"
echo t >"$MNT/processes/local/template"
touch "$MNT/processes/local/start"
eventually 10 has_trainer
for pid in $(trainer_pids); do
    expect "$root/usr/bin/primo-train" readlink "/proc/$pid/exe"
done
expect succeeded timeout 60 cat "$MNT/processes/local/wait"
umount_primofs

step "uninstalled"
"${make[@]}" uninstall
expect '' find "$root" -type f
