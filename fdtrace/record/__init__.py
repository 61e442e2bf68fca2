"""Recording: strace and snapshots of descriptors, in one directory that `load` takes as it is."""
