#!/usr/bin/python3
"""A client of a service, and the book of what it was told.

requests.py work INFERENCE BOOK PREFIX SEED PICTURE...
    copies, overwrites, renames and removes pictures and lists in INFERENCE/in,
    whose names begin with PREFIX, awaits some of the answers, and notes each
    change in BOOK before it begins and when it was acknowledged. Ends when the
    file system does.
requests.py check INFERENCE BOOK...
    compares what is in INFERENCE/in with the books, and notes in them what is
    there now. Prints how many changes were acknowledged.
requests.py audit INFERENCE BOOK...
    once nothing waits: each file has one answer, to its own bytes, each
    revision at most one row, and each answer that a client has seen has one.
    Prints how many rows there are.

What a kill may leave of a change that was not acknowledged: what was there
before, or what is there after it. A copy is acknowledged by fsync or by its
answer, as a close alone is followed by its sync.
"""
import csv
import errno
import hashlib
import json
import os
import random
import signal
import sys
import time

GONE = "-"
PASSING = ".part"
DIED = "worker_died"  # the code of a picture with which two workers died
NAMES, LISTS, SHARED = 12, 3, 4
HEAD = 64  # bytes by which a picture is known
# What a client hears when the daemon dies under it.
DEATHS = {errno.ENOTCONN, errno.ECONNABORTED, errno.ENODEV, errno.EIO}
# And when a file of its is renamed, or replaced, by the other client.
LOST = {errno.ENOENT, errno.EEXIST, errno.ESTALE}


def sum_of(data):
    return hashlib.sha256(data).hexdigest() if data else GONE


