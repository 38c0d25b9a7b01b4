#!/bin/bash
# The rules that a compiler does not check: who may include what, and what the
# code looks like. They keep the folders apart, one-way, and the style uniform.
# timeout: 400
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1
status=0
say()
{
    echo "$*"
    status=1
}

mapfile -t files < <(find core fs trainer tests examples docs -name '*.[ch]' |
    sort)

# includers REGEX: the files that include a header whose path matches.
includers()
{
    grep -lE "^ *# *include *[<\"]($1)[>\"]" "${files[@]}"
}

# only_in FILES-REGEX HEADERS-REGEX [COUNT]: no others include them, and no
# more than COUNT files in all.
only_in()
{
    local file count=0
    for file in $(includers "$2"); do
        [[ $file =~ ^($1)$ ]] || say "$file includes $2, which only $1 may"
        count=$((count + 1))
    done
    [ $count -le "${3:-1000}" ] ||
        say "$2 is included by $count files, at most ${3} may"
}

tests='tests/.*|examples/.*'
only_in 'core/store/inside\.h' 'lmdb\.h' 1
only_in 'core/store/.*\.c' 'core/store/inside\.h'
only_in "fs/.*" 'fuse.*'
only_in "trainer/mpi/.*" 'mpi\.h' 1
only_in "trainer/dnn/inside\.h" 'dnnl.*|oneapi/.*' 1
only_in 'trainer/dnn/.*\.c' 'trainer/dnn/inside\.h'
only_in "trainer/.*\.c|$tests" 'jpeglib\.h|turbojpeg\.h'
only_in "trainer/.*\.c|$tests" 'png\.h'
only_in 'examples/.*' 'ft2build\.h'
only_in "trainer/.*\.c" 'tiff(io)?\.h' 1
only_in "trainer/pages/draw\.c|$tests" 'poppler\.h'
only_in "trainer/pages/pdf_file\.c" 'qpdf/.*'
only_in "trainer/pages/profile\.c|$tests" 'lcms2\.h'
only_in "trainer/.*\.c|$tests" 'seccomp\.h'
only_in "trainer/.*\.c" 'onnx\.pb-c\.h' 1
for header in 'jpeglib\.h' 'png\.h'; do
    count=$(includers "$header" | grep -c '^trainer/')
    [ "$count" -le 1 ] || say "$count files of trainer/ include $header"
done

# Who may include whom: tests/rooms.
while read -r room below; do
    [[ $room == [a-z]* ]] || continue
    for file in "$room"/*.[ch]; do
        for to in $(sed -nE 's,^#include "([^"]+)/[^/"]+"$,\1,p' "$file"); do
            [[ " $room $below " == *" $to "* ]] ||
                say "$file includes $to/, which $room/ may not know"
        done
    done
done <tests/rooms
for file in "${files[@]}"; do
    [[ $file == tests/* || $file == examples/* || $file == docs/* ]] ||
        grep -q "^${file%/*}\( \|\$\)" tests/rooms ||
        say "$file stands in no room of tests/rooms"
done

# Under pipefail, a reader that stops early fails the pipe now and then.
for file in $(grep -lE '^set -.*pipefail|lib\.sh"' tests/*.sh tests/*/*.sh \
    tests/bare-root tests/packages tests/bench/* examples/*.sh); do
    ! grep -nE '\| *(head|grep -[A-Za-z]*q)' "$file" /dev/null ||
        say "$file: a reader at a pipe's end that does not read it whole"
done

# A name that two files of one program, or of its tests, give to different
# things misleads readers, and keeps a test from using both.
build=${BUILD:-build}
if [ -e "$build/unit.a" ]; then
    objects=$build/unit.a
    for file in fs/*.c fs/*/*.c; do # a source that is gone has left its object
        [ ! -e "$build/${file%.c}.o" ] || objects+=" $build/${file%.c}.o"
    done
    for name in $(nm --defined-only -g $objects |
        awk 'NF == 3 && $2 ~ /^[A-TX-Z]$/ { print $3 }' | sort | uniq -d); do
        say "$name is defined twice with external linkage"
    done
fi

# The changelog of the Debian packages indents these lines by two.
long=$(awk 'length > 78 { print FILENAME ":" FNR }' CHANGELOG.md)
[ -z "$long" ] || say "lines of more than 78 characters: $long"

# The form.
awk 'FNR == 1 { line = 0 } { line++ }
    { text = $0; gsub(/[\200-\277]/, "", text) }
    length(text) > 80 { print FILENAME ":" line ": over 80 columns"; bad = 1 }
    /[ \t]$/ { print FILENAME ":" line ": space at its end"; bad = 1 }
    /\t/ { print FILENAME ":" line ": a tab"; bad = 1 }
    END { exit bad }' "${files[@]}" || status=1
for file in "${files[@]}"; do
    [ -z "$(tail -c 1 "$file")" ] || say "$file does not end in a newline"
done
if command -v clang-format >/dev/null; then
    clang-format --dry-run --Werror "${files[@]}" || status=1
fi
exit $status
