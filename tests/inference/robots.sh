#!/bin/bash
# How robots work with a service: they hear of answers through inotify, sort by
# the state, and use the tools that they have to bring pictures in.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
inbox_start 2 7

step "inotify tells of each answer, of rows and of the status"
inotifywait -m -e close_write --format '%w%f' "$inbox/out" "$inbox" \
    >"$SCRATCH/heard" 2>"$SCRATCH/watching" &
watcher=$!
eventually 30 grep -q 'Watches established' "$SCRATCH/watching"
cp "${files[0]}" "$inbox/in/0.jpg"
answer 0.jpg >/dev/null
eventually 30 grep -q '/out/0.jpg.json$' "$SCRATCH/heard" ||
    fail "$(cat "$SCRATCH/heard")"
eventually 30 grep -q '/results.csv$' "$SCRATCH/heard"
cp "${files[1]}" "$inbox/in/text.doc" 2>/dev/null || true
eventually 30 grep -q '/out/text.doc.json$' "$SCRATCH/heard"
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
for tool in cp install mv rsync cat dd python touch; do
    answer $tool.jpg | jq -e '.error == null' >/dev/null ||
        fail "$tool: $(answer $tool.jpg)"
done
expect 1 bash -c "cut -d, -f2 '$inbox/results.csv' | grep -c '^dd.jpg$'"

step "two writers at once: the last one to close makes the request"
exec 7>"$inbox/in/two.jpg" 8>>"$inbox/in/two.jpg"
cat "${files[0]}" >&7
exec 7>&-
sleep 0.3
[ ! -e "$inbox/out/two.jpg.json" ] || fail "it is answered while it is written"
exec 8>&-
expect two.jpg jq -r .file <(answer two.jpg)
expect 1 bash -c "cut -d, -f2 '$inbox/results.csv' | grep -c '^two.jpg$'"
