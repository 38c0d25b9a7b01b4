#!/bin/sh
# robot.sh INBOX TARGET: moves each picture of the service INBOX (mount/inference/NAME)
# that is answered into TARGET/CLASS, or into TARGET/check where the model is not sure.
set -eu
inbox=$1 target=$2
while [ -e "$inbox/status" ]; do
    for answer in "$inbox"/out/*.json; do
        name=$(jq -er .file "$answer" 2>/dev/null) && [ -e "$inbox/in/$name" ] || continue
        class=$(jq -r 'if .state == "ok" then .items[0].field else "check" end' "$answer")
        mkdir -p "$target/$class" && mv -n "$inbox/in/$name" "$target/$class/"
    done
    inotifywait -qq -t 10 -e create "$inbox/out" || :
done
