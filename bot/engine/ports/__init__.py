"""What the engine needs from the outside, as Protocols. Each has a real adapter and a twin that pass one suite."""
