#!/bin/bash
# Target machines: they are written, changed, switched off and removed; a
# training keeps to their limits; overview shows what they are; and several of
# them may share one host.
# timeout: 400
# not under: address|thread (a sanitizer has its own idea of memory)
. "$(dirname "$0")/../lib.sh"
mount_primofs
cd "$MNT"
invalid='Invalid argument'
busy='Device or resource busy'
pictures "$SCRATCH/data" 16 4
put templates/t "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 3\n"
put templates/long "dataset = $SCRATCH/data\nimage_size = 64\nepochs = 999\n"

# column TITLE MACHINE: that column of overview, in the first or the second of
# its tables; columns begin where their titles do.
column()
{
    perl -CSDA -ne 'BEGIN { ($title, $machine) = splice @ARGV, 0, 2 }
        if (/^machine /) {
            $wide = 0;
            /(?:^| )(\Q$title\E +)(?=\S)| (\Q$title\E)$/ or next;
            ($at, $wide) = $1 ? ($-[1], length $1) : ($-[2], 999);
        }
        print substr($_, $at, $wide) =~ s/\s+$//r, "\n"
            if $wide && /^\Q$machine\E /;
    ' "$1" "$2" overview
}
trainers() { trainer_pids | wc -l; }

step "a machine is an input file like a template"
put machines/second 'launcher = local\nthreads = 1\n# of the back office\n'
cp machines/second machines/third
mv machines/third machines/спаренная
expect 'local second спаренная' xargs -n 3 <<<"$(ls machines)"
refused "$invalid" "machines/second:1:11: threads must be an integer" \
    put machines/second 'threads = many\n'
refused "$invalid" "unknown key 'thread'.*'threads'" \
    put machines/second 'thread = 1\n'
refused "$invalid" 'launcher must be local, ssh or slurm' put machines/new 'launcher = moon\n'
refused "$invalid" 'nice must be an integer from 0 to 19' \
    put machines/new 'nice = -5\n'
refused "$invalid" 'memory must be a size' put machines/new 'memory = lots\n'
refused "$invalid" "unknown key 'epochs'" put machines/new 'epochs = 3\n'
[ ! -e machines/new ]
expect_match '^# of the back office$' cat machines/second

step "a machine has one process, and an unknown machine has none"
mkdir processes/second processes/спаренная processes/local
expect_errno 'File exists' mkdir processes/second
refused 'No such file' "there is no machine 'far'" mkdir processes/far
refused "$busy" 'in use' rm machines/second

step "overview shows what each machine is"
seen() { [[ $(column trainer local) != - ]]; }
eventually 10 seen || fail "$(cat overview)"
expect "$("$BUILD/primo-train" --version | awk '{ print $NF }')" \
    column trainer local
expect_match '^[0-9.]+[MG]$' column memory local
expect_match '^[0-9]+\.[0-9]$' column load local
expect_match '^[0-9]+$' column cores local
model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | sort -u)
[ -z "$model" ] || expect "$model" column processor local
expect "$(column cores local)" \
    sed 's|^1/||' <<<"$(column cores second)"
put machines/second 'threads = 1\nmemory = 512M\n'
expect "512M/$(column memory local)" column memory second
[ "$(column process спаренная)" = enabled ]

step "a disabled machine refuses starts, and what runs there goes on"
echo long >processes/second/template
touch processes/second/start
await running 60 second
put machines/second 'threads = 1\nnice = 7\nmemory = 1G\nenabled = no\n'
expect no column available second
expect yes column available local
status_is running second
touch processes/second/stop
await stopped 30 second
for action in start resume; do
    refused "$busy" "the machine 'second' is switched off \(enabled = no" \
        touch processes/second/$action
done

step "an enabled machine trains within its threads, nice and memory"
put machines/second 'threads = 1\nnice = 7\nmemory = 1G\nenabled = yes\n'
touch processes/second/start
await running 60 second
pid=$(trainer_pids)
expect 7 awk '{ print $19 }' "/proc/$pid/stat"
expect_match '^Max data size +1073741824 +1073741824' cat "/proc/$pid/limits"
expect_match ' threads: 1, as requested' cat processes/second/log
expect_match '^# machine' cat processes/second/config

step "several machines on one host train at once"
echo long >processes/спаренная/template
touch processes/спаренная/start
await running 60 спаренная
status_is running second
[ "$(trainers)" -eq 2 ] || fail "$(trainers) trainers"
expect running column status second
expect running column status спаренная
for machine in second спаренная; do
    touch processes/$machine/stop
    await stopped 30 $machine
done

step "too little memory fails the training, with that reason"
echo t >processes/second/template
for size in 10M 100M 220M 250M 280M 310M 340M 370M; do
    put machines/second "memory = $size\n"
    touch processes/second/start
    case $(timeout 60 cat processes/second/wait) in
    failed) grep -q "^reason: memory = $size is too little" \
        processes/second/info || fail "$(grep ^reason processes/second/info)" ;;
    succeeded) [ "${size%M}" -ge 160 ] || fail "$size was enough" ;;
    *) fail "$size: $(cat processes/second/status)" ;;
    esac
done
put machines/second 'memory = 2G\n'
touch processes/second/start
expect succeeded timeout 60 cat processes/second/wait

step "a machine can be removed once its process is"
rmdir processes/second processes/спаренная
rm machines/second machines/спаренная
expect local ls machines
expect_match ' machines/second removed$' cat events
[ "$(grep -c . overview)" -eq 4 ]
