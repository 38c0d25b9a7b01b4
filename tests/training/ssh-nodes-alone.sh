#!/bin/bash
# Several hosts of ssh of which one is faster alone: it goes on alone, and what
# resumes the training needs none of the others any more.
# timeout: 400
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../sshd.sh"
[ -x "$BUILD/primo-nodes" ] || skip "primo-nodes was built without MPI"
command -v mpirun >/dev/null || skip "no mpirun (Debian package openmpi-bin)"
. "$(dirname "$0")/../hosts.sh"
hosts_start n1 n2
# Whatever else runs here: gradients take longer than small pictures do.
tc qdisc add dev to-n2 root tbf rate 200mbit burst 256k latency 100ms || true
mount_primofs
cd "$MNT"
pictures "$SCRATCH/data" 5 2
put templates/long "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 32\nepochs = 9999\n"
put machines/pair "launcher = ssh\nhost = n1 n2\nnodes = 2\ndirectory = $THERE\nthreads = 1\n"
mkdir processes/pair
echo long >processes/pair/template
says() { grep -Eq -- "$2" "processes/pair/$1"; }
rows() { [ "$(wc -l <processes/pair/metrics.csv)" -gt "$1" ]; }
why() { cat processes/pair/log processes/pair/info; }

step "one host is faster, and goes on alone"
touch processes/pair/start
eventually 200 says log "host 'n1' goes on alone from update [0-9]+ on" ||
    fail "$(why)"
says info '^hosts: *1 \(n1\), alone from update [0-9]+ on$' || fail "$(why)"

times() { [ "$(grep -Ec -- "$1" processes/pair/log)" = "$2" ]; }
# goes_on N: for the Nth time, it has computed more than before, by itself.
goes_on()
{
    eventually 120 times 'continues from its checkpoint' "$1" || fail "$(why)"
    await running 60 pair
    before=$(wc -l <processes/pair/metrics.csv)
    eventually 120 rows "$before" || fail "$(why)"
    says info '^hosts: *1 \(n1\), alone from update [0-9]+ on$' ||
        fail "$(why)"
    times 'hosts train together' 1 || fail "$(why)"
    ! says log 'goes on without host' || fail "$(why)"
}

step "stopped, it is resumed while the other host is away"
touch processes/pair/stop
await stopped 60 pair
host_cut n2
touch processes/pair/resume
goes_on 1

step "so it is where all there was killed"
kill -9 $(trainers_with ' --lead ')
goes_on 2
