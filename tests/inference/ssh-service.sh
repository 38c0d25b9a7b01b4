#!/bin/bash
# A service on another host, through an sshd of the test's own on loopback: it
# answers as one here does, each file once, whatever is cut or killed meanwhile.
# timeout: 500
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
. "$(dirname "$0")/../sshd.sh"
sshd_start
models_mount
cd "$MNT"
printf 'launcher = ssh\nhost = there\ndirectory = %s\ntrainer = %s\nthreads = 1
' "$THERE" "$BUILD/primo-train" >machines/far
pictures "$SCRATCH/data" 1 3
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
for name in inbox near; do
    machine=$([ $name = near ] && echo local || echo far)
    put services/$name "model = invoices/latest\nmachine = $machine\n"'precision = f32\nthreads = 1\n'
    mkdir inference/$name
    touch inference/$name/start
done
inbox=$MNT/inference/inbox

far_worker() { trainers_with "--serve $THERE"; }
no_worker() { [ -z "$(far_worker)" ]; }
unreached() { grep -q '^far: NOT reached' overview; }
all_answered() { [ ! -s "$inbox/queue" ]; }
says() { jq -c '[.items, .pages, .state, .files, .code]' <<<"$1"; }

step "it answers as a service here does"
for i in 0 1 2 3 4; do
    cp "${files[i]}" inference/inbox/in/$i.jpg
    cp "${files[i]}" inference/near/in/$i.jpg
done
head -c 3000000 /dev/zero | cat "${files[0]}" - >inference/inbox/in/big.jpg
await_serving running
for i in 0 1 2 3 4; do
    far=$(answer $i.jpg) near=$(answer $i.jpg near)
    expect "$(says "$near")" says "$far"
done
sum=$(sha256sum <inference/inbox/in/big.jpg)
expect "${sum%% *}" jq -r '.files[0].sha256' <<<"$(answer big.jpg)"
[ -n "$(far_worker)" ]

step "a list is answered, too"
printf '%s\n' "${files[@]}" >"$inbox/in/all.list"
timeout 60 cat "$inbox/wait/all.list" >/dev/null
expect $((${#files[@]} + 1)) wc -l <"$inbox/out/all.list.csv"

step "a worker that died there is started again"
cp "${files[5]}" "$inbox/in/5.jpg"
kill -9 $(far_worker)
cp "${files[6]}" "$inbox/in/6.jpg"
expect 5.jpg jq -r .file <<<"$(answer 5.jpg)"
expect 6.jpg jq -r .file <<<"$(answer 6.jpg)"

step "while the connection is cut requests wait, and then are answered"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
for i in 7 8 9; do
    cp "${files[i]}" "$inbox/in/$i.jpg"
done
cp "${files[9]}" "$inbox/in/5.jpg"
sleep 1
expect 4 wc -l <"$inbox/queue"
serving_is running
expect_match "^unreached: 20.* host 'there', " cat "$inbox/info"
sshd_start
for i in 7 8 9 5; do
    expect $i.jpg jq -r .file <<<"$(answer $i.jpg)"
done

step "a daemon that was killed goes on with the worker"
before=$(far_worker)
cd /
daemon_renew
cd "$MNT"
cp "${files[1]}" "$inbox/in/again.jpg"
expect again.jpg jq -r .file <<<"$(answer again.jpg)"
expect "$before" far_worker

step "each revision was answered once, and no picture is left there"
eventually 30 all_answered || fail "$(cat "$inbox/queue")"
expect '' bash -c "cut -d, -f2,3 '$inbox/results.csv' | sort | uniq -d"
expect 13 bash -c "grep -c '\.jpg,' '$inbox/results.csv'"
expect '' find "$THERE" -name 'in.*'

step "a stop does not wait for a host that is away, whose worker ends later"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
touch "$inbox/stop"
await_serving stopped
[ -n "$(far_worker)" ]
touch "$inbox/start"
await_serving failed
expect_match "^reason: host 'there', step 'connect': " cat "$inbox/info"
sshd_start
eventually 60 no_worker || fail "it still works: $(cat overview)"
