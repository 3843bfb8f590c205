"""The claw's own page on this machine: loopback only, for whoever runs the claw and nobody else."""
