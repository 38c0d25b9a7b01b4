# An sshd of the test's own on loopback, which a test sources after lib.sh.
#
# sshd_start makes keys and starts it; `ssh there` then leads to the user who
# runs the test, in the daemon too: a program `ssh` in front of $PATH takes a
# configuration of the test's own, in which there may be more hosts. Nothing of
# the system's sshd, or of the user's ~/.ssh, is read or changed.

SSHD=$(command -v sshd || echo /usr/sbin/sshd)
[ -x "$SSHD" ] || skip "no sshd (Debian package openssh-server)"
SSH=$(command -v ssh) || skip "no ssh (Debian package openssh-client)"
THERE=$SCRATCH/there # the directory of runs on the "other" host

# ssh_config NAME LINE…: adds a host to the configuration.
ssh_config()
{
    printf 'Host %s\n' "$1"
    shift
    printf '    %s\n' "$@"
}

sshd_start()
{
    local dir=$SCRATCH/sshd
    mkdir -p "$dir" "$SCRATCH/bin"
    if [ ! -e "$dir/host" ]; then
        ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
        ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
        cp "$dir/user.pub" "$dir/authorized"
    fi
    # The part that keeps rights apart wants this folder, which is otherwise
    # made when the system's sshd starts.
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    SSHD_PORT=${SSHD_PORT:-$((20000 + $$ % 20000))}
    cat >"$dir/config" <<CONFIG
Port $SSHD_PORT
ListenAddress 127.0.0.1
HostKey $dir/host
PidFile $dir/pid
AuthorizedKeysFile $dir/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
SetEnv PRIMOFS_TEST=$PRIMOFS_TEST ${SSHD_ENV:-}
CONFIG
    until sshd_run; do
        SSHD_PORT=$((SSHD_PORT + 1))
        sed -i "s/^Port .*/Port $SSHD_PORT/" "$dir/config"
    done
    printf '[127.0.0.1]:%s %s\n' "$SSHD_PORT" "$(cut -d ' ' -f 1,2 \
        "$dir/host.pub")" >"$dir/known"
    ssh_config there "HostName 127.0.0.1" "Port $SSHD_PORT" \
        "User $(id -un)" "IdentityFile $dir/user" "IdentitiesOnly yes" \
        "UserKnownHostsFile $dir/known" "StrictHostKeyChecking yes" \
        >"$dir/ssh_config"
    printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$SSH" "$dir/ssh_config" \
        >"$SCRATCH/bin/ssh"
    chmod +x "$SCRATCH/bin/ssh"
    PATH=$SCRATCH/bin:$PATH
    eventually 20 ssh there true || fail "no answer from the test's sshd"
}

# Starts it in the foreground of a job, which the end of the test kills.
sshd_run()
{
    "$SSHD" -D -e -f "$SCRATCH/sshd/config" >>"$SCRATCH/sshd/log" 2>&1 &
    SSHD_PID=$!
    eventually 10 grep -q "Server listening.* port $SSHD_PORT" \
        "$SCRATCH/sshd/log"
}

# sshd_stop: ends it and every connection; what runs in sessions of its own goes
# on.
sshd_stop()
{
    local sessions
    sessions=$(sshd_sessions)
    kill -9 "$SSHD_PID"
    wait "$SSHD_PID" 2>/dev/null || true
    kill -9 $sessions 2>/dev/null || true
}

# sshd_sessions [PID]: the processes that sshd has made for connections.
sshd_sessions()
{
    local pid parent
    for pid in $(pgrep -x sshd); do
        parent=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
        [ "$parent" = "${1:-$SSHD_PID}" ] || continue
        echo "$pid"
        sshd_sessions "$pid"
    done
}
