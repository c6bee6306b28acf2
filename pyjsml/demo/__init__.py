"""`pyjsml demo`: a digit classifier, from training to a page that reads what one draws."""
