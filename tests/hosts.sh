# Hosts of the test's own, which a test sources after lib.sh and sshd.sh: each is
# a network namespace with an address, a host name and an sshd of its own, on a
# network in which links can be cut. $THERE is another folder on each of them;
# all else of the file system is shared. Needs root.
#
# The test itself runs in a network of its own, so that nothing is left of all
# this when it ends, and nothing meets what else runs on this machine.

[ "$(id -u)" = 0 ] || skip "only root can make hosts"
unshare -n -m -u true 2>/dev/null || skip "no namespaces"
command -v ip >/dev/null || skip "no ip (Debian package iproute2)"
if [ -z "${PRIMOFS_HOSTS:-}" ]; then
    trap - EXIT ERR
    rm -rf "$SCRATCH"
    PRIMOFS_HOSTS=1 exec unshare -n "$BASH" "$0" "$@"
fi
declare -A HOST_PIDS=()

# hosts_start NAME…: makes them; `ssh NAME` leads there, from here and from each.
hosts_start()
{
    local name i=0
    ip link set lo up
    ip link add hosts type bridge 2>/dev/null || skip "no bridges of networks"
    ip address add 10.1.0.254/24 dev hosts
    ip link set hosts up
    SSHD_ENV="PATH=$SCRATCH/bin:$PATH ${SSHD_ENV:-}"
    sshd_start
    for name; do
        i=$((i + 1))
        host_start "$name" "10.1.0.$i"
    done
    for name; do
        eventually 20 ssh "$name" true || fail "no answer from host $name"
    done
}

# on HOST COMMAND…: runs it there.
on()
{
    nsenter -t "${HOST_PIDS[$1]}" -n -m -u "${@:2}"
}

host_start()
{
    local dir=$SCRATCH/sshd name=$1 at=$2
    mkdir -p "$THERE" "$SCRATCH/on-$name" "$SCRATCH/tmp-$name"
    unshare -n -m -u --propagation private "$BASH" -c "$leave_mounts"'
        hostname "$1"
        mount --bind "$2" "$3"
        exec sleep infinity' - "$name" "$SCRATCH/on-$name" "$THERE" &
    HOST_PIDS[$name]=$!
    eventually 10 host_is_made "$name"
    ip link add "to-$name" type veth peer name eth0 netns "$!"
    ip link set "to-$name" master hosts up
    on "$name" ip link set lo up
    on "$name" ip address add "$at/24" dev eth0
    on "$name" ip link set eth0 up
    sed -e "s/^Port .*/Port 22/" -e "s/^ListenAddress .*/ListenAddress $at/" \
        -e "s,^PidFile .*,PidFile $dir/pid-$name," \
        -e "s,^SetEnv .*,& TMPDIR=$SCRATCH/tmp-$name," \
        "$dir/config" >"$dir/config-$name"
    printf '%s %s\n' "$at" "$(cut -d ' ' -f 1,2 "$dir/host.pub")" >>"$dir/known"
    ssh_config "$name" "HostName $at" "Port 22" "User root" \
        "IdentityFile $dir/user" "IdentitiesOnly yes" \
        "UserKnownHostsFile $dir/known" "StrictHostKeyChecking yes" \
        >>"$dir/ssh_config"
    on "$name" "$SSHD" -D -e -f "$dir/config-$name" \
        >>"$dir/log-$name" 2>&1 &
}

host_is_made()
{
    [ "$(on "$1" hostname)" = "$1" ] &&
        on "$1" mountpoint -q "$THERE"
}

# host_cut NAME, host_join NAME: takes it off the network, and back.
host_cut() { ip link set "to-$1" down; }
host_join() { ip link set "to-$1" up; }
