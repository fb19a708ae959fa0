"""An experiment: built from a configuration, trained, saved, loaded.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``; of the laboratory ``exact``, ``image``, ``evaluation``, ``tracking``, ``trainer``.
"""
