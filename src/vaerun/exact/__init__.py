"""Exact sums, integrals and closed forms, the references for estimates.

It may import the lecture (``schedule`` … ``strategy``) and the rooms below it, ``config``, ``execution``, ``nn`` and
``metric``, and no other room of the laboratory.
"""
