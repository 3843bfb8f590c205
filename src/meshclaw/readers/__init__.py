"""One file per AI tool whose records are read. None opens a network connection or writes anything."""
