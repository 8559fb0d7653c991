"""The parts of `decide`, by what they judge."""
