#!/bin/sh
# on-new-model.sh MOUNT SEEN COMMAND…: run COMMAND with the path of each model
# version, once, as it appears: after a training, whoever started it.
#
#   on-new-model.sh ~/primo ~/.seen-models sh -c 'cp -r "$1" /srv/models/' -
#
# SEEN is a file that keeps which versions COMMAND has had; one that fails is
# tried again with the next event, or after a minute. Needs inotifywait
# (inotify-tools). Ends when the mount goes.
set -eu
[ $# -ge 3 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mount=$1 seen=$2
shift 2
touch "$seen"

# What counts is what is there, not which event came: nothing is missed that
# appeared while nobody looked.
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
