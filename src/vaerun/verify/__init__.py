"""Claims of every method, checked on the user's machine against problems with exact answers.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``, ``tracking``, ``trainer``, ``experiment``.
"""
