#!/bin/bash
# How robots work with a service: they hear of answers through inotify, sort by
# the state, and use the tools that they have to bring pictures in.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
inbox_start 3 7
touch -d 2020-02-02 "${files[@]}"

# answered_once FILE…: each is answered, without an error, and just once.
answered_once()
{
    local file
    for file; do
        answer "$file" | jq -e '.error == null' >/dev/null ||
            fail "$file: $(answer "$file")"
        expect 1 bash -c "cut -d, -f2 '$inbox/results.csv' | grep -cx '$file'"
    done
}

step "inotify tells of each answer, of rows and of the status"
inotifywait -m -e create -e close_write --format '%e %w%f' \
    "$inbox/out" "$inbox" \
    >"$SCRATCH/heard" 2>"$SCRATCH/watching" &
watcher=$!
eventually 30 grep -q 'Watches established' "$SCRATCH/watching"
cp "${files[0]}" "$inbox/in/0.jpg"
answer 0.jpg >/dev/null
# heard COUNT EVENT FILE
heard() { [ "$(grep -c "^$2.* $inbox/$3\$" "$SCRATCH/heard")" = "$1" ]; }
for event in CREATE CLOSE_WRITE; do
    eventually 30 heard 1 $event out/0.jpg.json ||
        fail "$event: $(cat "$SCRATCH/heard")"
done
eventually 30 grep -q '/results.csv$' "$SCRATCH/heard"
cp "${files[1]}" "$inbox/in/text.doc" 2>/dev/null || true
eventually 30 heard 1 CREATE out/text.doc.json
printf '%s\n' "${files[@]:0:2}" >"$inbox/in/two.list"
answer two.list >/dev/null
eventually 30 heard 1 CREATE out/two.list.json

step "and of one that takes the place of an earlier one, whoever has seen that"
ls -l "$inbox/out" >/dev/null
cp "${files[1]}" "$inbox/in/0.jpg"
answer 0.jpg >/dev/null
for event in CREATE CLOSE_WRITE; do
    eventually 30 heard 2 $event out/0.jpg.json ||
        fail "$event: $(cat "$SCRATCH/heard")"
done
kill $watcher

step "every tool brings a picture in"
cp -p "${files[2]}" "$inbox/in/cp.jpg"
install -m 600 "${files[3]}" "$inbox/in/install.jpg"
cp "${files[4]}" "$SCRATCH/mv.jpg"
mv "$SCRATCH/mv.jpg" "$inbox/in/mv.jpg"
rsync -a "${files[5]}" "$inbox/in/rsync.jpg"
cat "${files[6]}" >"$inbox/in/cat.jpg"
dd if="${files[7]}" of="$inbox/in/dd.jpg" bs=100 status=none
"$PYTHON" -c 'import shutil, sys; shutil.copy2(*sys.argv[1:])' \
    "${files[8]}" "$inbox/in/python.jpg"
touch "$inbox/in/touch.jpg"
cat "${files[9]}" >>"$inbox/in/touch.jpg"
answered_once {cp,install,mv,rsync,cat,dd,python,touch}.jpg
for name in cp rsync python; do
    expect 1580601600 stat -c %Y "$inbox/in/$name.jpg"
done

step "several at once, in folders and from archives"
mkdir "$SCRATCH/many" "$SCRATCH/mirror"
for i in {0..9}; do
    cp "${files[10 + i]}" "$SCRATCH/many/many$i.jpg"
    cp "${files[10 + i]}" "$SCRATCH/mirror/mirror$i.jpg"
done
cp "$SCRATCH"/many/* "$inbox/in/"
rsync -a "$SCRATCH/mirror/" "$inbox/in/"
(cd "$SCRATCH/many" && for i in {0..9}; do mv many$i.jpg tar$i.jpg; done
    tar cf - *) | tar xf - -C "$inbox/in"
answered_once {many,mirror,tar}{0..9}.jpg

step "through SFTP and sshfs"
if [ -x /usr/lib/openssh/sftp-server ] && command -v sftp sshfs >/dev/null; then
    printf 'put %s %s/in/sftp.jpg\n' "${files[0]}" "$inbox" |
        sftp -q -b - -D /usr/lib/openssh/sftp-server >/dev/null
    answered_once sftp.jpg
    cd "$SCRATCH"
    printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >ssh
    chmod +x ssh
    mkdir remote
    eventually 10 sshfs_mount remote || fail "sshfs does not mount"
    cp "${files[1]}" remote/inference/inbox/in/sshfs.jpg
    cp "${files[2]}" remote/inference/inbox/in/renamed.jpg.part
    mv remote/inference/inbox/in/renamed.jpg{.part,}
    answered_once sshfs.jpg renamed.jpg
    expect sshfs.jpg jq -r .file remote/inference/inbox/out/sshfs.jpg.json
    umount remote 2>/dev/null || fusermount3 -u remote
else
    echo "   left out: no sftp-server, sftp or sshfs"
fi

step "what is on its way is no request, and is one when it has arrived"
cp "${files[4]}" "$inbox/in/way.jpg.part"
cp "${files[4]}" "$inbox/in/.way.jpg.Xu8a"
sleep 0.5
expect '' bash -c "ls -A '$inbox/out' | sed -n /way/p"
mv "$inbox/in/way.jpg.part" "$inbox/in/way.jpg"
answered_once way.jpg

step "a writer that dies half-way leaves what can be told from a whole picture"
"$PYTHON" -c 'import os, sys
for name in ("half.jpg", "half.jpg.part"):
    out = os.open(sys.argv[1] + "/in/" + name, os.O_WRONLY | os.O_CREAT)
    os.write(out, open(sys.argv[2], "rb").read()[:300])
os.kill(os.getpid(), 9)' "$inbox" "${files[5]}" || true
expect damaged jq -r .code <(answer half.jpg)
[ ! -e "$inbox/out/half.jpg.part.json" ] || fail "a part is answered"

step "a scanner that closes its file after each page, and opens it again"
scanner=$MNT/inference/scanner
put "$MNT/services/scanner" 'model = invoices/latest\nsettle = 3s\n'
mkdir "$scanner"
touch "$scanner/start"
head -c 300 "${files[6]}" >"$scanner/in/pages.jpg"
sleep 0.5
tail -c +301 "${files[6]}" >>"$scanner/in/pages.jpg"
expect "$(sha256sum <"${files[6]}" | cut -d' ' -f1) null" jq -r \
    '"\(.files[0].sha256) \(.error)"' <(answer pages.jpg scanner)
expect 1 grep -c ,pages.jpg, "$scanner/results.csv"

step "two writers at once: the last one to close makes the request"
exec 7>"$inbox/in/two.jpg" 8>>"$inbox/in/two.jpg"
cat "${files[0]}" >&7
exec 7>&-
sleep 0.3
[ ! -e "$inbox/out/two.jpg.json" ] || fail "it is answered while it is written"
exec 8>&-
answered_once two.jpg
