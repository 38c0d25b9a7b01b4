#!/bin/bash
# A daemon of root trains with the rights of the user who started the
# training, through a restart and a resume, and with a base model that this
# user cannot reach. Otherwise a dataset path would let users read what they
# may not.
# timeout: 300
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
users_make user
as() { runuser -u "$user" -- "$@"; }

pictures "$SCRATCH/data" 12 2
chmod -R a+rX "$SCRATCH/data"
mount_primofs "$STATE" "$MNT" -o allow_other
printf '%s\n' "members = $user" 'templates = view create edit' \
    'processes = view create edit manage' 'models = view' >"$MNT/roles/trainers"
process=$MNT/processes/local

# template NAME LINE…: writes a template as the user.
template()
{
    local name=$1
    shift
    printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' "$@" |
        as tee "$MNT/templates/$name" >/dev/null
}
# begins NAME: the user starts a training by this template.
begins()
{
    as sh -c 'echo "$1" >"$2/template" && touch "$2/start"' - "$1" "$process"
    await running
}
trainer() { stat -c %U "/proc/$(trainer_pids)"; }
is_trained_by() { [ "$(trainer)" = "$1" ]; }
trains_as()
{
    eventually 20 is_trained_by "$1" || fail "trained by $(trainer), not $1"
}

step "a run stays its user's through a restart and a resume by root"
template long 'epochs = 9000'
as mkdir "$process"
begins long
trains_as "$user"
pid=$(trainer_pids)
grep -q '^NoNewPrivs:.1$' "/proc/$pid/status"
grep -q '^CapEff:.0*$' "/proc/$pid/status"
expect_match "$user" stat -c %U "$STATE"/runs/[0-9]*[0-9]
# What the trainer writes becomes a model: even its user cannot get there.
chmod 711 "$STATE" # as older versions made it
run=$(echo "$STATE"/runs/[0-9]*[0-9])
expect 700 stat -c %a "$STATE/runs"
for way in "$run" "/proc/$pid/cwd" "/proc/$pid/root$run" "/proc/$pid/fd"; do
    expect_errno 'Permission denied' as ls "$way/"
    expect_errno 'Permission denied' as touch "$way/stop"
done
expect_errno 'Permission denied' as head -c 1 "/proc/$pid/mem"
expect_match 'confined|NOT confined' cat "$process/log"
eventually 60 grep -q ',[1-9]' "$process/metrics.csv"
kill -9 "$pid"
is_another() { [ -n "$(trainer_pids)" ] && [ "$(trainer_pids)" != "$pid" ]; }
eventually 30 is_another || fail "not started again"
trains_as "$user"
touch "$process/stop" # by root
await stopped 20
touch "$process/resume"
await running
trains_as "$user"
touch "$process/stop"
await stopped 20

step "root's own runs stay root's, also by a template of another that root confirms"
echo long >"$process/template"
refused 'Permission denied' "last written by $user.*write this path into start" \
    touch "$process/start"
refused 'Permission denied' "last written by $user" put "$process/start" '1\n'
refused 'Invalid argument' "has the dataset '$SCRATCH/data', not '/data'" \
    put "$process/start" '/data\n'
expect stopped cat "$process/status"
put "$process/start" "$SCRATCH/data\n"
await running
trains_as root
touch "$process/stop"
await stopped 20

step "a model becomes a base, though the user cannot reach the state"
template short 'epochs = 1'
begins short
await succeeded 60
expect_errno 'Permission denied' as ls "$STATE/bases"
template further 'epochs = 1' 'base = models/short/1'
begins further
await succeeded 60
as test -r "$MNT/models/further/1/model.onnx"

step "a dataset the user may not read fails with a reason, even behind a link"
mkdir -m 700 "$SCRATCH/closed"
cp -r "$SCRATCH/data/train" "$SCRATCH/closed"
ln -s closed/train "$SCRATCH/open"
printf 'dataset = %s\n' "$SCRATCH/open" | as tee "$MNT/templates/link" >/dev/null
echo link | as tee "$process/template" >/dev/null
as touch "$process/start"
await failed 30
expect_match '^reason: .*Permission denied' cat "$process/info"
