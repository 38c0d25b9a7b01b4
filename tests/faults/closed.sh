#!/bin/bash
# What is closed to a user stays closed, whichever way he goes about it: files
# whose owner has closed them by their mode, and texts and weights that he may
# not view, which he could read through a training of his own, and what a right
# that was taken away would let him do through a file that is open.
# timeout: 600
# not under: address|thread
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

step "nobody reads through a training what he may not view"
pictures "$SCRATCH/data" 12 2
chmod -R a+rX "$SCRATCH/data"
common="dataset = $SCRATCH/data\nimage_size = 32"
template() # NAME LINE…: of root's
{
    printf "$common\n" >"templates/$1"
    printf '%s\n' "${@:2}" >>"templates/$1"
}
template secret 'epochs = 1'
mkdir processes/local
echo secret >processes/local/template
touch processes/local/start
await succeeded
cp models/secret/1/model.safetensors bases/private.safetensors
chmod 600 bases/private.safetensors
cp models/secret/1/model.safetensors bases/open.safetensors
template closed 'description = closed'
chmod 600 templates/closed
printf 'goal = classification\nepochs = 9000\n' >types/mine
manage='processes = view create manage'
sees='templates = view create'
denies() # REGEX TEMPLATE: anna cannot start that
{
    echo "$2" >processes/local/template
    refused 'Permission denied' "$1" as "$anna" 'touch processes/local/start'
    refused 'Permission denied' "$1" as "$anna" 'echo >processes/local/start'
    expect succeeded cat processes/local/status
}
role all "members = $anna" "$manage"
denies "'templates/secret': the right 'view' for templates" secret
role all "members = $anna" "$manage" "$sees"
denies "'templates/closed': the mode of the file, 600" closed
as "$anna" "printf '$common\nbase = models/secret/1\n' >templates/model"
as "$anna" "printf '$common\nbase = models/secret/latest\n' >templates/latest"
as "$anna" "printf '$common\nbase = private\n' >templates/private"
as "$anna" "printf '$common\nbase = open\n' >templates/open"
as "$anna" "printf '$common\ntype = mine\n' >templates/typed"
denies "'models/secret/1': the right 'view' for models" model
denies "'models/secret/1': the right 'view' for models" latest
denies "'bases/private.safetensors': the right 'view' for bases" private
denies "'bases/open.safetensors': the right 'view' for bases" open
denies "'types/mine': the right 'view' for types" typed
role all "members = $anna" "$manage" "$sees" 'bases = view create edit'
denies "'bases/private.safetensors': the mode of the file, 600" private
template defaults 'type = mine'
printf 'goal = classification\nbase = private\n' >types/mine
role all "members = $anna" "$manage" "$sees" 'bases = view' 'types = view'
denies "'bases/private.safetensors': the mode of the file, 600" defaults
reached() { as "$anna" "cat '$STATE'/runs/*/base '$STATE'/bases/*" 2>/dev/null; }
[ -z "$(reached)" ] || fail "the weights can be reached"

step "what he may view he trains with"
role all "members = $anna" "$manage" "$sees" 'bases = view' 'models = view'
for name in open model latest; do
    echo 'epochs = 1' >>"templates/$name"
    echo "$name" >processes/local/template
    as "$anna" 'touch processes/local/start'
    await succeeded
done
role all "members = $anna" "$manage" 'templates = create'
as "$anna" "printf '$common\nepochs = 1\n' >templates/own"
echo own >processes/local/template
as "$anna" 'touch processes/local/start' # with what is built in
await succeeded

step "a right that was taken away is gone for open files, too"
role all "members = $anna" "$manage edit" 'templates = view create edit' \
    'roles = manage'
template open 'epochs = 9000'
echo open >processes/local/template
user='exec 3>processes/local/start 4>processes/local/enabled 5>>templates/open \
    6<events 7<processes/local/status 8<errors 9>templates/never
try() { "${@:2}" 2>/dev/null && echo "$1 done" || echo "$1 refused"; }
head -c 1 <&7 >/dev/null
echo ready
read -r line
try start bash -c "echo >&3"
try enabled bash -c "echo no >&4"
try save python3 -c "import os; os.write(5, b\"seed = 5\n\"); os.fsync(5)"
try create python3 -c "import os; os.write(9, b\"seed = 5\n\"); os.fsync(9)"
try events python3 -c "import os; os.pread(6, 9999, 0)"
try status python3 -c "import os; os.pread(7, 99, 0)"
try errors python3 -c "import os; os.pread(8, 99, 0)"
'
coproc held { as "$anna" "$user" 2>&1; }
read -r line <&"${held[0]}"
expect ready echo "$line"
rm roles/all
cat events processes/local/status errors >/dev/null # the kernel has their pages
echo >&"${held[1]}"
answers=$(cat <&"${held[0]}")
for what in start enabled save create events status errors; do
    expect_match "^$what refused" cat <<<"$answers"
done
wait
expect succeeded cat processes/local/status
expect yes cat processes/local/enabled
! grep seed templates/open || fail "it was saved"
[ ! -s templates/never ]

step "a hidden file stays so for who may not bring it back"
role all "members = $bert" 'templates = view create'
rm processes/local/status processes/local/start
expect_errno 'denied|No such' as "$bert" 'echo >processes/local/start'
expect_errno 'denied|No such' as "$bert" \
    'python3 -c "import os; os.open(\"processes/local/status\", os.O_CREAT)"'
[ ! -e processes/local/status ] || fail "status is there again"
[ ! -e processes/local/start ] || fail "start is there again"
