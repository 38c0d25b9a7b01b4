#!/bin/bash
# Everyday tools, each on the local mount and through sshfs. Tools that read
# get the true bytes, tools that save save, tools that copy start nothing,
# what is refused is refused with an errno whose message makes sense, and no
# tool prints a warning. The promise of primofs is that tools work as on any
# files; here it is held for a long list of them. VIEWS=local or VIEWS=sshfs
# runs one half.
# timeout: 600
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"

# ---- a finished training, and the mount seen through sshfs

mount_primofs
pictures "$SCRATCH/data" 6 2
mkdir "$MNT/processes/local"
printf 'dataset = %s\nepochs = 2\nimage_size = 32\n' "$SCRATCH/data" \
    >"$MNT/templates/good"
echo good >"$MNT/processes/local/template"
touch "$MNT/processes/local/start"
await succeeded 120

# sshfs connects to an sshd of our own on the loopback device, where sshd is
# installed. The tests do not install it, as that would leave a service running;
# where it is missing, sshfs is given a program in place of ssh that serves SFTP
# at once.
if [ -x /usr/sbin/sshd ] && command -v ssh-keygen >/dev/null; then
    ssh-keygen -q -t ed25519 -N '' -f key
    cp key.pub authorized
    port=$((20000 + RANDOM % 10000))
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $PWD/key" \
        "AuthorizedKeysFile $PWD/authorized" 'StrictModes no' 'UsePAM no' \
        'PermitRootLogin yes' 'Subsystem sftp internal-sftp' \
        'PidFile none' >sshd_config
    /usr/sbin/sshd -D -f "$PWD/sshd_config" -E "$PWD/sshd.log" &
    printf '#!/bin/sh\nexec ssh -F none -i %s -o %s -o %s -o %s -p %s "$@"\n' \
        "$PWD/key" StrictHostKeyChecking=no "UserKnownHostsFile=$PWD/known" \
        BatchMode=yes $port >ssh
else
    printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >ssh
fi
chmod +x ssh
mkdir remote
eventually 10 sshfs_mount remote || fail "sshfs does not mount: $(cat sshd.log)"

# keys COMMAND… -- SHOWN KEYS [SHOWN KEYS…]: runs COMMAND on a terminal; each
# time it shows SHOWN it is sent KEYS. It has to end by itself after the last.
cat >keys <<'END'
#!/usr/bin/expect -f
set timeout 20
log_user 0
set stty_init "rows 24 cols 80"
set env(TERM) vt100
set at [lsearch $argv --]
eval spawn -noecho [lrange $argv 0 [expr {$at - 1}]]
foreach {shown keys} [lrange $argv [expr {$at + 1}] end] {
    expect {
        -re [subst -nocommands -novariables $shown] {}
        timeout { puts stderr "shows no '$shown'"; exit 1 }
        eof { puts stderr "ended before '$shown'"; exit 1 }
    }
    send -- [subst -nocommands -novariables $keys]
}
expect {
    timeout { puts stderr "does not end"; exit 1 }
    eof {}
}
exit [lindex [wait] 3]
END
chmod +x keys
export keys=$PWD/keys

# ---- tables: the name of a tool, and a command that uses it on $f

# Tools that read: they have to print $f.
readers='
cat                 cat "$f"
busybox cat         busybox cat "$f"
dd, odd blocks      dd if="$f" bs=7 status=none
dd, large blocks    dd if="$f" bs=1M status=none
head                head -c 9999999 "$f"
tail from line 1    tail -n +1 "$f"
tail from byte 1    tail -c +1 "$f"
busybox tail        busybox tail -n +1 "$f"
sed                 sed -n p "$f"
busybox sed         busybox sed -n p "$f"
grep                grep "" "$f"
awk                 awk 1 "$f"
perl                perl -pe "" "$f"
tac twice           tac "$f" | tac
less                less "$f"
bash                printf "%s\n" "$(<"$f")"
dash                dash -c "while IFS= read -r x; do printf \"%s\n\" \"\$x\"; done <\"$f\""
cp                  cp "$f" out; cat out
cp -a               cp -a "$f" out; cat out
busybox cp          busybox cp "$f" out; cat out
install             install -m 600 "$f" out; cat out
rsync               rsync -a "$f" out; cat out
rsync, in place     rsync -a --inplace --no-whole-file "$f" out; cat out
tar                 tar cf - -C "$(dirname "$f")" "$(basename "$f")" | tar xOf -
busybox tar         busybox tar cf - -C "$(dirname "$f")" "$(basename "$f")" | tar xOf -
zip                 zip -q out.zip "$f"; python3 -c "import zipfile, sys; z = zipfile.ZipFile(\"out.zip\"); sys.stdout.buffer.write(z.read(z.namelist()[0]))"
jq                  jq -Rr . "$f"
base64              base64 "$f" | base64 -d
python              python3 -c "import sys; sys.stdout.buffer.write(open(sys.argv[1], \"rb\").read())" "$f"
python mmap         python3 -c "import mmap, sys; f = open(sys.argv[1], \"rb\"); sys.stdout.buffer.write(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ))" "$f"
python sendfile     python3 -c "import os, sys; f = open(sys.argv[1], \"rb\"); o = open(\"out\", \"wb\"); [None for _ in iter(lambda: os.sendfile(o.fileno(), f.fileno(), None, 4096), 0)]" "$f"; cat out
python shutil       python3 -c "import shutil, sys; shutil.copy2(sys.argv[1], \"out\")" "$f"; cat out
curl                curl -s "file://$f"
git                 git hash-object -w "$f" | xargs git cat-file blob
'

