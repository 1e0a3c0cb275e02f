"""Versioned data: projects, repos, branches, commits, files, provenance, transactions, events."""

from howdah.pachd.versions.events import Cancel, Cancelled, Notifier, TimedOut
from howdah.pachd.versions.files.reader import CommitFiles
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.records import (
    BranchInfo,
    CommitInfo,
    CommitSetInfo,
    CommitState,
    Event,
    FindResult,
    Origin,
    ProjectInfo,
    RepoInfo,
    StoredTransaction,
    Trigger,
)
from howdah.pachd.versions.store import Versions
from howdah.pachd.versions.tables import SCHEMA
from howdah.pachd.versions.transaction import Participant, Transaction, add_key, without_key
from howdah.pachd.versions.view import View
from howdah.pachd.versions.work import Changes

__all__ = [
    "SCHEMA",
    "BranchInfo",
    "Cancel",
    "Cancelled",
    "Changes",
    "CommitFiles",
    "CommitInfo",
    "CommitSetInfo",
    "CommitState",
    "Event",
    "FileSession",
    "FindResult",
    "Notifier",
    "Origin",
    "Participant",
    "ProjectInfo",
    "RepoInfo",
    "StoredTransaction",
    "TimedOut",
    "Transaction",
    "Trigger",
    "Versions",
    "View",
    "add_key",
    "without_key",
]
