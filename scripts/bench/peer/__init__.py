"""One module a library, each with ``train(case, gate)``: the program that its users write, stopped at a gate."""
