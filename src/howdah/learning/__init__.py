"""The ML library: tables, schemas, training, evaluation, bundles, explainers, detectors.

It runs in pipeline steps, model servers and notebooks, never in the daemon. It knows
files and arrays; repos, commits and manifests are the business of `steps`.
"""
