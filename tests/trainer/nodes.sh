#!/bin/bash
# Several hosts train one model: here several processes of primo-nodes on this
# one, as mpirun starts them. The model is that of one host but for rounding, the
# same bytes each time, and whatever was stopped or killed in between. A host
# whose trainer is killed, stands still or fails ends the others, with a reason
# and a checkpoint.
# timeout: 1200
# not under: thread address
. "$(dirname "$0")/../lib.sh"
[ -x "$BUILD/primo-nodes" ] || skip "primo-nodes was built without MPI"
command -v mpirun >/dev/null || skip "no mpirun"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export TMPDIR=$SCRATCH
# Small pictures on one machine are no faster on several hosts; when one of them
# goes on alone depends on what else runs here.
export PRIMOFS_STAY_TOGETHER=1
train=$BUILD/primo-train
cd "$SCRATCH"
pictures data 5 2

# run_make NAME [LINE…]: a run directory as a launcher makes it.
run_make()
{
    mkdir "$1"
    printf 'threads = 1\nlang = en\n' >"$1/job"
    : >"$1/type"
    printf '%s\n' "dataset = $PWD/data" "${@:2}" >"$1/template"
    grep -q precision "$1/template" || echo 'precision = f32' >>"$1/template"
    grep -q image_size "$1/template" || echo 'image_size = 32' >>"$1/template"
}
# together N NAME [TRAINER]: trains on N hosts. As mpirun goes on when one of them
# is lost, its status says nothing.
together()
{
    mpirun -n "$1" --oversubscribe --bind-to none --enable-recovery \
        "$BUILD/primo-nodes" "${3:-$train}" --run "$SCRATCH/$2" \
        >"$2.said" 2>&1
}
# told NAME REGEX: the journals say that.
told() { grep -aqE "$2" "$1"/journal.*; }
trained() { together "$1" "$2" && told "$2" succeeded || fail "$(cat "$2.said")"; }
model_of() { sha256sum <"$1/artifacts/model.safetensors"; }
# node_of PROCESS: the one that has started it.
node_of() { awk '/^PPid:/ { print $2 }' "/proc/$1/status"; }
# started_by_nodes WORDS: a trainer, and none of the processes that draw pages
# for it.
started_by_nodes()
{
    local pid
    for pid in $(trainers_with "$1"); do
        [ "$(cat "/proc/$(node_of "$pid")/comm")" != primo-nodes ] ||
            echo "$pid"
    done
}
# follower: the trainer that has no run directory of a launcher.
follower() { started_by_nodes " --run $SCRATCH/primofs-node."; }
leader() { started_by_nodes " --run $SCRATCH/$1 "; }
no_nodes() { [ -z "$(pids_of primo-nodes)$(training_pids)" ]; }
no_leftovers() { ! compgen -G "$SCRATCH/*primofs-node.*" >/dev/null; }

# weights_near A B: their models' weights differ by rounding only.
weights_near()
{
    "$PYTHON" - "$1" "$2" <<'END'
import array, json, struct, sys
def weights(run):
    data = open(run + '/artifacts/model.safetensors', 'rb').read()
    size, = struct.unpack('<Q', data[:8])
    head = json.loads(data[8:8 + size])
    head.pop('__metadata__', None)
    for name, of in head.items():
        start, end = of['data_offsets']
        yield name, array.array('f', data[8 + size + start:8 + size + end])
for (name, a), (_, b) in zip(weights(sys.argv[1]), weights(sys.argv[2])):
    most = max(map(abs, a)) + 0.1
    worst = max(abs(x - y) for x, y in zip(a, b)) / most
    if worst > 2e-3:
        sys.exit(f'{name} differs by {worst}')
END
}

step "several hosts come to the weights of one, but for rounding"
few=('iterations = 3' 'base = scratch' 'batch_size = 10')
run_make one "${few[@]}"
"$train" --run "$SCRATCH/one" >one.said 2>&1 || fail "$(cat one.said)"
for n in 2 3; do
    run_make few$n "${few[@]}"
    trained $n few$n
    told few$n "$n hosts train together, each with a part of each batch of 10"
    weights_near one few$n || fail "$n hosts come to other weights"
