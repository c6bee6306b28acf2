"""What it costs to decide between ops: µs per op of executors, beside loops without one."""
