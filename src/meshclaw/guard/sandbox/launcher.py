"""The first thing in a sandbox: waits for leave, puts Landlock's rules on itself, and becomes the command.

bubblewrap goes on when the pipe that holds it back ends, as it does when this process is killed; the launcher does
not. Perl, because it starts in 1.5 ms, is there wherever git is, and can call the kernel by number; where there is
none a shell does the waiting, and Landlock is left out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

PERL = "/usr/bin/perl"
LEAVE = b"+\n"
"""What the launcher waits for: a line, because that is what a shell reads."""
_RESTRICT = 446
"""landlock_restrict_self, the same on every architecture."""

_IN_PERL = """
open(my $leave, "<&=", %d) or exit 125;
sysread($leave, my $given, 1) == 1 or exit 125;
close $leave;
exec {$ARGV[0]} @ARGV or do { print STDERR "$ARGV[0]: $!\\n"; exit 127 }
"""
_WITH_RULES = """
open(my $rules, "<&=", %d) and syscall(%d, %d, 0) == 0 or do { print STDERR "Landlock: $!\\n"; exit 126 }; close $rules;
"""
_IN_SHELL = 'read -r leave < "/proc/self/fd/$1" || exit 125; shift; exec "$@"'


def launcher(leave: int, rules: int | None) -> Sequence[str]:
    """Put before a command. ``leave`` and ``rules`` are descriptors, closed before the command begins.

    Ends with 125 where no leave came and with 126 where it cannot restrict itself.
    """
    if not os.access(PERL, os.X_OK):
        return ("/bin/sh", "-c", _IN_SHELL, "sh", str(leave))
    restrict = _WITH_RULES % (rules, _RESTRICT, rules) if rules is not None else ""
    return (PERL, "-e", restrict + _IN_PERL % leave, "--")
