#!/bin/bash
# Roles, with real users and groups: what each right allows is what
# docs/roles.md promises, and nothing more. A user of the guide is given
# exactly the rights that it asks for and does all its steps; then each right
# is taken away in turn, and just the steps that need it are refused.
# timeout: 600
# not under: thread
. "$(dirname "$0")/../lib.sh"

. "$(dirname "$0")/../users.sh"

# anna, bert and carl; carl is in a group.
users_make anna bert carl
group_make group "$carl"
denied() # REGEX USER COMMAND: refused, with a sentence that has REGEX
{
    refused 'Permission denied' "$1" as "$2" "$3"
}

pictures "$SCRATCH/data" 6 2
mount_primofs "$STATE" "$MNT" -o allow_other
cd "$MNT"

step "without roles, other users can do nothing"
put templates/x ''
for command in 'ls' 'cat README' 'ls templates' 'cat templates/x' \
    'echo >templates/x' 'touch templates/new' 'rm templates/x' \
    'mv templates/x templates/y' 'chmod 600 templates/x' \
    'mkdir processes/local' 'cat errors' 'cat overview' 'cat events' \
    'cat machines/local' 'ls models' 'touch roles/mine'; do
    denied "missing.*: $anna is in no role; root can grant it" $anna "$command"
done
rm templates/x

step "a role that names nobody is refused"
refused 'Invalid argument' "roles/typo:1:11: there is no user '${anna}a'" \
    role typo "members = ${anna}a"
refused 'Invalid argument' "there is no group '${group}g'" \
    role typo "members = $anna @${group}g"
[ ! -e roles/typo ]

# ---- the guide

dataset="dataset = $SCRATCH/data"
# The steps of the guide: the right that each needs, and what it does.
walk='
templates view      ls templates
templates create    printf "'"$dataset"'\nepochs = 1\nimage_size = 32\n" >templates/bills
templates view      grep dataset templates/bills
processes create    mkdir processes/local
processes create    echo bills >processes/local/template
processes manage    echo "'"$SCRATCH/data"'" >processes/local/start
processes view      cat processes/local/status processes/local/progress
processes view      ls processes/local
processes manage    touch processes/local/stop
processes view      cat processes/local/wait overview
processes manage    touch processes/local/resume
processes view      cat processes/local/wait
processes view      tail -n 2 processes/local/metrics.csv
processes view      cat processes/local/monitor.svg processes/local/config
processes manage    echo no >processes/local/enabled
processes manage    echo yes >processes/local/enabled
'

# Like last_error of lib.sh, for a sentence that is wrapped over two lines.
refused()
{
    local message=$1 regex before after
    regex=$(tr -s ' \n' ' ' <<<"$2")
    regex=${regex% }
    shift 2
    before=$(stat -c %s "$MNT/errors")
    expect_errno "$message" "$@"
    after=$(tail -c "+$((before + 1))" "$MNT/errors")
    grep -Eq -- "$regex" <<<"$after" ||
        fail "'$*' left '$after' in errors, expected a match of '$regex'"
}

# walk_guide [KIND RIGHT]: does the steps of the guide as carl, whose group has
# all rights that the guide asks for except this one. Root does what he is
# refused.
walk_guide()
{
    local kind right command needs="${*:-nothing}"
    while read -r kind right command; do
        [ -n "$kind" ] || continue
        if [ "$needs" = "$kind $right" ]; then
            denied "the right '($right|edit)' for $kind is missing: $carl is in
                roles/guide, which does not give it; root can grant it" \
                $carl "$command" </dev/null
            bash -c "$command" </dev/null >"$SCRATCH/out"
        else
            as $carl "$command" </dev/null >"$SCRATCH/out" 2>&1 ||
                fail "without $needs, '$command' failed: $(cat "$SCRATCH/out")"
        fi
    done <<<"$walk"
    await succeeded 120
    rmdir processes/local
    rm templates/bills
}
step "the rights that the guide asks for suffice for its steps"
role guide "members = @$group" 'templates = create, view' \
    'processes = create, view, manage'
walk_guide
grep -q "$carl templates/bills created" events
grep -q "$carl processes/local started" events

step "these rights allow nothing beyond the guide"
put templates/x ''
mkdir processes/local
echo x >processes/local/template
while read -r right kind command; do
    denied "'$right' for $kind is missing: $carl is in roles/guide" $carl \
        "$command" </dev/null