done

step "a batch may have fewer pictures than there are hosts"
little=('iterations = 2' 'base = scratch' 'batch_size = 4' 'image_size = 64')
run_make small "${little[@]}"
run_make small5 "${little[@]}"
"$train" --run "$SCRATCH/small" >small.said 2>&1 || fail "$(cat small.said)"
trained 5 small5
weights_near small small5

step "the same bytes each time, also of a run that was stopped"
run_make whole 'epochs = 4' 'base = scratch'
run_make again 'epochs = 4' 'base = scratch'
run_make parts 'epochs = 4' 'base = scratch'
trained 2 whole
trained 2 again
[ "$(model_of whole)" = "$(model_of again)" ] || fail "the second is another"
has_begun() { told "$1" 'iteration=[1-9][0-9]* ' && [ -n "$(follower)" ]; }
together 2 parts &
eventually 60 has_begun parts || fail "$(cat parts.said)"
for pid in $(training_pids); do
    grep -q '^Seccomp:.*2$' "/proc/$pid/status" || fail "$pid is not confined"
done
kill -TERM "$(leader parts)"
wait $! || true
told parts 'stopped, as requested'
[ ! -e parts/artifacts/model.safetensors ]
eventually 10 no_nodes
no_leftovers

step "gradients travel as bf16 unless f32 is asked for, the same bits each time"
told whole 'and gradients travel as f32'
run_make short "${few[@]}" 'precision = auto'
run_make short2 "${few[@]}" 'precision = auto'
trained 3 short
trained 3 short2
told short 'and gradients travel as bf16'
[ "$(model_of short)" = "$(model_of short2)" ] || fail "the second is another"
[ "$(model_of short)" != "$(model_of few3)" ] || fail "nothing was rounded"
for precision in f32 auto; do
    run_make "once-$precision" "${few[@]/iterations = 3/iterations = 1}" \
        "precision = $precision"
    trained 3 "once-$precision"
done
grep -qw avx512_bf16 /proc/cpuinfo || weights_near once-f32 once-auto

step "where one is faster it goes on alone, and so does what is resumed"
alone_now() { told "$1" 'goes on alone from update [0-9]+ on'; }
no_followers() { [ -z "$(follower)" ]; }
run_make lone 'epochs = 1000' 'base = scratch' 'batch_size = 4'
PRIMOFS_STAY_TOGETHER='' together 4 lone &
together=$!
eventually 120 alone_now lone || fail "$(cat lone.said)"
told lone '4 hosts take .* nodes = 1 is faster'
told lone '1 \(.*\), alone from update [0-9]+ on'
eventually 20 no_followers
# What becomes of the others' hosts is nothing to it.
lead=$(leader lone)
for pid in $(pids_of primo-nodes); do
    [ "$pid" = "$(node_of "$lead")" ] || kill -KILL "$pid"
done
sleep 10
[ "$(leader lone)" = "$lead" ] || fail "$(cat lone.said)"
kill -TERM "$lead"
wait $together || true
told lone 'stopped, as requested'
eventually 20 no_nodes
rm lone/journal.*
PRIMOFS_STAY_TOGETHER='' together 4 lone &
together=$!
eventually 120 told lone 'iteration=[1-9][0-9]* ' || fail "$(cat lone.said)"
told lone '1 \(.*\), alone from update [0-9]+ on'
no_followers
kill -TERM "$(leader lone)"
wait $together || true
! told lone 'hosts take' || fail "they were timed again"
run_make soon 'iterations = 30' 'base = scratch' 'batch_size = 4'
PRIMOFS_STAY_TOGETHER='' trained 4 soon
alone_now soon
[ -s soon/artifacts/model.safetensors ]

step "a trainer that is killed ends the others; the run goes on where it was"
together 2 parts &
eventually 60 has_begun parts
kill -KILL "$(follower)"
wait $! || true
grep -q "the trainer on host '.*' was ended by signal 9" parts.said
! grep -aq succeeded parts/journal.*
! grep -aq failed: parts/journal.* || fail "that was the end"
eventually 20 no_nodes
trained 2 parts
[ "$(model_of whole)" = "$(model_of parts)" ] || fail "the model is another"
grep -aq 'continuing from the checkpoint' parts/journal.*

