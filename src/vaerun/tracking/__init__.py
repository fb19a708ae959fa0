"""Where the records of a run go: metrics.jsonl and the terminal always, and the trackers that are chosen.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``.
"""
