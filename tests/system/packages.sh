#!/bin/bash
# What tests/packages does with apt-get and systemctl, which are stubs here:
# nothing where nothing is missing; and no service that a package brings is
# started or enabled.
. "$(dirname "$0")/../lib.sh"

export POLICY_RC_D=$SCRATCH/policy-rc.d SCRATCH
mkdir "$SCRATCH/bin"
PATH=$SCRATCH/bin:$PATH

# stub NAME: makes the command of standard input, which notes its words.
stub()
{
    { echo '#!/bin/sh'; echo "echo $1 \"\$@\" >>\"\$SCRATCH/calls\""; cat; } \
        >"$SCRATCH/bin/$1"
    chmod 755 "$SCRATCH/bin/$1"
}
# `there` and what was installed are there; every package has two units.
stub dpkg-query <<'END'
case $1 in
-W)
    case "there $(grep install "$SCRATCH/calls" 2>/dev/null)" in
    *" $4"* | "$4 "*) echo ii ;;
    esac
    ;;
-L)
    echo /lib/systemd/system/server.service
    echo /usr/lib/systemd/system/server@.service
    echo /usr/lib/systemd/system/server.socket
    echo /usr/share/doc/server
    ;;
esac
END
stub apt-get <<'END'
case $* in
*install*)
    sh "$POLICY_RC_D" server start
    echo "starting says $?" >>"$SCRATCH/calls"
    [ ! -e "$SCRATCH/broken" ]
    ;;
esac
END
stub systemctl </dev/null
printf '#!/bin/sh\nexec "$@"\n' >"$SCRATCH/bin/sudo"
chmod 755 "$SCRATCH/bin/sudo"
calls() { grep -v ^dpkg-query "$SCRATCH/calls" || true; }

step "nothing is done where nothing is missing"
"$ROOT/tests/packages" install there other:sh
expect '' calls
"$ROOT/tests/packages" check there other:sh

step "what is missing is named"
expect_match 'missing Debian packages: server' \
    bash -c '! "$0" check there server 2>&1' "$ROOT/tests/packages"

step "services are neither started nor enabled"
: >"$SCRATCH/calls"
"$ROOT/tests/packages" install there server >/dev/null
expect 'apt-get -q update
apt-get -q install -y --no-install-recommends server
starting says 101
systemctl --quiet disable server.service server.socket' calls
[ ! -e "$POLICY_RC_D" ] || fail "it is left"

step "whatever goes wrong, the machine is as it was"
: >"$SCRATCH/calls"
touch "$SCRATCH/broken"
! "$ROOT/tests/packages" install other-server >/dev/null || fail "it succeeded"
[ ! -e "$POLICY_RC_D" ] || fail "it is left"

step "a policy that is there stays"
rm "$SCRATCH/broken"
: >"$SCRATCH/calls"
printf '#!/bin/sh\nexit 104\n' >"$POLICY_RC_D"
"$ROOT/tests/packages" install server >/dev/null
grep -qx 'starting says 104' "$SCRATCH/calls"
grep -qx 'exit 104' "$POLICY_RC_D"