step "one that stands still is noticed, and so is a host that is silent"
run_make still 'epochs = 1000' 'base = scratch'
together 2 still &
eventually 60 has_begun still
kill -STOP "$(follower)"
wait $! || true
grep -q "the trainer on host '.*' has stood still" still.said
eventually 20 no_nodes
together 2 still &
eventually 60 has_begun still
kill -KILL "$(node_of "$(follower)")"
eventually 30 told still "host '.*' has said nothing" || fail "$(cat still.said)"
wait $! || true
eventually 20 no_nodes

step "what a host lacks is the reason, and the run fails for good"
cat >elsewhere <<END
#!/bin/sh
case \$2 in
*/primofs-node.*) sed -i 's,^dataset = .*,dataset = $SCRATCH/other,' \$2/template ;;
esac
exec "$train" "\$@"
END
chmod +x elsewhere
run_make absent 'base = scratch'
together 2 absent "$SCRATCH/elsewhere" || true
told absent "failed: host '.*': cannot read the dataset '$SCRATCH/other'"
cp -r data other
for picture in other/train/*/*; do
    rm "$picture"
    break
done
run_make differs 'base = scratch'
together 2 differs "$SCRATCH/elsewhere" || true
told differs "failed: host '.*' has other pictures than"

step "where the hosts ask for different things, they end"
cat >astray <<END
#!$PYTHON
import mmap, os, socket, struct, sys
end, memory = map(int, os.environ['PRIMOFS_NODES'].split())
nodes, head = socket.socket(fileno=end), mmap.mmap(memory, 64 << 10)
rank, = struct.unpack('I', head[:4])
SUM, WAIT, GATHER = 0, 2, 4
for verb in (GATHER,) if rank == 0 else (SUM, WAIT):
    nodes.send(struct.pack('3I', verb, 64, 0))
nodes.recv(12)
open(sys.argv[2] + '/loss', 'wb').write(head[8 + 64 * 64:][:4])
END
chmod +x astray
run_make strays
together 2 strays "$SCRATCH/astray" &
eventually 90 test -s strays/loss || fail "they wait for each other"
expect 6 eval 'od -An -tu4 strays/loss | tr -d " "' # NODES_DIFFER
wait $! || true

step "a trainer that is killed just before it is answered is missed, too"
cat >vanishes <<END
#!$PYTHON
import mmap, os, signal, socket, struct, sys
end, memory = map(int, os.environ['PRIMOFS_NODES'].split())
nodes, head = socket.socket(fileno=end), mmap.mmap(memory, 64 << 10)
rank, = struct.unpack('I', head[:4])
gather = struct.pack('3I', 4, 64, 0)
if rank == 0:
    try:
        for answer in range(2):
            nodes.send(gather)
            nodes.recv(12)
    except BrokenPipeError:
        pass
    open(sys.argv[2] + '/loss', 'wb').write(head[8 + 64 * 64:][:4])
    sys.exit()
# primo-nodes is to read what is asked for when nobody is there any more.
node, alive = os.getppid(), os.pipe()
os.kill(node, signal.SIGSTOP)
nodes.send(gather)
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
nodes.close()
os.close(alive[1])
os.read(alive[0], 1)
os.kill(node, signal.SIGCONT)
END
chmod +x vanishes
run_make vanished
together 2 vanished "$SCRATCH/vanishes" &
eventually 90 test -s vanished/loss || fail "nobody has missed it"
wait $! || true

step "a base is adapted by all alike"
run_make based 'iterations = 2'
run_make based1 'iterations = 2'
cp -L "$BUILD/base.safetensors" based/base
cp -L "$BUILD/base.safetensors" based1/base
trained 2 based
"$train" --run "$SCRATCH/based1" >based1.said 2>&1 || fail "$(cat based1.said)"
told based 'the base is adapted'
weights_near based1 based
no_leftovers || [ "$(compgen -G "$SCRATCH/*primofs-node.*" | wc -l)" = 0 ]
