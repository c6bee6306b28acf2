"""Where a bundle's time and memory go: what its ops take, beside what the machine could do."""
