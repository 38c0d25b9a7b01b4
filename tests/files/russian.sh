#!/bin/bash
# The language of a mount. It follows the environment or -o lang=; everything
# written for people is in Russian then, and everything that programs read is
# the same as in English. A sentence of the code without a translation fails
# this test.
# timeout: 400
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"
data=$SCRATCH/data
pictures "$data" 20 5
local=$MNT/processes/local
unset LANGUAGE LC_MESSAGES LANG

# in_language LANG COMMAND…: runs it with that locale, which need not be
# installed.
in_language() { (unset LC_ALL && export LANG=$1 && shift && "$@"); }

step "every sentence of the code is in the catalogue and translated"
expect '' make -s -C "$ROOT" po-check

step "the environment chooses the language, and -o lang= overrides it"
in_language ru_RU.UTF-8 mount_primofs
expect_match 'обучение моделей' head -n 1 "$MNT/README"
umount_primofs
in_language ru_RU.UTF-8 mount_primofs "$STATE" "$MNT" -o lang=en
expect_match 'train image models' head -n 1 "$MNT/README"
umount_primofs
in_language de_DE.UTF-8 mount_primofs
expect_match 'train image models' head -n 1 "$MNT/README"
umount_primofs
expect_errno "lang must be en or ru, got 'xx'" \
    "$BUILD/primofs" "$STATE" "$MNT" -o lang=xx
expect_errno 'не указана точка монтирования' \
    in_language ru_RU.UTF-8 "$BUILD/primofs" "$STATE"
expect_match '^Обучает классификатор' \
    in_language ru "$BUILD/primo-train" --help

step "the steps of the guide work in a Russian mount"
mount_primofs "$STATE" "$MNT" -o lang=ru # in a locale that is C.UTF-8
refused 'Invalid argument' \
    't:1:10: epochs: ожидается целое число от 1 до 10000 или auto, а указано «abc»' \
    put "$MNT/templates/t" 'epochs = abc\n'
last_error '\(Недопустимый аргумент\)$'
refused 'Invalid argument' 'неизвестный ключ «epoch»; может быть, «epochs»\?' \
    put "$MNT/templates/t" 'epoch = 1\n'
refused 'Invalid argument' 'имени допустимы .* «Мои счета»' \
    touch "$MNT/templates/Мои счета"
cp "$MNT/template.example" "$MNT/templates/example"
expect 1 grep -c '^# .*(Начальный коэф. обучения)$' "$MNT/templates/example"
put "$MNT/templates/t" "dataset = $data\nepochs = 2\nimage_size = 32\n"
refused 'No such file' 'в machines/ нет машины «far»' \
    mkdir "$MNT/processes/far"
mkdir "$local"
expect created cat "$local/status"
expect '[....................]   0% Создан' cat "$local/progress"
refused 'Invalid argument' 'у процесса нет шаблона' touch "$local/start"
echo t >"$local/template"
touch "$local/start"
refused busy 'действие «start» возможно при статусах: created, stopped' \
    touch "$local/start"
refused busy 'шаблон «t» занят' rm "$MNT/templates/t"
[ "$(timeout 200 cat "$local/wait")" = succeeded ] ||
    fail "$(tail -n 3 "$local/log")"

step "what people read is in Russian"
expect_match '100% Успешно завершен, эпоха 2/2, потери [0-9.]+, AP [0-9.]+, ' \
    cat "$local/progress"
expect_match '^машина +доступна +процесс +шаблон +статус +прогресс +~до' \
    head -n 1 "$MNT/overview"
expect_match '^local +да +включен +t +Успешно завершен +100% +00:00:00' \
    sed -n 2p "$MNT/overview"
expect_match '^# Статус: Успешно завершен$' cat "$local/info"
expect_match '^# Шаблон обучения$' cat "$MNT/models/t/1/info"
expect_match 'датасет прочитан: классов 10, обучающих изображений 200' \
    cat "$local/log"
expect_match '^# по умолчанию auto: для базовой модели' cat "$local/config"
expect_match '^# нечитаемых$' cat "$local/dataset"
for chart in "$local/monitor.svg" "$local/monitor.html" \
    "$MNT/models/t/1/monitor.svg"; do
    expect_match '>Средняя точность \(тест\)<' cat "$chart"
    expect_match '>Успешно завершен<' cat "$chart"
    xmllint --noout "$chart"
done
expect_match '<html lang="ru"' cat "$local/monitor.html"

step "the reason of a failed training is in Russian"
put "$MNT/templates/t" "dataset = $SCRATCH/nowhere\n"
touch "$local/start"
expect failed timeout 60 cat "$local/wait"
expect_match "^reason: не удалось прочитать датасет «$SCRATCH/nowhere»: Нет" \
    cat "$local/info"
expect_match '% Ошибка.*: не удалось прочитать датасет' cat "$local/progress"

step "what programs read is the same in both languages"
machine_part() # FILE: without comments, times and reasons
{
    grep -v '^#' "$1" | sed -E 's/^(reason|finished|started):.*/\1:/'
}
files=(status eta metrics.csv enabled template)
for file in "${files[@]}"; do cp "$local/$file" "ru-$file"; done
machine_part "$local/info" >ru-info
expect 'time,epoch,iteration,learning_rate,train_loss,average_precision,accuracy,images_per_second' \
    head -n 1 "$MNT/models/t/1/metrics.csv"
expect_match '^[^ ]+Z root processes/local started$' cat "$MNT/events"
cp "$MNT/models/t/1/info" ru-model-info
(cd "$MNT" && find . | sort) >ru-tree
umount_primofs
mount_primofs
for file in "${files[@]}"; do cmp "$local/$file" "ru-$file"; done
machine_part "$local/info" | cmp - ru-info
cmp "$MNT/models/t/1/info" ru-model-info # it was said in Russian, and is kept
(cd "$MNT" && find . | sort) | cmp - ru-tree
! grep '^#' "$local/info" || fail "info has comments in English"
expect_match '% failed' cat "$local/progress"

step "a resumed training speaks the language of its mount"
put "$MNT/templates/t" "dataset = $data\nepochs = 300\nimage_size = 32\n"
touch "$local/start"
await running
touch "$local/stop"
await stopped
umount_primofs
mount_primofs "$STATE" "$MNT" -o lang=ru
touch "$local/resume"
await running
touch "$local/stop"
await stopped
expect_match 'остановлено по запросу' tail -n 3 "$local/log"
expect_match 'stopped, as requested' cat "$local/log"
umount_primofs

step "primo-train alone speaks Russian, too"
printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$data" >template
expect_match 'эпоха 1 из 1: потери' \
    "$BUILD/primo-train" template out lang=ru
expect_match '^1,|,1,' tail -n 1 out/metrics.csv
expect_errno 'в «out» лежит готовая модель' \
    in_language ru_RU.UTF-8 "$BUILD/primo-train" template out
