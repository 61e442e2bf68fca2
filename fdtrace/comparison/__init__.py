"""Two sets of findings, laid side by side: what is the same, what went, what came.

The two are of different builds, lengths and loads. Hence a finding is known by
its place, not by its address, and what is compared is not how much leaked but
how much of what was done.
"""
