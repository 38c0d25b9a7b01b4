#!/bin/bash
# timeout: 200
# not under: address|thread
# What one user makes the daemon hold, memory, descriptors, scratch files and
# refusals, is bounded, and neither other users nor root do without for it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
hoarders=$BUILD/tests/faults/hoarders
way_open "$hoarders"

users_make none viewer hoarder other
pictures "$SCRATCH/data" 6 2
ulimit -Sn 1024
mount_primofs "$STATE" "$MNT" -o allow_other
cd "$MNT"
role viewers "members = $viewer" 'processes = view' 'models = view'
role editors "members = $hoarder $other" 'templates = view create edit delete'
put templates/short "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 1\n"
put templates/long "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 9000\n"
mkdir processes/local
put processes/local/template short
touch processes/local/start
await succeeded

# hoards USER HOW PATH COUNT: $held of them, the last error is $error; freed by
# frees.
hoards()
{
    coproc client { runuser -u "$1" -- "$hoarders" "${@:2}"; }
    pid=$client_PID
    read -r -t 60 held error <&"${client[0]}" || fail "$2 does not end"
    echo "$2: $held, $error"
}
frees()
{
    exec {client[1]}>&-
    wait "$pid" || true
}
memory() # of the daemon, in KiB
{
    sed -n 's/^RssAnon:\s*\([0-9]*\) kB/\1/p' "/proc/$(daemon_pids)/status"
}
grown() # KIB: the daemon has taken at most so much since $before
{
    local now
    now=$(memory)
    [ $((now - before)) -le "$1" ] || fail "$((now - before)) KiB are held"
}
all_well()
{
    as "$other" "echo 'epochs = 2' >templates/others"
    expect 'epochs = 2' as "$other" 'cat templates/others'
    as "$other" 'rm templates/others'
    put templates/roots 'epochs = 3\n'
    rm templates/roots
    cat models/short/1/model.onnx >"$SCRATCH/model"
    cat processes/local/status processes/local/info >/dev/null
}

step "texts that are only made longer cost nothing"
as "$hoarder" "echo 'epochs = 1' >templates/mine"
before=$(memory)
hoards "$hoarder" stage "$MNT/templates/mine" 900
[ "$held" = 900 ] || fail "only $held"
grown 20000
all_well
frees

step "what is written is bounded by user"
as "$hoarder" "echo 'epochs = 1' >templates/.mine"
hoards "$hoarder" write "$MNT/templates/.mine" 900
[ "$held" -gt 8 ] && [ "$held" -lt 200 ] || fail "$held"
[ "$error" = ENOMEM ]
grown 250000
expect_match 'KiB' as "$hoarder" 'cat errors'
all_well
frees

step "opens of a model's files"
echo long >processes/local/template
touch processes/local/start
await running
hoards "$viewer" open "$MNT/models/short/1/model.onnx" 1020
[ "$held" -gt 500 ] || fail "only $held"
all_well
as "$viewer" 'cat models/short/1/labels.txt' >/dev/null
sleep 11 # the table of roles is made anew
all_well
touch processes/local/stop
await stopped 10
frees

step "scratch files"
hoards "$hoarder" make "$MNT/templates" 1100
[ "$held" -gt 100 ] && [ "$error" = ENOSPC ] || fail "$held, $error"
all_well
as "$other" "echo 'epochs = 2' >templates/.swap && rm templates/.swap"
as "$hoarder" 'cd templates && rm .x*'
as "$hoarder" "echo 'epochs = 2' >templates/hoarders"
frees

step "refusals"
as "$viewer" 'echo x >templates/viewers' 2>/dev/null && fail "it was made"
hoards "$none" refuse "$MNT/templates" 5000
[ "$held" = 0 ] && [ "$error" = EACCES ] || fail "$held, $error"
expect_match 'templates/viewers: the right' as "$viewer" 'cat errors'
expect_match 'templates/viewers: the right' cat errors
frees

step "saving without a pause"
hoards "$hoarder" save "$MNT/templates" 50
for ((i = 0; i < 3; i++)); do
    timeout 20 cat processes/local/status processes/local/info >/dev/null
    timeout 20 bash -c "echo 'epochs = 3' >templates/roots"
done
frees
