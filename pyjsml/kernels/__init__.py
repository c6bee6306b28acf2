"""Kernels: what each op family computes (tensor expressions) and how its loops run (schedules)."""
