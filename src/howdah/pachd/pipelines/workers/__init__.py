"""Workers: each a thread of the daemon that drives one sandbox in which user code runs.

`task.py` is what a caller sees; `worker.py` runs one datum after the other.
"""
