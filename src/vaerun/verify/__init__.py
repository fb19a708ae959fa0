"""Laws with known answers that ``vaerun verify`` tests on the user's own machine.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``, ``tracking``, ``trainer``, ``experiment``.
"""
