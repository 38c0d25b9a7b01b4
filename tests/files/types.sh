#!/bin/bash
# Model types. They are written like templates and bring defaults for the
# templates of that type, so an administrator can set what suits all of them.
# timeout: 180
# not under: thread
. "$(dirname "$0")/../lib.sh"
mount_primofs
cd "$MNT"
invalid='Invalid argument'
busy='Device or resource busy'

step "a type is an input file like a template"
put types/invoices '# scans\ngoal = classification\nepochs = 2\nimage_size = 32\n'
cp types/invoices types/letters
mv types/letters types/drawings
sed -i 's/32/64/' types/drawings
vi -es -u NONE -c 'set backup backupcopy=no' -c '%s/64/96/' -c wq \
    types/drawings </dev/null >/dev/null
grep -q '^image_size = 96$' types/drawings
expect_match ' types/invoices created$' cat events
put types/empty ''
rm -f types/empty types/drawings types/drawings~

step "the text of a type is checked when it is written"
refused "$invalid" "types/new:1:8: goal must be classification" \
    put types/new 'goal = detection\n'
refused "$invalid" "types/invoices:2:1: unknown key 'epoch'.*'epochs'" \
    put types/invoices 'goal = classification\nepoch = 3\n'
refused "$invalid" "unknown key 'type'" put types/new 'type = invoices\n'
refused "$invalid" "unknown key 'threads'" put types/new 'threads = 1\n'
refused "$invalid" 'letters, digits' touch 'types/a b'
[ ! -e types/new ]
grep -q '^epochs = 2$' types/invoices

step "a template of an unknown type is refused, naming those that exist"
for text in 'type = letters\n' 'epochs = 3\ntype = letters'; do
    printf '%b' "$text" >"$SCRATCH/text"
    refused "$invalid" \
        "no type 'letters' in types/, there is classifier, invoices" \
        cp "$SCRATCH/text" templates/a
    [ ! -e templates/a ]
done
refused "$invalid" 'templates/a:2:8: there is no type' \
    bash -c "printf 'epochs = 3\ntype = letters\n' >templates/a"
put templates/.a.new 'type = letters\n'
refused "$invalid" 'no type' perl -e \
    'rename "templates/.a.new", "templates/a" or die "$!\n"'
[ ! -e templates/a ]
put templates/a 'type = invoices\n'
put templates/plain ''

step "a type in use cannot be removed or renamed"
refused "$busy" "'invoices' is in use by the template 'a'" \
    rm types/invoices
refused "$busy" "'invoices' is in use" perl -e \
    'rename "types/invoices", "types/bills" or die "$!\n"'
put types/invoices 'epochs = 3\nimage_size = 32\ndescription = scans\n'
put templates/a ''
mv types/invoices types/bills
rm types/bills
put types/invoices 'epochs = 3\nimage_size = 32\ndescription = scans\n'

step "the built-in type cannot be removed, but may be edited"
refused 'not permitted' "'classifier' is built in" rm types/classifier
refused 'not permitted' "'classifier' is built in" perl -e \
    'rename "types/classifier", "types/other" or die "$!\n"'
mv types/classifier types/classifier~
expect_errno 'not permitted' rm types/classifier~
mv types/classifier~ types/classifier
echo 'seed = 5' >>types/classifier

step "config says which values came from the type"
pictures "$SCRATCH/data" 6 2
printf 'type = invoices\ndataset = %s\nepochs = 1\n' "$SCRATCH/data" \
    >templates/a
mkdir processes/local
echo a >processes/local/template
touch processes/local/start
put templates/a '' # the run keeps what it began with
refused "$busy" "'invoices' is in use by the process on 'local'" \
    rm types/invoices
await succeeded 120
origin() { grep -B1 "^$1 = " processes/local/config | sed -n 1p; }
expect "# type 'invoices'" origin image_size
expect '# template' origin epochs
expect '# template' origin type
expect '# default' origin seed
expect_match '^description =$' cat processes/local/config
rm types/invoices

step "a template without a type gets the defaults of the built-in one"
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$SCRATCH/data" \
    >templates/plain
echo plain >processes/local/template
touch processes/local/start
await succeeded 120
expect "# type 'classifier'" origin seed

step "types are there after the next mount"
put types/kept 'patience = 3\n'
cd /
umount_primofs
mount_primofs
expect 'patience = 3' cat "$MNT/types/kept"
expect_match '^seed = 5$' cat "$MNT/types/classifier"
