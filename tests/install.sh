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
expect '' ls "$root/usr/bin"
