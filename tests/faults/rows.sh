#!/bin/bash
# No row of metrics.csv is missing, and none is twice, where a run has lost its
# first journal, or all of its run directory.
# timeout: 400
. "$(dirname "$0")/../lib.sh"
pictures "$SCRATCH/data" 4 2
mount_primofs
printf 'threads = 1\n' >"$MNT/machines/local"
printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' 'epochs = 4' \
    >"$MNT/templates/t"
process=$MNT/processes/local
mkdir "$process"
echo t >"$process/template"
has_epochs() { [ "$(epoch_rows "$process/metrics.csv" | wc -l)" -ge "$1" ]; }
epochs() { epoch_rows "$1" | cut -d, -f2; }
kill_all()
{
    kill -9 $(daemon_pids) $(trainer_pids)
    daemon_kill
    eventually 10 no_trainer
}
# A training that is killed after an epoch, and loses what `$@` removes.
loses()
{
    touch "$process/start"
    eventually 120 has_epochs 1 || fail "no epoch: $(cat "$process/log")"
    kill_all
    "$@"
    mount_primofs
    timeout 200 cat "$process/wait" >"$SCRATCH/end"
    expect succeeded cat "$SCRATCH/end"
    expect $'1\n2\n3\n4' epochs "$process/metrics.csv"
    expect $'1\n2\n3\n4' epochs "$process/model/metrics.csv"
}

step "the first journal"
journal_lost() { rm "$STATE"/runs/*/journal.000001; }
loses journal_lost

step "the run directory"
directory_lost() { rm -r "$STATE"/runs/*[0-9]; }
loses directory_lost
