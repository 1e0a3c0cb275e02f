"""Listing, globbing and comparing the files of commits, open ones too."""

from hypothesis import strategies as st
from hypothesis.stateful import rule
from store_machine import Machine, commit_ref, picks
from store_model import FINISHED, OPEN

from howdah.pachd.storage.trees import File, Glob
from howdah.pachd.versions import CommitFiles
from howdah.pachd.wire.diff import differences

PATTERNS = ["/*", "/**", "/d*", "/*/*", "/d/x", "/{d,f}/?", "/!(f)", "/f/**"]


class ReadingRules(Machine):
    @rule(pick=picks, folder=st.sampled_from(["/", "/d/", "/f/"]), pattern=st.sampled_from(PATTERNS))
    def list_and_glob(self, pick: int, folder: str, pattern: str) -> None:
        opened = self._some_files(pick)
        if opened is None:
            return
        files, expected = opened
        everything = with_folders(expected)
        inside = [path for path in everything if path.startswith(folder) and path != folder]
        children = [path for path in inside if "/" not in path.removeprefix(folder).rstrip("/")]
        if folder.rstrip("/") in expected:
            children = [folder.rstrip("/")]
        assert [entry.path for entry in files.listing(folder)] == children
        glob = Glob(pattern)
        matching = [path for path in everything if glob.match(path) is not None]
        assert [entry.path for entry in files.glob(pattern)] == matching

    @rule(pick=picks, other=picks)
    def compare_two(self, pick: int, other: int) -> None:
        first, second = self._some_files(pick), self._some_files(other)
        if first is None or second is None:
            return
        (old, before), (new, after) = first, second
        found = {
            (was and was.path, now and now.path)
            for was, now in differences(old, "/", new, "/")
            if isinstance(was or now, File)
        }
        assert found == {
            (path if path in before else None, path if path in after else None)
            for path in before.keys() | after.keys()
            if before.get(path) != after.get(path)
        }

    def _some_files(self, pick: int) -> tuple[CommitFiles, dict[str, bytes]] | None:
        """Of a commit that has some; not where a file has the name of a folder, as none may finish."""
        key = self.some_commit(pick, OPEN, FINISHED)
        files = None if key is None else self.model.files(key)
        if key is None or not files or any(f"{path}/" in with_folders(files) for path in files):
            return None
        return self.versions.files(commit_ref(key)), files


def with_folders(files: dict[str, bytes]) -> list[str]:
    folders = {path[: at + 1] for path in files for at, letter in enumerate(path) if letter == "/"}
    return sorted(files.keys() | folders)
