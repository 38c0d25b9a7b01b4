#!/usr/bin/env python3
"""peak.py FILE COMMAND…: runs the command, and writes the peak memory of all its
processes to FILE, in MiB. Memory is the sum of their proportional set sizes,
which is read four times a second. Exits with the status of the command."""
import os
import subprocess
import sys
import time


def children_of():
    tree = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        tree.setdefault(parent, []).append(int(pid))
    return tree


def family(pid):
    tree, found = children_of(), [pid]
    for one in found:
        found += tree.get(one, [])
    return found


def proportional_size(pid):
    """In KiB; 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as lines:
            return sum(int(line.split()[1]) for line in lines
                       if line.startswith("Pss:"))
    except (OSError, ValueError):
        return 0


def main():
    peak = 0
    with subprocess.Popen(sys.argv[2:]) as child:
        while child.poll() is None:
            peak = max(peak, sum(map(proportional_size, family(child.pid))))
            time.sleep(0.25)
    with open(sys.argv[1], "w", encoding="ascii") as out:
        print(f"{peak / 1024:.0f}", file=out)
    return child.returncode


sys.exit(main())
