"""`make bench [ARGS=name]`: each benchmark against a named baseline in the same run; ends with one JSON line each."""
