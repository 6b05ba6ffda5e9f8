"""The code that is put into archives: `formats` and the one file of the model's flavour become `inference.py`."""
