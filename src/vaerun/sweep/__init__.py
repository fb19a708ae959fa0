"""A sweep: many runs from one line, side by side, in one directory that can be continued.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory all rooms up to ``report``. It reads the jobs' files and does not import torch.
"""
