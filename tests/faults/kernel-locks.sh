#!/bin/bash
# timeout: 200
# not under: thread
# What anybody can do with the kernel's locks and queues holds up nobody else:
# touching an action beside its removal, a listing that never ends,
# asynchronous reads of `wait`, and closing a file again and again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
clients=$BUILD/tests/faults/clients
way_open "$clients"

users_make none viewer manager
pictures "$SCRATCH/data" 6 2
mount_primofs "$STATE" "$MNT" -o allow_other
cd "$MNT"
role viewers "members = $viewer" 'processes = view'
role managers "members = $manager" 'processes = view create edit manage' \
    'templates = view create edit' 'models = view'
put machines/other ''
mkdir processes/local processes/other
for name in short long; do
    put templates/$name "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 1\n"
done
put templates/long "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 9000\n"

# quick COMMAND: it ends within some seconds, whatever its exit status.
quick()
{
    local status=0
    timeout -s KILL 8 /bin/bash -c "cd '$MNT' && $1" >/dev/null 2>&1 ||
        status=$?
    [ $status -ne 137 ] || fail "'$1' hangs"
}
all_quick()
{
    quick 'touch -c processes/other/stop'
    quick 'stat processes/local/status'
    quick 'cat processes/local/status'
    quick 'cat processes/local/info overview'
}
ends() # PID: the client leaves when its standard input ends
{
    exec {client[1]}>&-
    wait "$1" || true
}

step "touching an action beside its removal, without a role"
as $none "stat processes/local/start" || true
runuser -u $none -- "$clients" act-and-remove "$MNT/processes/local/start" 4000
all_quick

step "the same with every right, and of several actions at once"
for action in start stop resume; do
    runuser -u $manager -- "$clients" act-and-remove \
        "$MNT/processes/local/$action" 5000 &
done
for ((i = 0; i < 20; i++)); do
    quick 'stat processes/local/status; echo x >processes/other/start'
done
for job in $(jobs -p); do
    wait "$job" || fail "a client is stuck"
done
quick 'rmdir processes/local && mkdir processes/local'

# Opening with O_CREAT, as `touch` and `>` do, takes that lock in the kernel, on
# every file system: touch -c does not.
step "a listing that never ends"
coproc client { "$clients" hold "$MNT/processes/local"; } # it takes root
pid=$client_PID
if read -r -t 10 held <&"${client[0]}" && [ "$held" = held ]; then
    as $viewer 'touch -c processes/local/start' 2>/dev/null &&
        fail "a viewer started a training"
    all_quick
    quick 'touch -c processes/local/stop'
    all_quick
    ends "$pid"
else
    echo "not tried: no userfaultfd here"
fi

step "asynchronous reads of wait"
echo short >processes/local/template
touch processes/local/start
expect succeeded cat processes/local/wait
echo long >processes/local/template
coproc client {
    runuser -u $viewer -- "$clients" wait-asynchronously \
        "$MNT/processes/local/wait" 40
}
pid=$client_PID
read -r -t 10 _ <&"${client[0]}"
touch processes/local/start
await running
echo >&"${client[1]}"
read -r -t 10 _ <&"${client[0]}"
echo 3 >/proc/sys/vm/drop_caches || true
quick 'cat models/short/1/model.onnx'
quick 'cat processes/local/metrics.csv processes/local/log'
touch processes/local/stop
await stopped
ends "$pid"

step "closing an emptied file again and again"
put templates/mine 'epochs = 3\n'
runuser -u $manager -- "$clients" close-again "$MNT/templates/mine" 4000 &
sleep 0.5
before=${EPOCHREALTIME/./}
for ((i = 0; i < 5; i++)); do
    quick 'stat templates/mine'
    quick 'ls -l templates'
done
[ $((${EPOCHREALTIME/./} - before)) -lt 2500000 ] ||
    fail "looking takes as long as somebody closes"
wait $!