# Tools that save: they turn "epochs = 5" in $f, which has a description, too,
# into "epochs = 7". busybox vi gets a short name, as it waits for a key where
# its status line is too wide.
writers='
echo                echo "epochs = 7" >"$f"
echo, appended      sed -i /epochs/d "$f"; echo "epochs = 7" >>"$f"
dash                dash -c "echo epochs = 7 >\"$f\""
busybox sh          busybox sh -c "echo epochs = 7 >\"$f\""
printf in pieces    { echo "# one"; sleep 0.05; echo "epochs = 7"; } >"$f"
sed -i              sed -i "s/= 5/= 7/" "$f"
sed -i.bak          sed -i.bak "s/= 5/= 7/" "$f"; rm "$f.bak"
busybox sed -i      busybox sed -i "s/= 5/= 7/" "$f"
perl -i             perl -i -pe "s/= 5/= 7/" "$f"
perl -i~            perl -i~ -pe "s/= 5/= 7/" "$f"; rm "$f~"
ed                  printf "%s\n" "g/epochs/s/5/7/" w q | ed -s "$f"
vi                  vi -es -u NONE -c "%s/= 5/= 7/" -c wq "$f"
vim, a backup       vi -es -u NONE -c "set backup writebackup backupskip=" -c "%s/= 5/= 7/" -c wq "$f"; rm "$f~"
vim, a swap file    vi -es -u NONE -c "set swapfile updatecount=1 fsync" -c "%s/= 5/= 7/" -c "w!" -c q "$f"
busybox vi          cd "${f%/*}"; "$keys" busybox vi -c "%s/= 5/= 7/" "${f##*/}" -- "epochs = 7" ":wq\r"
nano                "$keys" nano -I "$f" -- "Exit" "\034" "Search" "= 5\r" "Replace with" "= 7\r" "this instance" y "Replaced 1" "\030" "Save modified" y "Write" "\r"
cp over it          sed "s/= 5/= 7/" "$f" >new; cp new "$f"
cp -a over it       sed "s/= 5/= 7/" "$f" >new; cp -a new "$f"
cp --backup         sed "s/= 5/= 7/" "$f" >new; cp --backup=simple new "$f"; rm "$f~"
mv over it          sed "s/= 5/= 7/" "$f" >new; mv new "$f"
mv within           sed "s/= 5/= 7/" "$f" >"$f.2"; mv "$f.2" "$f"
install             sed "s/= 5/= 7/" "$f" >new; install -m 644 new "$f"
rsync               sed "s/= 5/= 7/" "$f" >new; rsync -a new "$f"
rsync, in place     sed "s/= 5/= 7/" "$f" >new; rsync -a --inplace new "$f"
dd                  sed "s/= 5/= 7/" "$f" >new; dd if=new of="$f" status=none
dd, in pieces       sed "s/= 5/= 7/" "$f" >new; dd if=new of="$f" bs=3 status=none
dd, not truncated   sed "s/= 5/= 7/" "$f" >new; dd if=new of="$f" conv=notrunc,fsync status=none
truncate, append    truncate -s 0 "$f"; echo "epochs = 7" >>"$f"
tee                 echo "epochs = 7" | tee "$f" >/dev/null
tee -a              truncate -s 0 "$f"; echo "epochs = 7" | tee -a "$f" >/dev/null
tar x               mkdir -p t; sed "s/= 5/= 7/" "$f" >"t/$(basename "$f")"; tar cf - -C t . | tar xf - --no-overwrite-dir -C "$(dirname "$f")"
busybox tar x       mkdir -p t; sed "s/= 5/= 7/" "$f" >"t/$(basename "$f")"; tar cf - -C t "$(basename "$f")" | busybox tar xf - -C "$(dirname "$f")"
python              python3 -c "import sys; t = open(sys.argv[1]).read(); open(sys.argv[1], \"w\").write(t.replace(\"= 5\", \"= 7\"))" "$f"
python, in place    python3 -c "import sys; f = open(sys.argv[1], \"r+\"); t = f.read(); f.seek(0); f.write(t.replace(\"= 5\", \"= 7\")); f.truncate()" "$f"
python, atomically  python3 -c "import os, sys; t = open(sys.argv[1]).read(); n = sys.argv[1] + \".tmp\"; f = open(n, \"w\"); f.write(t.replace(\"= 5\", \"= 7\")); f.flush(); os.fsync(f.fileno()); f.close(); os.replace(n, sys.argv[1])" "$f"
patch               printf "1c1\n< epochs = 5\n---\n> epochs = 7\n" | patch -s "$f"
make                printf "%s: src; sed s/5/7/ src >\$@\n" "$f" >mk; echo "epochs = 5" >src; make -s -f mk "$f"
'

