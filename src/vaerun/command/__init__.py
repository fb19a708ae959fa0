"""The commands after ``vaerun``: one module each, with ``main(argv) -> exit code``; its docstring is its help.

It may import all rooms but ``cli``. ``flags`` and ``parser`` import ``errors`` alone, because ``--help`` reads them.
"""
