#!/bin/bash
# A list is read with the rights of who wrote it: not with those of the author of
# the service, nor with root's; and no worker of another user gets to see it.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
. "$(dirname "$0")/../models.sh"
users_make anna bert carl
pictures "$SCRATCH/data" 1 1
chmod 755 "$SCRATCH"
models_mount -o allow_other
cd "$MNT"
inbox=$MNT/inference/inbox
as() { runuser -u "$1" -- /bin/bash -c "cd '$inbox' && $2"; }
role() { printf '%s\n' "${@:2}" >"$MNT/roles/$1"; }
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
put services/inbox 'model = invoices/latest\nprecision = f32\n'
role senders "members = $anna $bert" 'requests = create'
role keepers "members = $carl" 'services = view manage' 'models = view' \
    'requests = view create'
mkdir inference/inbox
as $carl 'touch start'

step "pictures of several owners"
for user in root $anna $bert $carl; do
    install -d -m 700 -o "$user" "$SCRATCH/of-$user"
    install -m 600 -o "$user" "${files[0]}" "$SCRATCH/of-$user/secret.jpg"
    chown "$user" "$SCRATCH/of-$user"
done
group=$(id -gn $anna)
install -d -m 750 -o root -g "$group" "$SCRATCH/of-group"
install -m 640 -o root -g "$group" "${files[1]}" "$SCRATCH/of-group/shared.jpg"
paths=("$SCRATCH"/of-{root,$anna,$bert,$carl}/secret.jpg
    "$SCRATCH/of-group/shared.jpg" "$SCRATCH/of-root" "$SCRATCH/of-carl")
printf '%s\n' "${paths[@]}" >"$SCRATCH/paths"
chmod 644 "$SCRATCH/paths"
# readable USER LIST: the numbers of the lines that could be read
readable() { as "$1" "timeout 60 cat wait/$2 >/dev/null &&
    grep -E ',(ok|check|unknown),' out/$2.csv | cut -d, -f1 | tr '\n' ' '"; }

step "each has the rights of who wrote it"
as $anna "cp '$SCRATCH/paths' in/anna.list"
as $bert "cp '$SCRATCH/paths' in/bert.list"
as $carl "cp '$SCRATCH/paths' in/carl.list"
cp "$SCRATCH/paths" "$inbox/in/root.list"
expect '2 5 ' readable $anna anna.list
expect '3 ' readable $bert bert.list
expect '4 ' readable $carl carl.list
answer root.list >/dev/null
expect '1 5 6 ' readable root root.list
expect 7 as $anna 'tail -n +2 out/anna.list.csv | wc -l'
expect_match 'Permission denied' as $anna 'sed -n 2p out/anna.list.csv'

step "everyone sees only the own lists"
expect $'anna.list.csv\nanna.list.json' as $anna 'ls out'
for file in in/bert.list out/bert.list.csv out/bert.list.json wait/bert.list; do
    expect_errno 'No such file|denied' as $anna "cat $file"
done
cat "$inbox/out/bert.list.csv" >/dev/null
expect_errno 'No such file|denied' as $anna 'cat out/bert.list.csv'
as $carl 'cat out/bert.list.csv' >/dev/null

step "a passing name keeps who wrote it"
as $bert "cp '$SCRATCH/paths' in/x.part && mv in/x.part in/moved.list"
expect '3 ' readable $bert moved.list
as $bert "cp '$SCRATCH/paths' in/x.txt 2>/dev/null; mv in/x.txt in/text.list"
expect_match '"not known|it is not known who wrote' \
    as $bert 'timeout 60 cat wait/text.list'

step "a list of several writers is read with nobody's rights"
as $anna "cp '$SCRATCH/paths' in/common.list"
expect '2 5 ' readable $anna common.list
as $anna "cat '$SCRATCH/paths' >>in/common.list"
annas() { [ "$(readable $anna common.list)" = '2 5 9 12 ' ]; }
eventually 30 annas || fail "$(readable $anna common.list)"
unknown() { grep -q 'not known who wrote' "$inbox/out/common.list.json"; }
for _ in 1 2; do
    cat "$SCRATCH/paths" >>"$inbox/in/common.list"
    timeout 60 cat "$inbox/wait/common.list" >/dev/null
    eventually 30 unknown || fail "$(cat "$inbox/out/common.list.json")"
done
cp "$SCRATCH/paths" "$inbox/in/common.list"
roots() { [ "$(readable root common.list)" = '1 5 6 ' ]; }
eventually 30 roots || fail "$(readable root common.list)"

step "the worker is that user's, and its directory closed"
for ((i = 0; i < 20; i++)); do printf '%s\n' "${files[@]}"; done \
    >"$SCRATCH/many"
chmod -R a+rX "$SCRATCH/data"
chmod 644 "$SCRATCH/many"
as $anna "cp '$SCRATCH/many' in/many.list"
annas() { [ -n "$(pgrep -u $anna primo-train)" ]; }
eventually 30 annas || fail "no worker of anna's: $(ps aux | grep primo-train)"
expect_errno 'denied' runuser -u $anna -- ls "$STATE/runs"
mapfile -t workers < <(pgrep -u $anna primo-train)
expect_errno 'denied' runuser -u $anna -- cat "/proc/${workers[0]}/environ"
expect 200 as $anna 'timeout 100 cat wait/many.list | jq .list.pictures'
expect 0 jq .list.error "$inbox/out/many.list.json"
