"""The training loop: its settings, its counts, its watchers and its checkpoints.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``, ``tracking``.
"""
