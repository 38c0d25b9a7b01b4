#!/bin/bash
# The texts of a process and of a service at work can be replaced by renaming,
# as sed -i, editors, Ansible and rsync do it, and what such tools leave or
# misspell is no text.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
command -v python3 sed perl >/dev/null || skip "no python3 or perl"

mount_primofs
cd "$MNT"
echo 'dataset = /nowhere' >templates/a
cp templates/a templates/b
mkdir processes/local
cd processes/local
is_clean() # nothing is left beside the files that belong here
{
    ls -A | sort | comm -23 - "$SCRATCH/names"
}
ls -A | sort >"$SCRATCH/names"

step "mv, from here and from elsewhere"
echo a >template.new
mv template.new template
expect a cat template
echo b >"$SCRATCH/new"
mv "$SCRATCH/new" template
expect b cat template

step "sed -i, with and without a copy"
sed -i s/b/a/ template
expect a cat template
sed -i.bak s/a/b/ template
expect b cat template
expect a cat template.bak
rm template.bak
sed -i s/yes/no/ enabled
expect no cat enabled
printf '# all\na\nb\na\n' >queue
sed -i 's/^b$/a/' queue
expect $'# all\na\na\na' cat queue
perl -i -pe 's/^a$/b/ if $. == 2' queue
expect $'# all\nb\na\na' cat queue
expect '' is_clean

step "a program that writes aside, syncs and renames (Ansible, atomicwrites)"
python3 - <<'END' || fail "python"
import os, shutil, stat, tempfile
def replace(name, text, prefix):
    fd, aside = tempfile.mkstemp(prefix=prefix, dir=".", suffix=name)
    with os.fdopen(fd, "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    shutil.copystat(name, aside)
    os.chown(aside, os.stat(name).st_uid, os.stat(name).st_gid)
    assert open(aside).read() == text
    os.rename(aside, name)
    assert open(name).read() == text, open(name).read()
    assert os.stat(name).st_size == len(text)
replace("template", "a\n", ".ansible_tmp")
replace("queue", "# nothing\n", "tmp")
replace("enabled", "yes\n", "tmp")
replace("enabled", "no\n", "tmp")
replace("queue", "a\nb\n", "tmp")
# as editors do that keep the old one: away, anew, and the copy removed
os.rename("template", "template~")
assert open("template~").read() == "a\n"
with open("template", "w") as f:
    f.write("b\n")
os.unlink("template~")
assert open("template").read() == "b\n"
END
expect '' is_clean
if command -v vim >/dev/null; then
    vim -u NONE -es -c 'set backupcopy=no' -c '%s/b/a/' -c wq template
    expect a cat template
    expect '' is_clean
    vim -u NONE -es -c '%s/a/b/' -c wq template
    expect b cat template
fi

step "a text that was renamed away is back"
mv enabled enabled.old
expect no cat enabled.old
back() { [ "$(cat enabled)" = no ]; }
eventually 30 back || fail "it is not back"
rm enabled.old

step "what is refused in place is refused by a rename, and changes nothing"
echo nobody >template.new
# mv takes this error for another one, sed says what it is
refused 'subdirectory of itself|Invalid argument' "no template 'nobody'" \
    mv template.new template
refused 'Invalid argument' "no template 'nobody'" \
    sed -i 's/.*/nobody/' template
expect b cat template
expect nobody cat template.new
mv template.new enabled.new
refused 'subdirectory of itself|Invalid argument' 'enabled must be yes or no' \
    mv enabled.new enabled
expect no cat enabled
refused 'Permission denied|read-only' 'generated' mv enabled.new status
expect created cat status
expect_errno 'not permitted' mv status status~
misspelt() { echo yes >enable; }
refused 'not permitted' "no file 'enable' can be made here" misspelt
refused 'not permitted' "no file 'x' can be made here" mv enabled.new x
rm enabled.new
big() { head -c 100000 /dev/zero >queue.new; }
refused 'too large' 'at most 68 KiB' big
rm -f queue.new

step "rsync and tar write them, too"
: >queue
mkdir "$SCRATCH/copy"
echo a >"$SCRATCH/copy/template"
echo yes >"$SCRATCH/copy/enabled"
! command -v rsync >/dev/null ||
    rsync -rt "$SCRATCH/copy/" . || fail "rsync"
tar -C "$SCRATCH/copy" -c template enabled | tar -x --no-same-owner
expect a cat template
expect yes cat enabled
expect '' is_clean

step "rm -r and rmdir take what was left along; nothing outlasts a mount"
echo x >template.new
cd "$MNT"
echo no >processes/local/enabled
rm -r processes/local
mkdir processes/local
[ ! -e processes/local/template.new ] || fail "it is there"
echo x >processes/local/tmp1
rmdir processes/local
mkdir processes/local
[ ! -e processes/local/tmp1 ] || fail "it is there"

step "a service's text as well"
echo 'model = a/latest' >services/inbox
mkdir inference/inbox
sed -i s/yes/no/ inference/inbox/enabled
expect no cat inference/inbox/enabled
echo x >processes/local/tmp1
cd /
umount_primofs
mount_primofs
cd "$MNT"
expect no cat inference/inbox/enabled
[ ! -e processes/local/tmp1 ] || fail "it outlasted the mount"