# Tools that copy whole trees or look at times and sizes; $at is the mount
# point.
others='
cp -r               cp -r "$at"/templates "$at"/processes "$at"/models .; diff -r "$at/models" models
cp -a               cp -a "$at/models" .; diff -r "$at/models" models
rsync -a            rsync -a "$at/templates" "$at/processes" "$at/models" .; diff -r "$at/templates" templates
rsync -a, again     rsync -a "$at/models/" m; [ -z "$(rsync -ai "$at/models/" m)" ]
tar c               tar cf t.tar -C "$at" templates processes models; tar df t.tar -C "$at"
busybox tar c       busybox tar cf t.tar -C "$at" templates models; tar df t.tar -C "$at"
zip -r              cd "$at" && zip -qr "$OLDPWD/z.zip" templates models
find -newer         touch -d "1 day ago" old; find "$at/models" -newer old -name model.onnx | grep onnx >/dev/null
find -newer, older  touch -d "1 hour" new; [ -z "$(find "$at" -newer new)" ]
find -size          [ "$(find "$at/models" -name model.onnx -size +40M | wc -l)" -ge 1 ]
du                  [ "$(du -sb "$at/models" | cut -f1)" -gt 80000000 ]
df                  df "$at" | grep % >/dev/null
stat                stat "$at"/* "$at"/*/* | grep Size >/dev/null
ls                  ls -laR "$at" | grep model.onnx >/dev/null
make by times       touch -d "1 day ago" out; printf "out: %s/models/good/1/model.onnx\n\ttouch out\n" "$at" >mk; make -s -f mk; make -f mk | grep "up to date" >/dev/null
git add, checkout   git --git-dir=.git --work-tree="$at/templates" add -A . && git --git-dir=.git -c user.name=a -c user.email=b commit -qm one && git --git-dir=.git --work-tree="$at/templates" checkout -q -f HEAD && git --git-dir=.git --work-tree="$at/templates" diff --exit-code
rm -r a copy        cp -r "$at/processes" p; chmod -R u+w p; rm -r p
cmp                 cmp "$at/models/good/1/template" "$at/templates/good"
sha256sum           (cd "$at/models/good/1" && sha256sum -- *) >sums; (cd "$at/models/good/1" && sha256sum --quiet -c "$OLDPWD/sums")
python os.walk      python3 -c "import os, sys; assert sum(len(f) for _, _, f in os.walk(sys.argv[1])) > 20" "$at"
'

# Commands that are refused, and the message that a local tool gives for it.
refusals='
ln -s               Operation not permitted     ln -s good "$at/templates/link"
ln                  Operation not permitted     ln "$at/templates/good" "$at/templates/link"
mkfifo              Operation not permitted     mkfifo "$at/templates/pipe"
mkdir               Operation not permitted     mkdir "$at/templates/folder"
a misspelt key      Invalid argument            echo "epohcs = 1" >"$at/templates/bad"
cp, misspelt        Invalid argument            echo "epohcs = 1" >new; cp new "$at/templates/bad"
sed -i, misspelt    Invalid argument            sed -i "s/epochs/epohcs/" "$at/templates/good"
tee, misspelt       Invalid argument            echo "epohcs = 1" | tee "$at/templates/bad"
dd, misspelt        Invalid argument            echo "epohcs = 1" | dd of="$at/templates/bad"
a bad name          Invalid argument            touch "$at/templates/a b"
writing status      Permission denied|not permitted  echo running >"$at/processes/local/status"
mv between kinds    Invalid                     mv "$at/templates/good" "$at/machines/good"
no such machine     No such file                mkdir "$at/processes/nowhere"
truncate status     Permission denied|not permitted  truncate -s 0 "$at/processes/local/status"
'

