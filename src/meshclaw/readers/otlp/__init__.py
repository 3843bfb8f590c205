"""What tools send by OTLP/HTTP. ``wire`` unpacks a request; ``calls`` and ``sums`` make usages of what it holds."""

from meshclaw.readers.otlp.read import read
from meshclaw.readers.otlp.wire import Refused, Signal

__all__ = ["Refused", "Signal", "read"]
