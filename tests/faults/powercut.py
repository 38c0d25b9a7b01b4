#!/usr/bin/python3
"""What a disk may have after the power has failed.

    powercut.py RECORD BELOW OUT SEED [ext4|posix]

reads what preload/record.c has noted of the files below BELOW, which was empty
when that began, takes a moment of it at random, and makes OUT what the disk may
have then. Prints how many changes of ledger.c had been done by that moment.

Whatever was synced is there. Of what was not, data may be there, or not, or a
part of it, each write by itself. Names are as in the journal of ext4, up to
some moment that is not before the last sync of anything; or, as POSIX allows,
those of each directory up to a moment of its own, not before its own last sync.
"""
import os
import struct
import sys

SECTOR = 512


class Random:
    """The same on every version of Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n if n > 0 else 0


def records(path):
    """(letter, path, second path, data, offset) in their order."""
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at + 33 <= len(data):
        one, two, size, offset = struct.unpack_from("<4Q", data, at + 1)
        letter = chr(data[at])
        at += 33
        first = data[at:at + one].decode()
        second = data[at + one:at + one + two].decode()
        at += one + two
        yield letter, first, second, data[at:at + size], offset
        at += size


class Inode:
    def __init__(self, is_folder, mode):
        self.is_folder = is_folder
        self.mode = mode
        self.names = {}     # of a folder: the inodes in it
        self.data = bytearray()
        self.waiting = []   # (number, offset or None, data or size): not synced

    def write(self, offset, data):
        if offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset:offset + len(data)] = data

    def cut(self, size):
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    def apply(self, change):
        _, offset, what = change
        if offset is None:
            self.cut(what)
        else:
            self.write(offset, what)

    def sync(self):
        for change in self.waiting:
            self.apply(change)
        self.waiting = []


class Disk:
    """A tree of files, by their paths."""

    def __init__(self, below):
        self.below = below
        self.root = Inode(True, 0o700)

    def parts(self, path):
        if path != self.below and not path.startswith(self.below + "/"):
            return None
        return [p for p in path[len(self.below):].split("/") if p]

    def find(self, path):
        parts = self.parts(path)
        at = self.root
        for part in parts or []:
            at = at.names.get(part)
            if at is None:
                return None
        return None if parts is None else at

    def parent(self, path):
        parts = self.parts(path)
        if not parts:
            return None, None
        return self.find(self.below + "/" + "/".join(parts[:-1])), parts[-1]


def replay(all_records, below, cut, rng, strict):
    """Two trees: what programs saw is followed in one, and what is on the disk
    is built in the other from the same inodes' durable data."""
    disk = Disk(below)
    durable = Disk(below)
    twin = {id(disk.root): durable.root}
    kept = []                # so that no other inode gets the id of one
    pending = []             # changes of names: (folders, function)
    done = 0

    def settle(chosen):
        rest = []
        for change in pending:
            if chosen(change[0]):
                change[1]()
            else:
                rest.append(change)
        pending[:] = rest

    def names(folders, function):
        pending.append((set(map(id, folders)), function))

    def added(folder, name, inode):
        names([folder], lambda: twin[id(folder)].names.__setitem__(name, twin[id(inode)]))

    for number, (letter, path, second, data, offset) in enumerate(all_records[:cut]):
        if letter == "D":
            done = offset
            continue
        inode = disk.find(path)
        folder, name = disk.parent(path)
        if letter in "CK":
            if folder is None or inode is not None:
                continue
            made = Inode(letter == "K", offset & 0o777)
            folder.names[name] = made
            kept.append(made)
            twin[id(made)] = Inode(made.is_folder, made.mode)
            added(folder, name, made)
        elif letter == "L" and inode is not None:
            to, as_name = disk.parent(second)
            if to is not None:
                to.names[as_name] = inode
                added(to, as_name, inode)
        elif letter == "L" and disk.parts(path) is None:
            # a file from elsewhere, which has been on the disk for long
            to, as_name = disk.parent(second)
            made = Inode(False, os.stat(path).st_mode & 0o777)
            kept.append(made)
            twin[id(made)] = Inode(False, made.mode)
            with open(path, "rb") as f:
                twin[id(made)].data[:] = f.read()
            to.names[as_name] = made
            added(to, as_name, made)
        elif letter == "U" and folder is not None and name in folder.names:
            del folder.names[name]
            names([folder], lambda f=folder, n=name: twin[id(f)].names.pop(n, None))
        elif letter == "R" and inode is not None:
            to, as_name = disk.parent(second)
            del folder.names[name]
            if to is None:
                names([folder], lambda f=folder, n=name: twin[id(f)].names.pop(n, None))
                continue
            to.names[as_name] = inode

            def renamed(f=folder, n=name, t=to, a=as_name, i=inode):
                twin[id(f)].names.pop(n, None)
                twin[id(t)].names[a] = twin[id(i)]
            names([folder, to], renamed)
        elif inode is None:
            continue
        elif letter == "W":
            twin[id(inode)].waiting.append((number, offset, data))
        elif letter == "T":
            twin[id(inode)].waiting.append((number, None, offset))
        elif letter == "M":
            twin[id(inode)].mode = offset & 0o777
        elif letter == "S":
            twin[id(inode)].sync()
            if not strict:
                settle(lambda folders: True)
            elif inode.is_folder:
                settle(lambda folders, i=inode: id(i) in folders)
    # What nobody has waited for: names up to some moment, data as it comes.
    if strict:
        lasts = {}
        for folders, function in list(pending):
            if all(lasts.setdefault(f, rng.below(2)) for f in folders):
                if rng.below(4):
                    function()
                    continue
            for f in folders:
                lasts[f] = 0
    else:
        for _, function in pending[:rng.below(len(pending) + 1)]:
            function()
    for folder_twin in list(twin.values()):
        for change in folder_twin.waiting:
            fate = rng.below(8)
            if fate < 4:
                folder_twin.apply(change)
            elif fate == 4 and change[1] is not None and len(change[2]) > SECTOR:
                part = rng.below(len(change[2]) // SECTOR) * SECTOR
                folder_twin.write(change[1], change[2][:part])
    return durable.root, done


def write_out(inode, path, written):
    if inode.is_folder:
        os.mkdir(path, 0o700)
        for name, below in sorted(inode.names.items()):
            write_out(below, path + "/" + name, written)
        os.chmod(path, inode.mode or 0o700)
    elif id(inode) in written:
        os.link(written[id(inode)], path)
    else:
        with open(path, "wb") as f:
            f.write(inode.data)
        os.chmod(path, inode.mode)
        written[id(inode)] = path


def main():
    record, below, out, seed = sys.argv[1:5]
    strict = sys.argv[5:] == ["posix"]
    rng = Random(int(seed))
    all_records = list(records(record))
    cut = rng.below(len(all_records) + 1)
    root, done = replay(all_records, below, cut, rng, strict)
    write_out(root, out, {})
    print(done)


main()
