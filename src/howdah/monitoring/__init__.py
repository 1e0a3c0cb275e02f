"""The loop that closes itself: drift and comparisons in, retraining and promotion out.

It meets the pipelines and the serving side only in commits: it reads reports that
pipelines wrote, and what it decides is a commit or a moved branch, with the reason.
"""
