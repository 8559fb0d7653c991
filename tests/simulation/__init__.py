"""A deterministic simulator: the real core and engine in a world of virtual time and seeded faults."""
