"""Transcendental functions as arithmetic that vectorises: no libm, no imports.

Each function in `functions.FLOAT32` takes float32 expressions and returns one; its docstring gives
the largest error found against float64 over its domain, in units in the last place (ulp), and the
polynomial's source. NaN goes in and comes out; infinities and overflow end where IEEE 754 has them
end.
Cephes is Stephen Moshier's library (netlib.org/cephes, single precision); Eigen is
eigen.tuxfamily.org, MathFunctionsImpl.h.
"""