# row TABLE-LINE: puts its two columns into $name and $do.
row()
{
    name=${1%%  *}
    do=${1#"$name"}
    do=${do#"${do%%[! ]*}"}
}

# each TABLE FUNCTION: calls it for each row, with $name and $do.
each()
{
    local line
    while IFS= read -r line <&9; do
        [ -n "$line" ] || continue
        row "$line"
        "$2"
    done 9<<<"$1"
}

# run COMMAND: runs it in a fresh folder, without a terminal. Whatever it writes
# to standard error is a failure. Its output is in $SCRATCH/work.out.
run()
{
    rm -rf work
    mkdir work
    git init -q work
    local status=0
    (cd work && timeout 90 bash -c "set -e;$1" </dev/null) \
        >work.out 2>work.err || status=$?
    [ $status -eq 0 ] && [ ! -s work.err ] ||
        fail "$view: $name: status $status on $f: $(cat work.err)"
}

reads()
{
    # Files that are edited or polled bypass the page cache, so the kernel
    # cannot map them.
    [[ $name$view$f != "python mmaplocal"*/@(templates/*|status) ]] || return 0
    run "$do"
    cmp -s "$true" work.out || fail "$view: $name gives other bytes of $f: $(
        cmp "$true" work.out 2>&1)"
}

# Through sshfs, the close that saves may come after the tool has ended.
is_saved() { grep -q '^epochs = 7$' "$MNT/templates/edited"; }

saves()
{
    f=$at/templates/edited
    # This goes through the view that is tested, which may cache what it reads.
    printf 'epochs = 5\ndescription = a b\n' >"$f"
    touch -d '1 hour ago' "$f"
    run "$do"
    eventually 3 is_saved ||
        fail "$view: $name did not save: $(cat "$MNT/templates/edited")"
    local rest
    rest=$(ls "$MNT/templates")
    [ "$rest" = $'edited\ngood' ] || fail "$view: $name left $rest"
}

# The command has to work, and to start and change nothing.
does()
{
    local before
    before=$(cat "$MNT/templates/good" "$MNT/processes/local/info" \
        "$MNT/events")
    run "$do"
    [ "$before" = "$(cat "$MNT/templates/good" "$MNT/processes/local/info" \
        "$MNT/events")" ] || fail "$view: $name changed something"
}

refuses()
{
    local message=${do%%  *} output before
    before=$(wc -c <"$MNT/errors")
    do=${do#"$message"}
    rm -rf work
    mkdir work
    if output=$(cd work && timeout 30 bash -c "set -e;$do" </dev/null 2>&1); then
        # sshfs reports what it has written in the background at close, to
        # whose result a shell does not look.
        [[ $view$name = sshfs*misspelt* && $before -lt $(wc -c <"$MNT/errors") ]] ||
            fail "$view: $name was not refused"
    fi
    [ $view = sshfs ] || [[ $output =~ $message ]] ||
        fail "$view: $name said '$output', expected '$message'"
    [ "$(ls "$MNT/templates")" = good ] ||
        fail "$view: $name left $(ls "$MNT/templates")"
}

every_reader() { each "$readers" reads; }

export at f
for view in ${VIEWS:-local sshfs}; do
    at=$MNT
    [ $view = local ] || at=$SCRATCH/remote
    step "$view: tools that read"
    for file in README errors template.example templates/good \
        processes/local/{status,info,metrics.csv,log,config,monitor.svg} \
        models/good/1/{info,labels.txt}; do
        true=$SCRATCH/true f=$at/$file
        python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print(end=b"".join(iter(lambda: os.read(fd, 999), b"")).decode())' \
            "$MNT/$file" >"$true"
        [ "$(stat -c %s "$f")" -eq "$(stat -c %s "$true")" ] ||
            fail "$view: $file has the size $(stat -c %s "$f")"
        [ -s "$true" ] || continue
        every_reader
    done
    step "$view: tools that save"
    each "$writers" saves
    rm "$MNT/templates/edited"
    step "$view: tools that copy and list"
    each "$others" does
    step "$view: commands that are refused"
    each "$refusals" refuses
done
