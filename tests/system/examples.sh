#!/bin/bash
# The programs of examples/ make the pictures they are asked for, and the same
# ones for the same arguments, as tests and measurements rely on that; what
# they cannot do they refuse. The scripts that act on a new model are run,
# too.
. "$(dirname "$0")/../lib.sh"
PATH=$BUILD/examples:$PATH
cd "$SCRATCH"

# header FILE: prints width, height and channels from the frame header of a JPEG
# file.
header()
{
    local bytes
    bytes=$(od -An -tx1 -v -N 1000 "$1" | tr -d ' \n')
    [[ $bytes =~ ^ffd8.*ffc0....08(....)(....)(..) ]] ||
        fail "$1 is no JPEG file"
    echo "$((16#${BASH_REMATCH[2]})) x $((16#${BASH_REMATCH[1]}))" \
        "x $((16#${BASH_REMATCH[3]}))"
}

# made DIR PER_CLASS HEADER CLASS…: DIR has to have these class folders and no
# others, each with pictures 0001.jpg to PER_CLASS that have this header.
made()
{
    local dir=$1 count=$2 wanted=$3 class file
    shift 3
    expect "$(printf '%s\n' "$@" | LC_ALL=C sort)" env LC_ALL=C ls "$dir"
    for class; do
        expect "$(seq -f '%04g.jpg' "$count")" ls "$dir/$class"
        for file in "$dir/$class"/*; do
            expect "$wanted" header "$file"
        done
    done
    [ "$(sha256sum "$dir"/*/* | cut -c1-64 | sort -u | wc -l)" -eq \
        $(($# * count)) ] || fail "pictures of $dir are the same"
}

# refuses STATUS REGEX COMMAND…: COMMAND has to fail with this status and
# message, and to make nothing.
refuses()
{
    local wanted=$1 regex=$2 status=0
    shift 2
    "$@" >out 2>err || status=$?
    [ $status -eq "$wanted" ] || fail "exit status $status of '$*'"
    grep -Eq -- "$regex" err || fail "'$*' said '$(cat err)'"
    [ ! -s out ] && [ ! -e new ] || fail "'$*' made something"
}

step "fashion-mnist makes real pictures"
classes=(ankle-boot bag coat dress pullover sandal shirt sneaker t-shirt trouser)
fashion-mnist fashion 3 2
made fashion/train 3 "28 x 28 x 1" "${classes[@]}"
made fashion/test 2 "28 x 28 x 1" "${classes[@]}"
fashion-mnist fashion-padded 1 --size 40
made fashion-padded/train 1 "40 x 40 x 1" "${classes[@]}"
[ ! -e fashion-padded/test ]
refuses 1 "^fashion-mnist: cannot make 'fashion/train': File exists" \
    fashion-mnist fashion
refuses 1 "^fashion-mnist: cannot read '/none/train-images.*No such" \
    fashion-mnist new --from /none

step "glyphs makes letters of many fonts"
glyphs letters 'aAé7/' 6 3
made letters/train 6 "64 x 64 x 1" a A é 7 U+002F
made letters/test 3 "64 x 64 x 1" a A é 7 U+002F
glyphs letters-again 'aAé7/' 6 3
diff -r letters letters-again
glyphs letters-less 7A 2 0
cmp letters/train/7/0002.jpg letters-less/train/7/0002.jpg
[ ! -e letters-less/test ]
glyphs letters-small xy 1 1 --size 20
made letters-small/test 1 "20 x 20 x 1" x y

step "glyphs works with a single font"
mkdir -p fonts/deep
font=$(find -L /usr/share/fonts -name DejaVuSans.ttf -print -quit)
ln -s "$font" fonts/deep/one.TTF
echo "no font" >fonts/two.ttf
glyphs letters-one A 2 2 --from fonts
made letters-one/train 2 "64 x 64 x 1" A
made letters-one/test 2 "64 x 64 x 1" A
scans a4-one 1 0 --dpi 25 --from fonts

