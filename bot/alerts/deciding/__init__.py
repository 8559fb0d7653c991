"""The parts of `decide` that are long enough to stand alone. Pure."""
