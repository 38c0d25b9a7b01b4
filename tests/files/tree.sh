#!/bin/bash
# What is in the tree from the first mount on. Users find their way by listing
# it, programs rely on its sizes and inode numbers, and nobody can change what
# is generated.
# timeout: 120
. "$(dirname "$0")/../lib.sh"
mount_primofs
cd "$MNT"

names() { ls -A "$1" | sort | tr '\n' ' ' | sed 's/ $//'; }

step "the first mount has the built-in files and directories"
expect 'README bases errors events inference machines models overview overview.json processes roles service.example services template.example templates types' \
    names .
expect '' names templates
expect '' names processes
expect '' names services
expect '' names inference
expect '' names models
expect local names machines
expect classifier names types
expect 'base mobilenet scratch' names bases

step "the modes of files say what can be done with them"
for dir in . templates services machines processes models types bases roles; do
    expect directory stat -c %F $dir
done
for file in README overview overview.json errors events template.example service.example; do
    expect 444 stat -c %a $file
done

step "generated files have exact sizes and cannot be changed"
for file in README overview overview.json errors events template.example service.example \
    machines/local; do
    cat $file >"$SCRATCH/copy"
    expect "$(wc -c <"$SCRATCH/copy")" stat -c %s $file
done
for file in README overview overview.json errors events template.example service.example; do
    expect_errno 'denied|not permitted' put $file x
    expect_errno 'denied|not permitted' rm -f $file
    expect_errno 'denied|not permitted' mv $file templates/$file
    expect_errno 'denied|not permitted' chmod 666 $file
    [ -r $file ]
done
expect_errno 'denied|not permitted' put new x
expect_errno 'denied|not permitted' mkdir new
expect_errno 'denied|not permitted' rmdir templates
expect_errno 'denied|not permitted' put models/x x
expect_errno 'denied|not permitted' mkdir models/x
expect_errno "Invalid argument" put types/x "x\n"
expect_errno 'No such file' cat nosuch
expect_errno 'No such file' ls processes/local

step "README and template.example say what to do"
grep -q 'processes/local/start' README
for key in type base dataset augment extensions epochs iterations batch_size \
    learning_rate workers image_size test_fraction precision patience seed; do
    grep -q "^$key =" template.example || fail "no $key in template.example"
done
cp template.example templates/all-defaults
cmp template.example templates/all-defaults
cp service.example services/all-defaults
cmp service.example services/all-defaults
grep -q '^local' overview

step "input directories take nothing but plain files"
expect_errno 'not permitted' mkdir templates/folder
refused 'not permitted' 'links and special files' \
    ln -s all-defaults templates/link
before=$(wc -c <errors) # Emacs' lock is no refusal that anybody looks for
expect_errno 'not permitted' ln -s user@host.1:2 'templates/.#all-defaults'
expect "$before" sh -c 'wc -c <errors'
expect_errno 'not permitted' ln templates/all-defaults templates/link
expect_errno 'not permitted' mkfifo templates/pipe
expect_errno 'cross-device' \
    perl -e 'rename "templates/all-defaults", "machines/x" or die "$!\n"'
expect 'all-defaults' names templates

step "copying the whole tree starts nothing and changes nothing"
mkdir processes/local
mkdir "$SCRATCH/copied"
cp -r . "$SCRATCH/copied/"
tar cf "$SCRATCH/all.tar" .
find . -type f -exec cat {} + >/dev/null
ls -lR >/dev/null
expect created cat processes/local/status

step "inode numbers are unique and stay, and . and .. are right"
expect '' sh -c "find . ! -type l -printf '%i\n' | sort | uniq -d"
expect "$(stat -c %i templates)" stat -c %i templates/..//templates/.
before=$(find . -printf '%i %p\n' | sort)
cd /
umount_primofs
mount_primofs
cd "$MNT"
expect "$before" sh -c "find . -printf '%i %p\n' | sort"

step "df says how much room there is"
expect_match '^[1-9]' stat -f -c %b .
