#!/bin/bash
# Services are input files like templates: written, copied, renamed, checked as
# they are written, and allowed by a line of roles of their own.
# timeout: 120
. "$(dirname "$0")/../lib.sh"
mount_primofs
cd "$MNT"
invalid='Invalid argument'

step "a service is an input file like a template"
put services/inbox '# scans\nmodel = invoices/latest\nok = 0.9\n'
cp services/inbox services/letters
mv services/letters services/mail
sed -i 's/0.9/0.95/' services/mail
grep -q '^ok = 0.95$' services/mail
expect_match ' services/inbox created$' cat events
put services/empty ''
rm services/empty services/mail
cp service.example services/all
put services/all 'model = models/a/3\nkeep = forever\nidle = never\nsettle = 2s\n'

step "its text is checked when it is written"
refused "$invalid" "services/new:1:1: unknown key 'modle'.*'model'" \
    put services/new 'modle = a/1\n'
refused "$invalid" 'model must be TEMPLATE/N or TEMPLATE/latest' \
    put services/new 'model = a\n'
refused "$invalid" 'ok must be a number from 0 to 1' put services/new 'ok = 2\n'
refused "$invalid" 'keep must be a time such as .* or forever' \
    put services/new 'keep = 5\n'
refused "$invalid" "no machine 'moon' in machines/, there is local" \
    put services/new 'machine = moon\n'
refused "$invalid" "no machine 'moon' in machines/, there is local" \
    put services/new 'machine = local moon\n'
refused "$invalid" 'machine must be names of .*, each once' \
    put services/new 'machine = local local\n'
refused "$invalid" "unknown key 'epochs'" put services/new 'epochs = 1\n'
[ ! -e services/new ]
grep -q '^ok = 0.9$' services/inbox

step "they are there after a restart"
cd "$SCRATCH"
umount_primofs
mount_primofs
grep -q '^model = invoices/latest$' "$MNT/services/inbox"
