#!/bin/bash
# Who may copy pictures into a service, and who sees what of them: pictures are
# personal data, so everyone sees only their own without the right to view all.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
. "$(dirname "$0")/../models.sh"
users_make anna bert carl
pictures "$SCRATCH/data" 1 1
chmod 755 "$SCRATCH"
chmod -R a+rX "$SCRATCH/data"
models_mount -o allow_other
cd "$MNT"
as() { runuser -u "$1" -- /bin/bash -c "cd '$MNT/inference/inbox' && $2"; }
role() { printf '%s\n' "${@:2}" >"$MNT/roles/$1"; }
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
put services/inbox 'model = invoices/latest\nok = 0\ncheck = 0\n'
mkdir inference/inbox
touch inference/inbox/start

step "without roles nobody may do anything"
expect_errno 'denied' as $anna "cp '${files[0]}' in/a.jpg"
expect_errno 'denied' as $anna 'ls in'

step "create: copy in, and see and remove the own"
role senders "members = $anna $bert" 'requests = create'
as $anna "cp '${files[0]}' in/a.jpg"
as $bert "cp '${files[1]}' in/b.jpg"
cp "${files[2]}" inference/inbox/in/root.jpg
answer root.jpg >/dev/null
expect a.jpg jq -r .file <(as $anna 'timeout 60 cat wait/a.jpg')
expect b.jpg jq -r .file <(as $bert 'timeout 60 cat wait/b.jpg')
expect a.jpg as $anna 'ls in'
expect '777 555' as $anna 'stat -c %a in out | paste -sd" "' # Samba judges by it
expect a.jpg.json as $anna 'ls out'
expect 2 as $anna 'wc -l <results.csv'
expect_match ',a.jpg,' as $anna 'cat results.csv'
expect "$(as $anna 'wc -c <results.csv')" as $anna 'stat -c %s results.csv'
expect 1 as $anna 'grep -c "<li class" monitor.html'
as $anna 'grep -q "<small>a.jpg<" monitor.html'
expect "$(as $anna 'wc -c <monitor.html')" as $anna 'stat -c %s monitor.html'
expect 1 as $anna 'ls sorted/* | grep -c jpg'
expect 3 bash -c 'ls inference/inbox/sorted/* | grep -c jpg'
for other in b root; do
    expect_errno 'No such file|denied' as $anna "cat in/$other.jpg"
    expect_errno 'No such file|denied' as $anna "cat out/$other.jpg.json"
    expect_errno 'No such file|denied' as $anna "cat wait/$other.jpg"
    expect_errno 'No such file|denied' as $anna "rm in/$other.jpg"
    expect_errno 'denied|exists' as $anna "cp in/a.jpg in/$other.jpg"
done
cmp "${files[1]}" inference/inbox/in/b.jpg
expect_errno 'denied' as $anna 'touch stop'
expect_errno 'denied' as $anna 'echo no >enabled'
expect_errno 'denied' as $anna 'cat status'
as $anna 'rm in/a.jpg'
expect '' as $anna 'ls in'
expect_errno 'No such file' as $anna 'cat out/a.jpg.json'

step "what the kernel keeps of one user is not given to another"
cat inference/inbox/out/b.jpg.json >/dev/null
ls -l inference/inbox/in/b.jpg >/dev/null
expect_errno 'No such file|denied' as $anna 'cat out/b.jpg.json'
expect_errno 'No such file|denied' as $anna 'stat in/b.jpg'

step "view: see all"
role viewers "members = $carl" 'requests = view' 'services = view'
expect $'b.jpg\nroot.jpg' as $carl 'ls in'
expect 4 as $carl 'wc -l <results.csv'
expect 3 as $carl 'grep -c "<li class" monitor.html'
expect running as $carl 'cat status'
as $carl 'cat out/b.jpg.json in/root.jpg' >/dev/null
expect_errno 'denied' as $carl "cp '${files[0]}' in/c.jpg"
expect_errno 'denied' as $carl 'rm in/b.jpg'

step "the queue shows everyone their own"
touch inference/inbox/stop
await_serving stopped
as $anna "cp '${files[3]}' in/mine.jpg"
as $bert "cp '${files[4]}' in/his.jpg"
# A close is over for its program before it is for the file system.
queued() { [ "$(as $1 'wc -l <queue')" -eq "$2" ]; }
eventually 10 queued $carl 2
expect_match ' mine.jpg$' as $anna 'cat queue'
expect 1 as $anna 'wc -l <queue'
expect 2 as $carl 'wc -l <queue'

step "who starts a service must be allowed to view its model"
role starters "members = $bert" 'services = view manage' 'requests = create'
expect_errno 'denied' as $bert 'touch start'
last_error "would read 'models/invoices/1'"
role starters "members = $bert" 'services = view manage' 'models = view' \
    'requests = create'
as $bert 'touch start'
expect his.jpg jq -r .file <(as $bert 'timeout 60 cat wait/his.jpg')
expect "$bert" ps -o user:64= -p "$(trainer_pids)"