def content(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class Book:
    """For each name the sums that it may have; a line for each change."""

    def __init__(self, path):
        self.path, self.may, self.seen, self.done = path, {}, set(), 0
        if os.path.exists(path):
            for line in open(path):
                self.take(line.split())
        self.file = open(path, "a")

    def take(self, words):
        kind, rest = words[0], words[1:]
        if kind == "may":  # NAME SUM: it may have this sum, too
            self.may.setdefault(rest[0], {GONE}).add(rest[1])
        elif kind == "is":  # NAME SUM [NAME SUM]: it has this one
            self.done += 1
            for name, total in zip(rest[::2], rest[1::2]):
                self.may[name] = {total}
        elif kind == "seen":  # NAME REVISION: there is an answer
            self.seen.add((rest[0], rest[1]))

    def put(self, *words):
        self.file.write(" ".join(words) + "\n")
        self.file.flush()
        self.take([str(word) for word in words])


class Client:
    def __init__(self, book, prefix, seed, pictures):
        self.book, self.prefix = book, prefix
        self.random = random.Random(seed)
        self.paths = pictures
        self.pictures = [content(path) for path in pictures]
        self.ends = False
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        """Ends after the change that is under way."""
        self.ends = True

    def at(self, name):
        return os.path.join("in", name)

    def own(self):
        return "%s%d.jpg" % (self.prefix, self.random.randrange(NAMES))

    def write(self, name, data, sync):
        """Writes it in two pieces, and may sync after the first."""
        half = max(HEAD, self.random.randrange(len(data)))
        half_sync = name in self.book.may and self.random.randrange(8) == 0
        if half_sync:
            self.book.put("may", name, sum_of(data[:half]))
        fd = os.open(self.at(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.write(fd, data[:half])
            if half_sync:
                os.fsync(fd)
            os.write(fd, data[half:])
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)

    def copy(self, name, data):
        sync = self.random.randrange(2) == 0
        self.book.put("may", name, sum_of(data))
        self.write(name, data, sync)
        if sync:
            self.book.put("is", name, sum_of(data))

    def copy_picture(self):
        self.copy(self.own(), self.random.choice(self.pictures))

    def copy_list(self):
        lines = self.random.choices(self.paths, k=self.random.randrange(1, 9))
        lines += ["/missing/%d" % i for i in range(self.random.randrange(300))]
        self.random.shuffle(lines)
        name = "%s%d.list" % (self.prefix, self.random.randrange(LISTS))
        self.copy(name, ("\n".join(lines) + "\n").encode())

    def copy_aside(self):
        name, data = self.own(), self.random.choice(self.pictures)
        self.write(name + PASSING, data, self.random.randrange(2) == 0)
        self.book.put("may", name, sum_of(data))
        os.rename(self.at(name + PASSING), self.at(name))

    def rename(self):
        old, new = self.own(), self.own()
        may = self.book.may.get(old, {GONE})
        if old == new or not content(self.at(old)):
            return
        for total in set(may):
            self.book.put("may", new, total)
        self.book.put("may", old, GONE)
        known = len(may) == 2  # one sum, which is durable, and GONE
        os.rename(self.at(old), self.at(new))
        if known:
            self.book.put("is", new, *(may - {GONE}), old, GONE)

    def remove(self):
        name = self.own()
        if self.random.randrange(4) == 0:
            name = "%s%d.list" % (self.prefix, self.random.randrange(LISTS))
        self.book.put("may", name, GONE)
        try:
            os.unlink(self.at(name))
        except FileNotFoundError:
            return
        self.book.put("is", name, GONE)

    def share(self):
        """Changes a file that other clients change, too."""
        name = "shared%d.jpg" % self.random.randrange(SHARED)
        try:
            if self.random.randrange(3) == 0:
                os.unlink(self.at(name))
            else:
                self.write(name, self.random.choice(self.pictures), False)
        except OSError as error:
            if error.errno not in LOST:
                raise

    def awaited(self):
        name = self.own()
        data = content(self.at(name))
        if not data:
            return
        answer = json.loads(content(os.path.join("wait", name)))
        said = answer["files"][0]["sha256"]
        if answer.get("code") != DIED and said != sum_of(data):
            raise SystemExit("%s: the answer is to %s, not to %s" %
                             (name, said, sum_of(data)))
        self.book.put("is", name, sum_of(data))
        self.book.put("seen", name, str(answer["revision"]))

    def work(self):
        doings = [self.copy_picture] * 8 + [self.copy_list] + \
            [self.copy_aside] * 3 + [self.rename] * 3 + [self.remove] * 2 + \
            [self.share] * 2 + [self.awaited] * 3
        while not self.ends:
            try:
                self.random.choice(doings)()
            except OSError as error:
                if error.errno in DEATHS:
                    return
                raise
            time.sleep(self.random.random() / 50)


def check(inference, books):
    for book in books:
        for name, may in sorted(book.may.items()):
            there = sum_of(content(os.path.join(inference, "in", name)))
            if there not in may:
                raise SystemExit("%s is %s, and may be %s" %
                                 (name, there, " or ".join(sorted(may))))
            book.put("is", name, there)
    print(sum(book.done for book in books))


def audit_list(inference, name):
    with open(os.path.join(inference, "in", name)) as file:
        lines = file.read().splitlines()
    with open(os.path.join(inference, "out", name + ".csv")) as file:
        rows = list(csv.DictReader(file))
    told = [(str(i + 1), line) for i, line in enumerate(lines)]
    if [(row["line"], row["file"]) for row in rows] != told:
        raise SystemExit("%s: its rows are not its lines" % name)


def audit(inference, books):
    with open(os.path.join(inference, "results.csv")) as file:
        rows = list(csv.DictReader(file))
    pages = [(row["file"], row["revision"], row["page"]) for row in rows]
    if len(set(pages)) < len(pages):
        raise SystemExit("answered twice: %s" % sorted(
            page for page in set(pages) if pages.count(page) > 1))
    answered = set(page[:2] for page in pages)
    wanted = set().union(*(book.seen for book in books))
    files = os.listdir(os.path.join(inference, "in"))
    asked = set(name for name in files if not name.endswith(PASSING) and
                content(os.path.join(inference, "in", name)))
    for name in asked:
        data = content(os.path.join(inference, "in", name))
        answer = json.loads(
            content(os.path.join(inference, "out", name + ".json")))
        wanted.add((name, str(answer["revision"])))
        if answer.get("code") == DIED:
            continue
        if name.endswith(".list"):
            audit_list(inference, name)
        if answer["files"][0]["sha256"] != sum_of(data):
            raise SystemExit("%s has the answer to other bytes" % name)
    if wanted - answered:
        raise SystemExit("no row of %s" % sorted(wanted - answered))
    answers = set(name for name in os.listdir(os.path.join(inference, "out"))
                  if name.endswith(".json"))
    if answers != set(name + ".json" for name in asked):
        raise SystemExit("answers of nothing: %s" %
                         sorted(answers - set(n + ".json" for n in asked)))
    print(len(rows))


def main(what, inference, *rest):
    if what == "work":
        path, prefix, seed, *pictures = rest
        try:
            os.chdir(inference)
        except OSError:
            return  # the mount is gone already
        Client(Book(path), prefix, int(seed), pictures).work()
    else:
        {"check": check, "audit": audit}[what](
            inference, [Book(path) for path in rest])


main(*sys.argv[1:])