done <<'END'
edit    templates  echo >>templates/x
edit    templates  sed -i s/x/y/ templates/x
edit    templates  mv templates/x templates/y
edit    templates  chmod 600 templates/x
delete  templates  rm -f templates/x
edit    processes  echo x >processes/local/template
delete  processes  rmdir processes/local
delete  processes  rm -rf processes/local
view    machines   cat machines/local
view    machines   ls machines
edit    machines   echo >machines/local
create  machines   touch machines/new
view    models     ls models
view    models     cat models/bills/1/labels.txt
view    models     cat models/bills/latest/model.onnx
delete  models     rm -rf models/bills
view    types      cat types/classifier
create  types      touch types/new
view    bases      cat bases/base
view    roles      cat roles/guide
view    roles      ls roles
create  roles      echo members = root >roles/mine
edit    roles      echo members = root >roles/guide
delete  roles      rm -f roles/guide
END
rm -r processes/local templates/x

step "without any one of them, the steps that need it are refused"
for kind in templates processes; do
    for right in create view manage; do
        rights='create view manage'
        case $kind in
        templates) [ $right != manage ] || continue
            rights='create view'
            role guide "members = @$group" "templates = ${rights/$right/}" \
                'processes = create view manage' ;;
        *) role guide "members = @$group" 'templates = create view' \
            "processes = ${rights/$right/}" ;;
        esac
        echo "   without $kind: $right"
        walk_guide $kind $right
    done
done

step "models: view lets a member take the model, and all see one owner"
role guide "members = @$group" 'templates = create view' 'models = view'
as $carl 'cp models/bills/latest/model.onnx /dev/null'
as $carl 'cat models/bills/1/labels.txt' >"$SCRATCH/labels"
[ "$(wc -l <"$SCRATCH/labels")" = 10 ]

step "what the kernel has cached for one user is not given to another"
cat models/bills/1/* templates/* >/dev/null
denied "'view' for models" $bert 'cat models/bills/1/model.onnx'
denied "'view' for models" $bert 'readlink -v models/bills/latest'
as $carl 'cat models/bills/1/model.onnx' >/dev/null
role guide "members = @$group" 'templates = create view'
denied "'view' for models" $carl 'cat models/bills/1/model.onnx'
denied "'view' for models" $carl 'ls models/bills/1'

# ---- members

step "members are found by name, by number and by group"
role others "members = $bert" 'types = view'
as $bert 'cat types/classifier' >/dev/null
denied "$anna is in no role, roles/others gives it" $anna 'cat types/classifier'
role others "members = $(id -u $anna)" 'types = view'
as $anna 'cat types/classifier' >/dev/null
denied "'view' for types" $bert 'cat types/classifier'
role others "members = @$bert" 'types = view' # his own group
as $bert 'cat types/classifier' >/dev/null
role others "members = @$(getent group $group | cut -d: -f3)" 'types = view'
as $carl 'cat types/classifier' >/dev/null

step "the groups that count are those of the calling process"
denied "'view' for types" $bert 'cat types/classifier'
runuser -u $bert -G $group -- cat "$MNT/types/classifier" >/dev/null
expect_errno 'Permission denied' setpriv --reuid $carl --regid $carl \
    --clear-groups cat "$MNT/types/classifier"
setpriv --reuid $carl --regid $carl --init-groups \
    cat "$MNT/types/classifier" >/dev/null

step "a changed role counts at once, also when an editor saves it"
sed -i "s/@.*/$anna/" roles/others
as $anna 'cat types/classifier' >/dev/null
denied "'view' for types" $carl 'cat types/classifier'
mv roles/others roles/different
as $anna 'cat types/classifier' >/dev/null
cp roles/different roles/others
rm roles/different
as $anna 'cat types/classifier' >/dev/null
rm roles/others
denied "'view' for types" $anna 'cat types/classifier'

step "roles are there after the next mount"
cd /
umount_primofs
mount_primofs "$STATE" "$MNT" -o allow_other
cd "$MNT"
as $carl 'ls templates'
denied "'view' for types" $carl 'cat types/classifier'

