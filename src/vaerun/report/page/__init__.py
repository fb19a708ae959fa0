"""The comparison as one page that opens anywhere, its figures also as files. Only the drawing needs matplotlib."""
