#!/bin/sh
# drop-folder.sh FOLDER INBOX: brings what a scanner or a mail program leaves in
# FOLDER to the service INBOX (mount/inference/NAME), and removes it there. What
# the service does not take ends in FOLDER/refused.
#
#   drop-folder.sh /srv/scans ~/primo/inference/inbox
#
# For a machine whose scanner cannot write into the service's in/ itself, which
# is better: FOLDER is an ordinary folder, and so nobody knows when a file in it
# is complete. A file is taken when it was closed or renamed, and has not changed
# for SECONDS (3). Attachments of mails become files by, say, a line of
# ~/.procmailrc: `| ripmime -i - -d /srv/scans`. Needs inotifywait (inotify-tools).
set -eu
[ $# -eq 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1 inbox=$2 seconds=${SECONDS_QUIET:-3}

# The name in in/ carries the time: two scans called 0001.jpg are two requests.
# What cannot be copied but has an answer, as soon as it is closed, is none that
# the service takes; all else that fails is tried again.
bring()
{
    name=$(date +%Y%m%d-%H%M%S)-$(basename "$1")
    if cp -- "$1" "$inbox/in/$name"; then
        rm -- "$1"
    else
        if timeout 5 cat "$inbox/wait/$name" >/dev/null 2>&1; then
            mv -- "$1" "$folder/refused/"
        fi
        rm -f -- "$inbox/in/$name"
    fi
}

quiet()
{
    [ $(($(date +%s) - $(stat -c %Y "$1"))) -ge "$seconds" ]
}

mkdir -p "$folder/refused"
while [ -e "$inbox/status" ]; do
    for file in "$folder"/*.*; do
        case $file in
        *.part | *.partial | *.filepart | *.tmp | *.crdownload) continue ;;
        esac
        [ -s "$file" ] && quiet "$file" || continue
        bring "$file"
    done
    inotifywait -qq -t "$seconds" -e close_write -e moved_to "$folder" || :
done
