# Several users for one end-to-end test, which sources this after lib.sh.
#
# users_make NAME… makes users of these short names: $NAME then holds the
# account's name, which no other test has. They have no home, and the way to the
# mount point is open to them. The test's end removes them.
#
# Tests run beside each other, and the programs that change accounts give up at
# once where they meet one another at the wrong moment. So these take turns, and
# try again, since other programs of the system change accounts, too.

[ "$(id -u)" = 0 ] || skip "takes root, who makes users"
command -v useradd runuser setpriv >/dev/null || skip "no useradd or runuser"

users_tag=pf$$
users_made=() groups_made=()

account() # COMMAND ARGUMENT…: that changes accounts
{
    local try said
    for try in 1 2 3 4 5; do
        said=$(flock /run/lock/primofs-test-accounts "$@" 2>&1) && return
        sleep 1
    done
    echo "$*: $said"
    return 1
}

users_end_test()
{
    local status=$? name
    [ "$BASHPID" = "$$" ] || exit $status # as in end_test
    trap - ERR
    set +e
    cd /
    umount -l "$MNT" 2>/dev/null
    for name in "${users_made[@]}"; do
        pkill -9 -u "$name" 2>/dev/null
        account userdel "$name"
    done
    for name in "${groups_made[@]}"; do
        account groupdel "$name"
    done
    (exit $status)
    end_test
}

users_make()
{
    local name
    trap users_end_test EXIT
    for name; do
        declare -g "$name=${users_tag}$name"
        users_made+=("${users_tag}$name")
        account useradd -M -d /nonexistent -s /bin/sh "${users_tag}$name"
    done
    way_open "$SCRATCH"
}

group_make() # NAME USER…: a group with these users, whose name is in $NAME
{
    local user
    declare -g "$1=${users_tag}$1"
    groups_made+=("${users_tag}$1")
    account groupadd "${users_tag}$1"
    for user in "${@:2}"; do
        account usermod -aG "${users_tag}$1" "$user"
    done
}

# Everybody may pass the folders above.
way_open()
{
    local dir=$1
    while [ "$dir" != / ]; do
        case $(stat -c %A "$dir") in *[!xt]) chmod a+x "$dir" ;; esac
        dir=$(dirname "$dir")
    done
}

as() # USER COMMAND, a line for the shell, in the mount point
{
    runuser -u "$1" -- /bin/bash -c "cd '$MNT' && $2"
}

role() # NAME LINE…
{
    printf '%s\n' "${@:2}" >"$MNT/roles/$1"
}
