"""Large pages for what a call writes.

Linux hands out memory in pages of 4 kB, each when it is first written, and that takes longer than computing what many a cell
writes there. For memory of which a program says that it will use all of it, there are pages of 2 MB.
"""

import sys
from typing import Any

from llvmlite import ir

from ..ops._two_threads import library


_WORD, _NUMBER = ir.IntType(64), ir.IntType(32)
_LEAST = 2**22  # bytes; large pages begin at multiples of 2 MB, so that of less there may be none
_SMALL_PAGE = 4096
_MADV_HUGEPAGE = 14


def ask_for_large_pages(builder: Any, address: Any, size: Any) -> None:
    """Asks Linux for them, where that is the system, for `size` bytes from an address on that are written next. What it answers
    makes no difference: without large pages all is as before."""
    if sys.platform != "linux":
        return
    with builder.if_then(builder.icmp_unsigned(">=", size, _WORD(_LEAST))):
        before = builder.urem(address, _WORD(_SMALL_PAGE))
        arguments = [builder.sub(address, before), builder.add(size, before), _NUMBER(_MADV_HUGEPAGE)]
        builder.call(library(builder, "madvise", _NUMBER, _WORD, _WORD, _NUMBER), arguments)
