"""What each op family computes, as tensor expressions."""
