# What tests of services on several machines share, which source this after
# models.sh. The service is $inbox, and $files are pictures for it.

inbox=$MNT/inference/inbox
number=0 # of files that were copied so far

# text MACHINES [LINES]: the text of the service.
text()
{
    put "$MNT/services/inbox" "model = invoices/latest\nmachine = $1\n"'precision = f32\nthreads = 1\n'"${2:-}"
}
# says MACHINE: what `info` says of it.
says() { sed -n "s/^machine $1: //p" "$inbox/info"; }
machine_is() { [[ $(says "$1") == "$2"* ]]; }
await_machine()
{
    eventually 60 machine_is "$@" || fail "$(cat "$inbox/info" "$inbox/log")"
}
answered_by() { says "$1" | sed 's/.*, \([0-9]*\) answered.*/\1/'; }
has_answered() { [ "$(answered_by "$1")" -gt "$2" ]; }

restart()
{
    touch "$inbox/stop"
    await_serving stopped
    touch "$inbox/start"
}

# stream COUNT: copies so many files that were not there before.
stream()
{
    local end=$((number + $1))
    for ((; number < end; number++)); do
        cp "${files[number % ${#files[@]}]}" "$inbox/in/$number.jpg"
    done
}
all_answered() { [ ! -s "$inbox/queue" ]; }
# Each of them has one answer, which is not that it kills workers.
each_once()
{
    eventually 120 all_answered || fail "$(cat "$inbox/queue" "$inbox/info")"
    expect '' bash -c "cut -d, -f2,3 '$inbox/results.csv' | sort | uniq -d"
    expect $number bash -c "grep -c '\.jpg,' '$inbox/results.csv'"
    expect '' sed -n '/died twice/p' "$inbox/results.csv"
}
