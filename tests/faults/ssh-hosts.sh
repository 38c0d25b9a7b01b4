#!/bin/bash
# Hosts that cannot be used: each is told apart by the step that failed, with
# ssh's own words and what to try by hand, in overview and as the reason of a
# training; and hosts that can be used although they are odd.
# timeout: 400
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../sshd.sh"
sshd_start
config=$SCRATCH/sshd/ssh_config
pictures "$SCRATCH/data" 16 4

# base: the lines of the host that works, which stand behind those that are
# another host's own, because the first one that says something counts.
base() { sed '1d' "$SCRATCH/sshd/ssh_there"; }
cp "$config" "$SCRATCH/sshd/ssh_there"
ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/sshd/other"
sed "s|ssh-ed25519 .*|$(cut -d ' ' -f 1,2 "$SCRATCH/sshd/other.pub")|" \
    "$SCRATCH/sshd/known" >"$SCRATCH/sshd/changed"
ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/sshd/noisy"
printf 'command="%s" %s\n' \
    "echo welcome; echo to this host >&2; eval \\\"\$SSH_ORIGINAL_COMMAND\\\"" \
    "$(cat "$SCRATCH/sshd/noisy.pub")" >>"$SCRATCH/sshd/authorized"
{
    ssh_config login "User nobody-of-that-name" && base
    ssh_config changed "UserKnownHostsFile $SCRATCH/sshd/changed" && base
    ssh_config unknown "UserKnownHostsFile /dev/null" && base
    ssh_config closed "Port 1" && base
    ssh_config jump "ProxyJump there" && base
    ssh_config silent "ProxyCommand sleep 60" && base
    ssh_config noisy "RemoteCommand echo no" "IdentityFile $SCRATCH/sshd/noisy" \
        "$(base | grep -v IdentityFile)"
    # Paths of sockets are short; ssh removes it when it ends.
    ssh_config shared "ControlMaster auto" "ControlPersist 5" \
        "ControlPath /tmp/pf$$.%p" && base
} >>"$config"
printf '#!/bin/sh\necho primo-train --far 1 0.0.9\nread x\n' >"$SCRATCH/old"
printf '#!/bin/sh\necho primo-train --far 1 %s\nread x\n%s\n' \
    "$("$BUILD/primo-train" --version | grep -o '[0-9.]*[0-9]')" \
    'while sleep 1; do printf 1; done' >"$SCRATCH/trickle"
chmod +x "$SCRATCH/old" "$SCRATCH/trickle"
# A small disk; who may not mount one gets a file where the directory should be,
# which stands in root's way, too.
touch "$SCRATCH/nowhere"
small=$SCRATCH/nowhere/x
mkdir "$SCRATCH/small"
mount -t tmpfs -o size=8m none "$SCRATCH/small" 2>/dev/null &&
    small=$SCRATCH/small

# NAME|HOST|DIRECTORY|TRAINER|what is said
table="
login|login|$THERE|auto|step 'connect'.*Permission denied
changed|changed|$THERE|auto|step 'connect'.*Host key verification failed
unknown|unknown|$THERE|auto|step 'connect'.*Host key verification failed
closed|closed|$THERE|auto|step 'connect'.*Connection refused
resolve|no.such.host.invalid|$THERE|auto|step 'connect'.*resolve
silent|silent|$THERE|auto|step 'connect'.*timed out
directory|there|/proc/none|auto|step 'directory'.*/proc/none
quotes|there|/proc/it's; touch $SCRATCH/harm|auto|step 'directory'
full|there|$small|auto|step '(copy.*No space left|directory)
absent|there|$THERE|$SCRATCH/absent|step 'trainer'.*absent is not there
version|there|$THERE|$SCRATCH/old|step 'trainer'.*it is version 0.0.9 there
trickle|there|$THERE|$SCRATCH/trickle|the connection was lost: Connection timed out
program|there|$THERE|/bin/false|step 'trainer'.*the connection was closed
"
mount_primofs
cd "$MNT"

step "what is no host is refused when it is written"
for host in '-oProxyCommand=x' 'a -b' 'a;b' "a'b"; do
    refused 'Invalid argument' 'host must be a host as ssh takes it' \
        put machines/x "launcher = ssh\nhost = $host\n"
done
refused 'Invalid argument' 'directory must be an absolute path' \
    put machines/x 'directory = here\n'

step "each fault has its step, the host's name, and a line to try by hand"
put templates/t "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 32\nepochs = 2\n"
# Of a host that is busy an answer may come too late, which is another fault.
fails_so()
{
    touch "processes/$name/start"
    [ "$(timeout 60 cat "processes/$name/wait")" = failed ] &&
        grep -Eq "^reason: host '$host', $says.*; to try by hand: ssh .*$host" \
            "processes/$name/info"
}
is_unreached_so()
{
    grep -Eq "^$name: NOT reached since 20.*: host '$host', $says" overview
}
while IFS='|' read -r name host directory trainer says; do
    [ -n "$name" ] || continue
    put "machines/$name" "launcher = ssh\nhost = $host\n"
    printf 'directory = %s\ntrainer = %s\n' "$directory" "$trainer" \
        >>"machines/$name"
    mkdir "processes/$name"
    echo t >"processes/$name/template"
    eventually 60 fails_so || fail "$name: $(grep ^reason "processes/$name/info")"
    [ "$name" != quotes ] ||
        quotes=$(sed -n 's/^reason: .*; to try by hand: //p' processes/quotes/info)
    [ "$name" != trickle ] || continue # it is reached again and again
    eventually 60 is_unreached_so || fail "$(cat overview)"
    expect false jq ".[] | select(.machine == \"$name\") | .reached" \
        overview.json
    # One at a time: none has to wait for the others.
    rmdir "processes/$name"
    rm "machines/$name"
done <<<"$table"

step "what is to be tried by hand is safe, whatever the path"
expect_match "mkdir: .*No such file" bash -c '! sh -c "$1" 2>&1' - "$quotes"
[ ! -e "$SCRATCH/harm" ] || fail "$quotes"

step "a machine without a host says so"
put machines/empty 'launcher = ssh\n'
mkdir processes/empty
echo t >processes/empty/template
touch processes/empty/start
expect failed timeout 30 cat processes/empty/wait
expect_match "^reason: the machine has no host" cat processes/empty/info

step "login scripts that talk, a shared connection and one over a third host"
trains()
{
    touch "processes/$name/start"
    [ "$(timeout 120 cat "processes/$name/wait")" = succeeded ]
}
for name in noisy shared jump; do
    put "machines/$name" "launcher = ssh\nhost = $name\ndirectory = $THERE\n"
    mkdir "processes/$name"
    echo t >"processes/$name/template"
    eventually 60 trains || fail "$name: $(grep ^reason "processes/$name/info")"
done

step "the name of the state directory stays where it cannot be read"
mv "$STATE/runs/elsewhere" "$SCRATCH/elsewhere"
ln -s "$SCRATCH/elsewhere" "$STATE/runs/elsewhere"
put machines/named "launcher = ssh\nhost = there\ndirectory = $THERE/named\n"
says_so() { grep -q '^named: NOT reached.*cannot read .*/elsewhere' overview; }
eventually 60 says_so || fail "$(cat overview)"
[ -L "$STATE/runs/elsewhere" ] || fail "it was replaced"
