#!/bin/bash
# What is closed to a user stays closed, whichever way he goes about it: files
# whose owner has closed them by their mode.
# timeout: 300
# not under: address thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
users_make anna bert

mount_primofs "$STATE" "$MNT" -o allow_other
cd "$MNT"
all='view create edit delete'
role all "members = $anna $bert" "templates = $all" "bases = $all"

step "the mode and the owner of a file are its owner's"
as "$anna" "printf 'description = secret\n' >templates/hers"
as "$anna" 'chmod 600 templates/hers'
before=$(stat -c '%i %a %U %s' templates/hers)
for command in 'chmod 666 templates/hers' 'chmod a+r templates/hers' \
    "chown $bert templates/hers" "chgrp $bert templates/hers"; do
    refused 'Operation not permitted' 'only its owner and the administrator' \
        as "$bert" "$command"
done
as "$bert" 'echo "description = his" >templates/his'
for command in 'cat templates/hers' 'echo x >>templates/hers' \
    'truncate -s 0 templates/hers' 'sed -i s/secret/x/ templates/hers' \
    'mv -f templates/his templates/hers' 'cp -f templates/his templates/hers' \
    'rsync templates/his templates/hers' 'mv templates/hers templates/away' \
    'mv templates/hers templates/.hers' 'rm -f templates/hers' \
    'touch templates/hers' 'touch -d 2020-01-01 templates/hers'; do
    expect_errno 'Permission denied' as "$bert" "$command"
done
expect "$before" stat -c '%i %a %U %s' templates/hers
expect 'description = secret' cat templates/hers

step "the owner, and the administrator, can do all that"
as "$anna" 'chmod 400 templates/hers && mv templates/hers templates/away &&
    mv templates/away templates/hers && touch -d 2020-01-01 templates/hers &&
    cp -p templates/his templates/new && mv -f templates/new templates/hers'
expect 'description = his' cat templates/hers
as "$anna" 'chmod 600 templates/hers && rm templates/hers'
chmod 600 templates/his
chown "$anna" templates/his
expect "$anna 600" stat -c '%U %a' templates/his

step "files that are open to others are edited and replaced by them"
as "$anna" 'echo "seed = 1" >templates/hers && chmod 644 templates/hers'
as "$bert" 'sed -i s/1/2/ templates/hers'
as "$bert" 'echo "seed = 3" >templates/x && mv -f templates/x templates/hers'
expect 'seed = 3' cat templates/hers
as "$anna" 'rm -f templates/hers'
