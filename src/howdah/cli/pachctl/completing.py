"""Names for the shell to complete: those of repos, pipelines and jobs that exist now.

Whatever goes wrong, a completion is silent: it stands in the middle of a line that someone types.
"""

from howdah.cli.pachctl.connection import connected
from howdah.errors import HowdahError

MOST = 200


def repos(incomplete: str) -> list[str]:
    """Repos of the active project; their branches once a name is whole (`repo@`)."""
    name, at, _ = incomplete.partition("@")
    try:
        with connected() as session:
            if at:
                repo = session.message("pfs_v2.Repo", name=name, type="user")
                repo.project.name = session.project
                found = (f"{name}@{info.branch.name}" for info in session.pfs_stream("ListBranch", repo=repo))
            else:
                projects = [session.named_project(session.project)]
                listed = session.pfs_stream("ListRepo", type="user", projects=projects)
                found = (info.repo.name for info in listed)
            return [each for each in found if each.startswith(incomplete)][:MOST]
    except HowdahError:
        return []


def pipelines(incomplete: str) -> list[str]:
    """Pipelines of the active project."""
    try:
        with connected() as session:
            projects = [session.named_project(session.project)]
            names = [info.pipeline.name for info in session.pps_stream("ListPipeline", projects=projects)]
    except HowdahError:
        return []
    return [name for name in names if name.startswith(incomplete)][:MOST]


def jobs(incomplete: str) -> list[str]:
    """Pipelines; once a name is whole (`pipeline@`) its jobs, newest first."""
    name, at, _ = incomplete.partition("@")
    if not at:
        return pipelines(incomplete)
    try:
        with connected() as session:
            found = session.pps_stream("ListJob", pipeline=session.pipeline(name), number=MOST)
            names = [f"{name}@{info.job.id}" for info in found]
    except HowdahError:
        return []
    return [each for each in names if each.startswith(incomplete)]
