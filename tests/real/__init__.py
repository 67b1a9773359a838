"""The suite on real models, which packages of PyPI carry."""
