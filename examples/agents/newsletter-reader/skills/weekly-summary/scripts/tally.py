"""Counts the lines of ``senders``, the most frequent first."""

import json
import sys
from collections import Counter

senders = json.load(sys.stdin)["senders"].splitlines()
for sender, count in Counter(line.strip() for line in senders if line.strip()).most_common():
    print(f"{count} {sender}")
