"""The names of the files in which a run directory holds its embedding, for its writer and for readers without torch."""

FOLDER = "projector"
TENSORS, METADATA = "tensors.tsv", "metadata.tsv"
LABEL, UNKNOWN = "label", "unknown"  # a column of metadata.tsv, and its value where a point has no label
