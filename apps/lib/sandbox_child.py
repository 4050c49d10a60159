"""The launcher: `sandbox_child.py NAME=VALUE... -- PROGRAM ARG...` limits itself, then becomes PROGRAM.

It is a program of its own because the callers have threads: between fork and exec only an exec is safe there,
so the limits are set on this side of it. Standard library only; no limit holds yet, so it stays tiny.
"""

import _signal as signal  # in C; what Python has around it takes a third of this program's time
import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


def limit(name: str, value: int) -> None:
    """Set one rlimit, never above what this process already has."""
    kind = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # SIGXCPU comes at the soft limit; the second of grace lets it name the cause before SIGKILL.
    resource.setrlimit(kind, (value, value + 1 if name == "CPU" and hard == resource.RLIM_INFINITY else value))


def main(words: list[str]) -> None:
    """Apply the pairs before `--`, then exec what follows it."""
    cut = words.index("--")
    limits = dict(pair.split("=") for pair in words[:cut])
    parent = int(limits.pop("parent"))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above, so nothing will ever signal us
        sys.exit(1)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Root may leave the network at once, others through a user namespace; where both are refused, the
    # protocol whitelist of the program is the wall that is left.
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    for name, value in limits.items():
        limit(name, int(value))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two and exec would hand that on
        signal.signal(number, signal.SIG_DFL)
    os.execv(words[cut + 1], words[cut + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
