"""Comparison of several runs: tables, and an HTML report.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``, ``tracking``, ``trainer``, ``experiment``,
``verify``. It reads only files and does not import torch.
"""
