"""Evals need the suite in ``vendor/``: a run that wasn't asked for it, such as a bare pytest, passes them by."""


def pytest_ignore_collect(config):
    return None if config.pluginmanager.hasplugin("evals-pytest-policy") else True
