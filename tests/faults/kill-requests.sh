#!/bin/bash
# timeout: 600
# not under: address|thread
# Clients copy, overwrite, rename and remove pictures and lists, all at once,
# while the worker, the daemon or both are killed at any moment. Nothing that was
# acknowledged is lost; each file has one answer, to its own bytes, and no
# revision has two; no bytes are left over. KILLS says how often, SEED with which
# random numbers, and MACHINES="one two" on which machines of this host.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
kills=${KILLS:-10}
RANDOM=${SEED:-1}
machines=${MACHINES:-local}
machines_count=$(wc -w <<<"$machines")
inbox_start 3 7 'precision = f32\n'
if [ "$machines" != local ]; then
    for name in $machines; do
        [ -e "$MNT/machines/$name" ] || put "$MNT/machines/$name" 'nice = 1\n'
    done
    touch "$inbox/stop"
    await_serving stopped
    put "$MNT/services/inbox" "model = invoices/latest\nmachine = $machines\n"'precision = f32\n'
    touch "$inbox/start"
fi
service=$MNT/inference/inbox
books=("$SCRATCH/book.a" "$SCRATCH/book.b")
clients=() round=0 # of kills
lost_at=0          # how many rows there were when a worker was killed

requests=("$PYTHON" "$ROOT/tests/faults/requests.py")

clients_start()
{
    local book
    trap - ERR # a client that is ended by a signal is none
    clients=()
    for book in "${books[@]}"; do
        "${requests[@]}" work "$service" "$book" "${book##*.}" $((RANDOM)) \
            "${files[@]}" &
        clients+=($!)
    done
}

# Each ends after its change, or because there is no mount; one that has hardly
# begun is ended by the signal.
clients_end()
{
    local pid status
    for pid in "${clients[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
        status=0
        wait "$pid" || status=$?
        [ $status = 0 ] || [ $status = 143 ] ||
            fail "a client ended with $status after $round kills"
    done
    clients=()
}

rows() { wc -l <"$service/results.csv"; }
# A service fails where workers are lost in a row without any answer.
answers_go_on()
{
    advanced() { [ "$(rows)" -gt "$lost_at" ]; }
    eventually 200 advanced ||
        fail "no answer: $(cat "$service/status" "$service/log")"
}

books_hold()
{
    "${requests[@]}" check "$service" "${books[@]}" >"$SCRATCH/acknowledged" ||
        fail "after kill $round"
}

# Where they are several, one of them.
worker_kill()
{
    local pids
    pids=$(trainer_pids | shuf -n $((machines_count > 1 ? 1 : 99)))
    kill -9 $pids 2>/dev/null || true
}

killed()
{
    if [ "$1" != daemon ]; then
        answers_go_on
        lost_at=$(rows)
        worker_kill
    fi
    [ "$1" != worker ] || return 0
    daemon_renew
    clients_end
    books_hold
    clients_start
}

nothing_waits()
{
    [ ! -s "$service/queue" ] && grep -q '^waiting: 0$' "$service/info"
}

spooled() { find "$STATE/spool" -type f | wc -l; }
written() { find "$service/in" -type f -size +0 | wc -l; }
nothing_left() { [ "$(spooled)" = "$(written)" ]; }

# Lets what waits be answered, and counts.
audit()
{
    clients_end
    eventually 200 nothing_waits ||
        fail "after $round kills: $(cat "$service/queue" "$service/info")"
    answers=$("${requests[@]}" audit "$service" "${books[@]}") ||
        fail "after $round kills, in $service"
    eventually 20 nothing_left ||
        fail "after $round kills: $(ls "$STATE/spool" "$service/in")"
}

step "$kills kills"
whats=(daemon worker daemon both) # that of a worker takes longest
declare -A count=()
clients_start
for ((round = 1; round <= kills; round++)); do
    sleep "0.$((RANDOM % 10))"
    what=${whats[RANDOM % 4]}
    killed "$what"
    count[$what]=$((${count[$what]:-0} + 1))
    if [ $((round % 50)) = 0 ]; then
        audit
        books_hold
        clients_start
    fi
done

step "each file has one answer, and no bytes are left over"
audit
books_hold

[ "$(cat "$SCRATCH/acknowledged")" -gt $kills ] || fail "hardly any change"

step "nothing is left of a service that is removed"
touch "$service/stop"
await_serving stopped
rm -r "$service"
expect '' ls "$STATE/spool"
eventually 20 no_trainer
cd "$SCRATCH"
umount_primofs
models_mount
no_runs() { [ -z "$(ls -I decoded "$STATE/runs")" ]; }
eventually 20 no_runs || fail "$(ls "$STATE/runs")"
[ -z "$(ls "$STATE/lost")" ] || fail "lost: $(ls "$STATE/lost")"
umount_primofs
"$BUILD/primofs" --check "$STATE"
echo "   ${count[daemon]:-0} kills of the daemon, ${count[worker]:-0} of the" \
    "worker, ${count[both]:-0} of both; $(cat "$SCRATCH/acknowledged")" \
    "acknowledged changes and $answers answers, none lost or double"
