#!/bin/bash
# A machine with `nodes = 2` that is reached through ssh: its hosts train one
# model, the first of them has the run, and what the others need is copied to
# them. Stopped, or robbed of a trainer, of primo-nodes, of mpirun, of who leads
# them or of a host, the training goes on, with the same model.
# timeout: 1200
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../sshd.sh"
[ -x "$BUILD/primo-nodes" ] || skip "primo-nodes was built without MPI"
command -v mpirun >/dev/null || skip "no mpirun (Debian package openmpi-bin)"
. "$(dirname "$0")/../hosts.sh"
# where one host is faster, which it is here
SSHD_ENV=PRIMOFS_STAY_TOGETHER=1
# a path may have blanks, which nothing may split
THERE="$SCRATCH/a host's folder"
hosts_start n1 n2 n3
# another name than that which ssh knows
on n2 hostname elsewhere
# an address that nobody should have, and some do
on n1 ip address add 192.0.2.2/32 dev lo
mount_primofs
cd "$MNT"
pictures "$SCRATCH/data" 5 2
for epochs in 6 9999; do
    printf '%s\n' "dataset = $SCRATCH/data" 'base = scratch' 'image_size = 32' \
        "epochs = $epochs" >templates/$epochs
done

# machine [LINE…]: two hosts, unless the lines say something else.
machine()
{
    printf '%s\n' 'launcher = ssh' "directory = $THERE" 'threads = 1' \
        "${@:-host = n1 n2}" >machines/pair
    grep -q ^host machines/pair || echo 'host = n1 n2' >>machines/pair
    grep -q ^nodes machines/pair || echo 'nodes = 2' >>machines/pair
}
start()
{
    echo "$1" >processes/pair/template
    touch processes/pair/start
}
succeeds() { expect succeeded timeout 200 cat processes/pair/wait; }
says() { grep -Eq -- "$2" "processes/pair/$1"; }
times() { [ "$(grep -Ec -- "$1" processes/pair/log)" -ge "$2" ]; }
rows() { [ "$(wc -l <processes/pair/metrics.csv)" -gt "$1" ]; }
model_now()
{
    sha256sum <"processes/pair/$(readlink processes/pair/model)/model.safetensors"
}
why()
{
    cat processes/pair/log processes/pair/info "$SCRATCH"/on-n1/runs/*/*/mpirun
}
followers() { trainers_with '/primofs-node.'; }
begun() { [ -n "$(followers)" ]; }
nobody()
{
    [ -z "$(training_pids)$(trainers_with ' --lead ')$(pids_of primo-nodes)" ] &&
        [ -z "$(pids_of mpirun)$(pids_of orted)" ]
}

