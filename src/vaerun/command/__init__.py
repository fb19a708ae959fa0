"""The commands of ``vaerun``: one module each, with ``main(argv) -> exit code`` and its help as docstring.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``, ``tracking``, ``trainer``, ``experiment``,
``verify``, ``report``.
"""
