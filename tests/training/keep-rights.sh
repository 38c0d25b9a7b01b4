#!/bin/bash
# keep = N removes models with the right to delete of whoever has written it,
# not with that of whoever starts the training, or of who has mounted.
# timeout: 240
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
. "$(dirname "$0")/../users.sh"
users_make anna boris
export PYTHON
models_mount -o allow_other
made=$(mktemp -d "$SCRATCH/model.XXXXXX")
"$BUILD/tests/unit/files/export_test" "$made" 32 2 resnet18 >/dev/null
role annas "members = $anna" 'templates = view create edit' \
    'models = view delete' 'processes = view create edit manage'
role boriss "members = $boris" 'templates = view create edit' \
    'models = view' 'processes = view create edit manage'
mkdir "$MNT/processes/local"
written() # USER LINE…: writes the template x
{
    printf '%s\n' 'dataset = /nowhere' 'base = scratch' \
        "description = $made" "${@:2}" |
        runuser -u "$1" -- tee "$MNT/templates/x" >/dev/null
    echo x >"$MNT/processes/local/template"
}
trained()
{
    echo /nowhere >"$MNT/processes/local/start"
    expect succeeded timeout 60 cat "$MNT/processes/local/wait"
}
there() { (cd "$MNT/models/x" && echo [0-9]*); }
there_are() { [ "$(there)" = "$1" ]; }
told() { grep -q "$1" "$MNT/events"; }

step "who may not delete models removes none, also when root starts"
written "$boris" 'keep = 1'
trained
trained
refusal="$boris models/x keep = 1 removes nothing: the right 'delete' for models"
eventually 20 told "$refusal" || fail "$(cat "$MNT/events")"
expect '1 2' there

step "who may delete them keeps so many"
written "$anna" 'keep = 2'
trained
eventually 20 there_are '2 3' || fail "there are $(there)"
told "$anna models/x/1 removed: the template has keep = 2" ||
    fail "$(cat "$MNT/events")"

step "the right that counts is that of the time when the model appears"
role annas "members = $anna" 'templates = view create edit' 'models = view' \
    'processes = view create edit manage'
trained
eventually 20 told "$anna models/x keep = 2 removes nothing" ||
    fail "$(cat "$MNT/events")"
expect '2 3 4' there

step "a type's keep is its writer's"
printf 'keep = 1\n' >"$MNT/types/tidy"
written "$boris" 'type = tidy'
trained
eventually 20 there_are '5' || fail "there are $(there)"
