"""Small systems that tests ask in a model's place.

``plain``: the published model written out, one text at a time; what every encoder is compared with.
``published``: answers with the published numbers; as a plugin of pytest too.
``failing``: raises what no runtime of the suite would.
``tests.callables``: the functions that a user gives to ``--model=python:``, healthy and wrong in one way each. Their
names are read in lines and in the names of baselines, so they have a package of their own.

Encoders with one fault each, made of a model that is loaded, are in ``tests/faults/pipeline.py``.
"""
