"""q(z; φ) of many points as a table with one row for each point: its columns, and the files that hold it."""
