#!/bin/bash
# Names that nobody can tell apart or type safely are refused in every directory
# of inputs, whichever call would give them.
# timeout: 120
. "$(dirname "$0")/../lib.sh"
mount_primofs
cd "$MNT"

composed=$'\u0439' decomposed=$'\u0438\u0306'
moved='Invalid argument|subdirectory of itself' # mv says that of EINVAL

step "invisible characters, and names that look like options"
put templates/old 'seed = 1'
for name in ./-rf ./-x~ $'a\ufe00' $'a\U000e0100' $'a\u034f' $'\u3164' \
    $'\u1160' $'\uffa0' $'\u2800' $'a\u200d' $'.\u3164' $'\u202ea~'; do
    for directory in templates machines types roles bases; do
        refused 'Invalid argument' 'hyphen|invisible|may have letters' \
            touch "$directory/$name"
    done
    refused "$moved" 'hyphen|invisible|may have letters' \
        mv templates/old "templates/$name"
done
expect old ls -A templates
expect 'seed = 1' cat templates/old

step "twins"
for directory in templates types roles machines; do
    : >"$directory/$composed"
    refused 'Invalid argument' 'looks the same' touch "$directory/$decomposed"
    : >"$directory/x"
    refused "$moved" 'looks the same' \
        mv "$directory/x" "$directory/$decomposed"
    mv "$directory/x" "$directory/$composed"
    : >"$directory/$composed"
    mv "$directory/$composed" "$directory/$decomposed" # the other form of it
    refused 'Invalid argument' 'looks the same' touch "$directory/$composed"
    rm "$directory/$decomposed"
done

step "good names"
for name in a-b 'Счета-2026' "$decomposed" $'\ud55c' 'क्षि' .x x~; do
    put "templates/$name" 'seed = 1'
    expect 'seed = 1' cat "templates/$name"
    rm "templates/$name"
done
