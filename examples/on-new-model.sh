#!/bin/sh
# on-new-model.sh MOUNT SEEN COMMAND…: runs COMMAND once for each version of a
# model, with its path, as soon as it appears, whoever has trained it.
#
#   on-new-model.sh ~/primo ~/.seen-models sh -c 'cp -r "$1" /srv/models/' -
#
# The file SEEN lists the versions for which COMMAND has succeeded. One that has
# failed is tried again with the next event, or after a minute. The script needs
# inotifywait (inotify-tools), and ends when the mount goes.
set -eu
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mount=$1 seen=$2
shift 2
touch "$seen"

# Events only say when to look; which models are new is found out by listing
# them. So none is missed that appeared while this script did not run.
look()
{
    for model in "$mount"/models/*/[0-9]*; do
        [ -d "$model" ] || continue
        if ! grep -Fqx -e "$model" "$seen" && "$@" "$model"; then
            printf '%s\n' "$model" >>"$seen"
        fi
    done
}

while [ -e "$mount/README" ]; do
    look "$@"
    inotifywait -qq -r -t 60 -e create "$mount/models" || :
done
