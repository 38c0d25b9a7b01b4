#!/bin/bash
# keep = N: the oldest versions of a model go when a new one appears, but none
# that a service uses or a text names by its number.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
export PYTHON
models_mount
cd "$MNT"
made=$(mktemp -d "$SCRATCH/model.XXXXXX")
"$BUILD/tests/unit/files/export_test" "$made" 32 2 resnet18 >/dev/null
mkdir processes/local
version() # TEMPLATE LINE…: makes a version
{
    printf '%s\n' 'dataset = /nowhere' 'base = scratch' \
        "description = $made" "${@:2}" >"templates/$1"
    echo "$1" >processes/local/template
    touch processes/local/start
    expect succeeded timeout 60 cat processes/local/wait
}
there() { (cd "models/$1" && echo [0-9]*); }
eventually_there() # VERSIONS: the status is there before the old ones have gone
{
    is() { [ "$(there x)" = "$1" ]; }
    eventually 20 is "$1" || fail "there are $(there x), not $1"
}

step "bad numbers are refused"
none() { echo 'keep = 0' >templates/y; }
refused 'Invalid argument' 'keep must be an integer from 1' none

step "without it, all are kept"
for i in 1 2 3; do version x; done
eventually_there '1 2 3'

step "the oldest go, and events says so"
version x 'keep = 2'
eventually_there '3 4'
grep -q 'models/x/1 removed: the template has keep = 2' events
grep -q 'models/x/2 removed: the template has keep = 2' events
expect 4 readlink models/x/latest
version x 'keep = 2'
eventually_there '4 5'

step "what a text names by its number stays"
echo 'model = x/4' >services/pinned
printf 'dataset = /nowhere\nbase = models/x/5\n' >templates/onward
version x 'keep = 1'
eventually_there '4 5 6'
rm services/pinned templates/onward
version x 'keep = 1'
eventually_there '7'

step "what a running service answers with stays"
echo 'model = x/7' >services/inbox
mkdir inference/inbox
touch inference/inbox/start
await_serving running
version x 'keep = 1'
eventually_there '7 8'
expect_errno 'busy' rm -r models/x/7
touch inference/inbox/stop
await_serving stopped
rmdir inference/inbox
rm services/inbox
version x 'keep = 1'
eventually_there '9'
version other
expect '9' there x
