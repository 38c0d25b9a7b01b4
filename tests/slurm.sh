# A Slurm of the test's own, which a test sources after lib.sh.
#
# slurm_start starts munged, slurmctld and two slurmd, n1 and n2, on this
# machine, with all their files below $SCRATCH/slurm, and sets $SLURM_CONF, which
# the daemon inherits, too. Nothing of the system's Slurm is read or changed.

for program in slurmctld slurmd munged sbatch; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null ||
        skip "no $program (Debian packages slurmctld, slurmd, slurm-client, munge)"
done
SLURM=$SCRATCH/slurm
export SLURM_CONF=$SLURM/slurm.conf

slurm_config()
{
    # Three ports for each process, as the tests of Slurm run beside each other.
    local port=$((41000 + $$ % 3000 * 3)) user
    user=$(id -un)
    cat <<CONFIG
ClusterName=primofs
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$SLURM/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$SLURM/state
SlurmctldPidFile=$SLURM/slurmctld.pid
SlurmdPidFile=$SLURM/slurmd.%n.pid
SlurmdSpoolDir=$SLURM/spool.%n
TmpFS=$SLURM/tmp.%n
SlurmctldLogFile=$SLURM/slurmctld.log
SlurmdLogFile=$SLURM/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=20
KillWait=10
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n1 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=4000
NodeName=n2 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=4000
PartitionName=main Nodes=n1,n2 Default=YES PriorityTier=1
PartitionName=urgent Nodes=n1,n2 PriorityTier=9
CONFIG
}

slurmctld_start()
{
    PATH=$PATH:/usr/sbin slurmctld -D "$@" >>"$SLURM/out" 2>&1 &
    SLURMCTLD_PID=$!
}

slurm_start()
{
    local node
    mkdir -p "$SLURM/state" "$SLURM"/{spool,tmp}.n{1,2}
    head -c 1024 /dev/urandom >"$SLURM/munge.key"
    chmod 600 "$SLURM/munge.key"
    slurm_config >"$SLURM_CONF"
    PATH=$PATH:/usr/sbin munged --foreground --force --num-threads=2 \
        --key-file="$SLURM/munge.key" --socket="$SLURM/munge.socket" \
        --pid-file="$SLURM/munged.pid" --log-file="$SLURM/munged.log" \
        --seed-file="$SLURM/munged.seed" >>"$SLURM/out" 2>&1 &
    eventually 20 test -S "$SLURM/munge.socket" ||
        skip "munged does not start: $(tail -n 1 "$SLURM/out")"
    slurmctld_start -i -c
    for node in n1 n2; do
        PATH=$PATH:/usr/sbin slurmd -D -N "$node" >>"$SLURM/out" 2>&1 &
    done
    eventually 60 slurm_idle || {
        tail -n 5 "$SLURM"/*.log
        skip "Slurm does not start here: $(sed -n '/error/p' "$SLURM"/*.log | tail -n 1)"
    }
}

# machine LINE…: what is said of machines/cluster from now on, besides ${cluster[@]}.
machine()
{
    printf '%s\n' 'launcher = slurm' 'threads = 1' "${cluster[@]}" \
        "directory = $SCRATCH/shared" "$@" >machines/cluster
}

# start TEMPLATE: starts a training of it there.
start()
{
    echo "$1" >processes/cluster/template
    touch processes/cluster/start
}

slurm_idle() { [ "$(sinfo -h -p main -t idle -o %D 2>/dev/null)" = 2 ]; }
