#!/bin/bash
# The mount as a share of Samba: what smbclient puts, puts again and renames in
# in/ is answered just once for each revision, with the share's user as the
# requester, and the answers are read through the share.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
. "$(dirname "$0")/../users.sh"
SMBD=$(command -v smbd || echo /usr/sbin/smbd)
[ -x "$SMBD" ] || skip "no smbd (Debian package samba)"
command -v smbclient >/dev/null || skip "no smbclient (Debian package smbclient)"
users_make guest
models_mount -o allow_other
pictures "$SCRATCH/data" 1 3
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
inbox=$MNT/inference/inbox
put "$MNT/roles/scanners" "members = $guest\nrequests = create\n"
put "$MNT/services/inbox" 'model = invoices/latest\n'
mkdir "$inbox"
touch "$inbox/start"

# An smbd of the test's own on loopback, which reads and changes nothing of the
# system's. What a share has by default stays: so most are.
smbd_config()
{
    local folder
    printf '[global]\n'
    for folder in lock state cache pid private; do
        mkdir -p "$samba/$folder"
        printf '%s = %s\n' "$folder $([ $folder = private ] && echo dir ||
            echo directory)" "$samba/$folder"
    done
    cat <<CONFIG
ncalrpc dir = $samba/ncalrpc
log file = $samba/log
smb ports = $1
interfaces = lo
bind interfaces only = yes
disable netbios = yes
load printers = no
disable spoolss = yes
map to guest = Bad User
guest account = $guest
[primo]
path = $MNT
read only = no
guest ok = yes
CONFIG
}

smbd_answers() { kill -0 $smbd && share ls >"$samba/listed" 2>&1; }
smbd_run()
{
    smbd_config "$port" >"$samba/smb.conf"
    # In a process group of its own, which it ends when it ends.
    "$SMBD" --foreground -s "$samba/smb.conf" \
        >"$samba/out" 2>&1 </dev/null &
    smbd=$!
    eventually 20 smbd_answers
}

# share COMMAND…: of smbclient, in the share.
share()
{
    local IFS=';'
    (cd "$SCRATCH" && smbclient -s "$samba/smb.conf" -N -p "$port" \
        //127.0.0.1/primo -c "$*")
}

samba=$SCRATCH/samba
mkdir "$samba"
port=$((20000 + $$ % 20000))
until smbd_run; do # another may have the port
    port=$((port + 1))
    [ $port -lt $((20000 + $$ % 20000 + 5)) ] ||
        fail "$(cat "$samba/out" "$samba/listed")"
done

# answers COUNT FILE: it has so many rows, and an answer to its own bytes.
answers()
{
    expect "$(sha256sum <"$inbox/in/$2" | cut -d' ' -f1)" \
        jq -r '.files[0].sha256' <(answer "$2")
    expect "$1" bash -c "cut -d, -f2 '$inbox/results.csv' | grep -cx '$2'"
}

step "put"
cp "${files[0]}" "$SCRATCH/a.jpg"
share 'cd inference\inbox\in' 'put a.jpg'
answers 1 a.jpg
cmp "$SCRATCH/a.jpg" "$inbox/in/a.jpg"
expect "$guest" stat -c %U "$inbox/in/a.jpg"

step "put again"
cp "${files[1]}" "$SCRATCH/a.jpg"
share 'cd inference\inbox\in' 'put a.jpg'
is_new() { [ "$(sha256sum <"$SCRATCH/a.jpg" | cut -d' ' -f1)" = \
    "$(jq -r '.files[0].sha256' "$inbox/out/a.jpg.json")" ]; }
eventually 30 is_new
answers 2 a.jpg

step "put under a passing name, and renamed"
cp "${files[2]}" "$SCRATCH/b.part"
share 'cd inference\inbox\in' 'put b.part' 'rename b.part b.jpg'
answers 1 b.jpg
expect '' awk -F, '$2 == "b.part"' "$inbox/results.csv"

step "the answer is read through the share"
share 'cd inference\inbox' 'get out\b.jpg.json b.json' 'get results.csv rows'
cmp "$SCRATCH/b.json" "$inbox/out/b.jpg.json"
cmp "$SCRATCH/rows" "$inbox/results.csv"
share 'cd inference\inbox\out' ls >"$SCRATCH/listed"
size=$(stat -c %s "$inbox/out/b.jpg.json")
grep -q " b\.jpg\.json .* $size " "$SCRATCH/listed" || fail "$(cat "$SCRATCH/listed")"

step "what is no picture is refused, and has an answer"
echo text >"$SCRATCH/no.jpg"
share 'cd inference\inbox\in' 'put no.jpg' >"$SCRATCH/said" 2>&1 || true
grep -q INVALID_PARAMETER "$SCRATCH/said" || fail "$(cat "$SCRATCH/said")"
expect no_picture jq -r .code <(answer no.jpg)

step "removed"
share 'cd inference\inbox\in' 'del b.jpg'
expect '' find "$inbox/in" "$inbox/out" -name 'b.*'
kill $smbd
