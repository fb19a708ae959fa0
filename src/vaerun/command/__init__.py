"""The words after ``vaerun``: one module each, with ``main(argv) -> exit code`` and its help as docstring."""
