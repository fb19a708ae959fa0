"""Records of a run: the terminal, metrics.jsonl, TensorBoard.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``.
"""
