"""Where an agent's files come from: a folder, an archive or a git repository; nothing of them is run or unpacked."""
