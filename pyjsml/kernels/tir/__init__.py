"""TIR, read and written: what every schedule needs."""