step "a member who may edit roles can grant any right"
role admins "members = $anna" 'roles = view edit create delete manage'
denied "root or a member of roles/admins can grant it" $bert 'cat README'
as $anna "printf 'members = $bert\nmachines = view edit\n' >roles/operators"
as $bert 'sed -n 1p machines/local' >/dev/null
as $bert 'echo "nice = 1" >>machines/local'
as $anna "rm roles/operators"
denied "'view' for machines" $bert 'cat machines/local'

# ---- what each sees

step "errors shows everyone their own refusals, and the administrator all"
role others "members = $bert"
as $bert 'cat errors' >"$SCRATCH/his"
grep -q " $bert " "$SCRATCH/his"
! grep -v '^    ' "$SCRATCH/his" | grep -v " $bert " ||
    fail "somebody else's refusals"
expect "$(wc -c <"$SCRATCH/his")" as $bert 'stat -c %s errors'
expect "$(tail -n 1 "$SCRATCH/his")" as $bert 'tail -n 1 errors'
grep -q " $carl " errors
cat errors >"$SCRATCH/all"
as $anna 'cat errors' | cmp - "$SCRATCH/all"
[ "$(wc -c <"$SCRATCH/his")" -lt "$(wc -c <"$SCRATCH/all")" ]

step "ls -l shows the same to all users"
role everything "members = $anna $bert $carl" 'templates = view create edit' \
    'processes = view create' 'machines = view' 'models = view' 'types = view' \
    'bases = view' 'services = view' 'requests = view' \
    'roles = view manage'
as $bert 'echo >templates/his'
as $carl 'mkdir processes/local'
list='ls -lRn --time-style=full-iso'
$list >"$SCRATCH/all"
for user in $anna $bert $carl; do
    as $user "$list" | cmp - "$SCRATCH/all"
done
expect "$bert" stat -c %U templates/his

step "test -r and test -w answer for the caller"
while read -r answer user test; do
    as "${!user}" "test $test" && got=yes || got=no
    [ $got = "$answer" ] || fail "test $test of $user: $got"
done <<'END'
yes  anna  -r templates/his
yes  anna  -w templates/his
yes  anna  -w templates
yes  anna  -r processes/local/status
no   anna  -w processes/local/status
no   anna  -w processes/local/start
yes  carl  -w processes/local/template
no   bert  -w processes/local/template
no   bert  -w machines/local
no   bert  -w machines
no   bert  -x machines/local
yes  bert  -x machines
END

step "a mode can tighten what a role allows, never widen it"
as $bert 'chmod 600 templates/his'
denied 'mode of the file, 600, does not allow it' $anna 'cat templates/his'
denied 'mode of the file, 600' $anna 'echo >templates/his'
as $bert 'cat templates/his'
as $bert 'chmod 444 templates/his'
denied 'mode of the file, 444' $bert 'echo >templates/his'
as $anna 'cat templates/his'
as $bert 'chmod 666 templates/his'
as $anna 'echo "epochs = 3" >templates/his'
role everything "members = $anna $bert" 'templates = view' 'machines = view'
denied "'edit' for templates" $bert 'echo >templates/his'
chmod 666 machines/local
denied "'edit' for machines" $bert 'echo >machines/local'
denied 'is missing' $carl 'cat machines/local'
expect_errno 'denied|not permitted' as $bert "chown $anna templates/his"

step "copying tools and editors work with the right to create alone"
role everything "members = $anna" 'templates = view create'
mkdir -m 777 "$SCRATCH/new"
echo 'epochs = 4' >"$SCRATCH/new/t1"
touch -d 2024-05-06 "$SCRATCH/new/t1"
chmod 644 "$SCRATCH/new/t1"
for command in "cp -p $SCRATCH/new/t1 templates/" \
    "install -m 640 $SCRATCH/new/t1 templates/" \
    "rsync -t $SCRATCH/new/t1 templates/" \
    "tar c -C $SCRATCH/new t1 | tar x --no-same-owner -C templates" \
    "vi -es -u NONE -c 's/^/epochs = 4/' -c wq templates/t1 </dev/null" \
    "python3 -c 'import shutil; shutil.copy2(\"$SCRATCH/new/t1\",
        \"templates/t1\")'"
do
    as $anna "$command" >/dev/null || fail "$command"
    expect 'epochs = 4' cat templates/t1
    rm templates/t1
done
as $anna 'touch templates/t1'

step "without allow_other the kernel keeps others out"
cd /
umount_primofs
mount_primofs
expect_errno 'Permission denied' as $anna 'cat README'