step "glyphs refuses what it cannot draw"
refuses 2 '^usage: glyphs' glyphs
refuses 2 '^usage: glyphs' glyphs new
refuses 2 '^usage: glyphs' glyphs new ''
refuses 2 '^usage: glyphs' glyphs new ABC 0
refuses 2 '^usage: glyphs' glyphs new ABC 5 x
refuses 2 '^usage: glyphs' glyphs new ABC --size 15
refuses 2 "unrecognized option '--dpi'" glyphs new ABC --dpi 50
refuses 1 "no font can draw the character 'U\+0020'" glyphs new 'A B'
refuses 1 "given twice: the character 'A'" glyphs new ABA
refuses 1 "not in UTF-8" glyphs new $'A\xff'
refuses 1 "cannot read '/none': No such file" glyphs new A --from /none
rm fonts/deep/one.TTF
refuses 1 "no TrueType or OpenType font below 'fonts'" \
    glyphs new A --from fonts
refuses 1 "cannot make 'letters/train': File exists" glyphs letters A
refuses 1 "cannot make '/none/new': No such file" glyphs /none/new A

step "scans makes documents"
classes=(form invoice letter report)
scans a4 3 2 --dpi 50
made a4/train 3 "413 x 585 x 3" "${classes[@]}"
made a4/test 2 "413 x 585 x 3" "${classes[@]}"
scans a4-again 3 2 --dpi 50
diff -r a4 a4-again
scans a4-large 1 0
made a4-large/train 1 "2480 x 3508 x 3" "${classes[@]}"
[ ! -e a4-large/test ]

step "scans refuses what it cannot make"
refuses 2 '^usage: scans' scans
refuses 2 '^usage: scans' scans new 1 1 1
refuses 2 '^usage: scans' scans new --dpi 0
refuses 1 "cannot read '/none': No such file" scans new --from /none
refuses 1 "no TrueType or OpenType font below 'fonts'" scans new --from fonts
refuses 1 "cannot make 'a4/train': File exists" scans a4

step "all programs have help, and say when a file cannot be written"
expect_match '^usage: .*CHARACTERS' glyphs --help
expect_match '^usage: .*--dpi' scans --help
limited()
{
    (
        trap '' XFSZ
        ulimit -f 1
        exec "$@"
    )
}
expect_errno "cannot write 'a4-cut/train/letter/0001.jpg': File too large" \
    limited scans a4-cut 1 --dpi 50
expect_errno "cannot write 'png-cut/train/.*0001.png'" \
    limited fashion-mnist png-cut 1 --png --size 900

step "on-new-model.sh runs its command once for each new model"
watch=$ROOT/examples/on-new-model.sh
expect_errno 'on-new-model.sh MOUNT SEEN COMMAND' "$watch"
mount_primofs
fashion-mnist data 6 2 >/dev/null
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$PWD/data" \
    >"$MNT/templates/t"
mkdir "$MNT/processes/local" published
echo t >"$MNT/processes/local/template"
"$watch" "$MNT" seen sh -c 'cp -r "$1" published/' - &
watcher=$!
for version in 1 2; do
    touch "$MNT/processes/local/start"
    await succeeded 60
    eventually 10 grep -qx "$MNT/models/t/$version" seen ||
        fail "version $version: $(cat seen)"
    cmp "$MNT/models/t/$version/model.onnx" "published/$version/model.onnx"
done
kill $watcher
wait $watcher || true
expect 2 sh -c 'wc -l <seen'

step "the path unit of systemd publishes a model that succeeded"
if command -v systemd-analyze >/dev/null; then
    mkdir units
    for unit in "$ROOT"/examples/systemd/*; do
        cp "$unit" "units/$(basename "${unit/@/@x}")"
    done
    sed "s,@PREFIX@/bin,$BUILD,; /^Documentation/d" \
        "$ROOT/dist/systemd/primofs@.service" >units/primofs@x.service
    expect '' systemd-analyze verify units/primofs-{ended,answers}@x.*
fi