step "two hosts train one model"
machine
mkdir processes/pair
start 6
succeeds || fail "$(why)"
says log '2 hosts train together, .*: n1, n2' || fail "$(why)"
says info '^hosts: *2 \(n1, n2\)$'
says info '^efficiency: *[0-9.]+$'
[ -x "$SCRATCH"/on-n2/trainers/*/primo-nodes ] || fail "nothing was copied"
eventually 20 nobody || fail "left: $(ps axf)"
undisturbed=$(model_now)

step "stopped and robbed of a trainer, it comes to the same model"
start 6
await running 120 pair
eventually 120 rows 1 || fail "$(why)"
touch processes/pair/stop
await stopped 30 pair
says log 'stopped, as requested' || fail "$(why)"
touch processes/pair/resume
await running 60 pair
eventually 60 begun
kill -9 $(followers)
eventually 60 says log "the trainer on host 'n2' was ended by signal 9" ||
    fail "$(why)"
succeeds || fail "$(why)"
expect "$undisturbed" model_now
eventually 20 nobody || fail "left: $(ps axf)"

# process_on HOST PROGRAM: the processes of it in that host's namespace.
process_on()
{
    local pid net
    net=$(readlink "/proc/${HOST_PIDS[$1]}/ns/net")
    for pid in $(pids_of "$2"); do
        [ "$(readlink "/proc/$pid/ns/net")" != "$net" ] || echo "$pid"
    done
}
trainer_on() { process_on "$1" primo-train | grep -Fxf <(training_pids); }

# WHAT|HOW|what log says
faults="
the other trainer stands still|kill -STOP \$(followers)|on host 'n2' has stood still
the first trainer is killed|kill -9 \$(trainer_on n1)|on host 'n1' was ended by signal 9
the other primo-nodes is killed|kill -9 \$(process_on n2 primo-nodes)|host 'n2' has said nothing
the first primo-nodes is killed|kill -9 \$(process_on n1 primo-nodes)|which connects the hosts, has ended
mpirun is killed|kill -9 \$(pids_of mpirun)|mpirun was ended by signal 9
what mpirun has started there is killed|kill -9 \$(process_on n2 orted)|host 'n2' has said nothing
who leads is killed|kill -9 \$(trainers_with ' --lead ')|killed by signal 9
the network is cut|host_cut n2|host 'n2' has said nothing
"
step "whatever is killed, log says what, and the training goes on"
start 9999
await running 120 pair
continued=0
while IFS='|' read -r what how log; do
    [ -n "$what" ] || continue
    echo "   $what"
    before=$(wc -l <processes/pair/metrics.csv)
    eventually 120 begun || fail "$what: $(why)"
    eventually 120 rows "$before" || fail "$what: $(why)"
    known=$(grep -Ec -- "$log" processes/pair/log) || true
    eval "$how"
    eventually 20 times "$log" $((known + 1)) || fail "$what: $(why)"
    [ "$what" != "the network is cut" ] || { sleep 5; host_join n2; }
    continued=$((continued + 1))
    eventually 120 times 'continues from its checkpoint' $continued ||
        fail "$what: $(why)"
    [ "$(trainer_on n1 | wc -l)" -le 1 ] || fail "$what: two trainers"
done <<<"$faults"
! says log 'unexpectedly \(;' || fail "$(why)"

step "the connection is cut, the daemon is killed: the training goes on"
one_trainer() { [ "$(trainer_on n1 | wc -l)" = 1 ]; }
kill -9 $(sshd_sessions "$(cat "$SCRATCH/sshd/pid-n1")")
before=$(wc -l <processes/pair/metrics.csv)
eventually 120 rows "$before" || fail "$(why) $(cat overview)"
cd /
daemon_kill
one_trainer
mount_primofs
cd "$MNT"
before=$(wc -l <processes/pair/metrics.csv)
eventually 120 rows "$before" || fail "$(why) $(cat overview)"
one_trainer
! times 'continues from its checkpoint' $((continued + 1)) || fail "$(why)"
touch processes/pair/stop
await stopped 30 pair
eventually 40 nobody || fail "left: $(ps axf)"

step "a host that stays away is left out, and takes part again when it is back"
host_cut n2
machine 'host = n1 n2 n3' 'nodes = 3' 'copy_dataset = yes'
reached() { grep -q '^pair: reached' overview; }
eventually 60 reached || fail "$(cat overview)"
start 9999
expect failed timeout 60 cat processes/pair/wait
expect_match "^reason: on host 'n1': host 'n2', step 'connect'.*by hand: ssh .*n2" \
    cat processes/pair/info
host_join n2
start 9999
await running 120 pair
says log '3 hosts train together, .*: n1, n2, n3' || fail "$(why)"
for host in n1 n2 n3; do
    compgen -G "$SCRATCH/on-$host/datasets/*/*/train/*/*" >/dev/null ||
        fail "the data set is not on $host"
done
eventually 60 rows 1
host_cut n3
eventually 20 says log "host 'n3' has said nothing" || fail "$(why)"
eventually 200 says log "goes on without host 'n3': on host 'n1': host 'n3'" ||
    fail "$(why)"
eventually 60 says log '2 hosts train together, .*: n1, n2$' || fail "$(why)"
says info '^hosts: *2 \(n1, n2\)$'
await running 60 pair
begun_with() { [ -n "$(process_on "$1" primo-nodes)" ]; }
eventually 60 begun_with n2
before=$(wc -l <processes/pair/metrics.csv)
eventually 60 rows "$before" || fail "$(why)"
host_cut n2
kill -9 $(trainers_with ' --lead ')
eventually 200 says log "goes on without host 'n2': on host 'n1': host 'n2'" ||
    fail "$(why)"
eventually 60 says info '^hosts: *1 \(n1\)$' || fail "$(why)"
eventually 60 one_trainer
touch processes/pair/stop
await stopped 30 pair
eventually 40 nobody || fail "left: $(ps axf)"
host_join n2
host_join n3
touch processes/pair/resume
eventually 120 times '3 hosts train together, .*: n1, n2, n3' 2 || fail "$(why)"
touch processes/pair/stop
await stopped 30 pair

# MACHINE LINES (with /)|BEFORE|AFTER|reason
lacks="
host = n1 denied|true|true|on host 'n1': host 'denied', step 'connect'.*Permission denied
host = n3 n2|on n3 mount --bind /dev/null /usr/bin/mpirun|on n3 umount /usr/bin/mpirun|host 'n3', step 'mpirun': .*to try by hand: ssh n3 .*mpirun
host = n1 n2|on n2 mount --bind /dev/null /usr/bin/orted|on n2 umount /usr/bin/orted|on host 'n1': host 'n2', step 'mpirun': .*orted
trainer = $SCRATCH/alone/primo-train|true|true|there is no primo-nodes beside .*libopenmpi-dev
"
ssh_config denied "User nobody-of-that-name" \
    "$(sed -n '/^Host n2/,/^Host/p' "$SCRATCH/sshd/ssh_config" | grep -v Host\ )" \
    >>"$SCRATCH/sshd/ssh_config"
mkdir "$SCRATCH/alone"
cp "$BUILD/primo-train" "$SCRATCH/alone/"
step "what the hosts lack is the reason, with the step and the host"
while IFS='|' read -r line before after reason; do
    [ -n "$line" ] || continue
    machine "$line"
    $before
    start 6
    expect failed timeout 60 cat processes/pair/wait
    $after
    expect_match "^reason: .*$reason" cat processes/pair/info
done <<<"$lacks"

# MACHINE|what errors says
wrong="
launcher = local\nnodes = 2|nodes = 2 in machines/wrong needs launcher = ssh or slurm
launcher = ssh\nhost = n1 n2|names 2 hosts, and nodes = 1
launcher = ssh\nhost = n1 n2\nnodes = 3|names 2 hosts, and nodes = 3
launcher = slurm\nhost = n1 n2\nnodes = 2|names 2 hosts, which only launcher = ssh takes
"
step "a machine whose lines do not fit each other gets no process"
while IFS='|' read -r lines said; do
    [ -n "$lines" ] || continue
    put machines/wrong "$lines\n"
    ! mkdir processes/wrong 2>/dev/null || fail "it was taken: $lines"
    expect_match "$said" tail -n 2 errors
done <<<"$wrong"
