"""Runbooks that the tests of the search begin with."""

from shared.runbook.search import Document, of_mapping


def document(name: str, title: str = "", *, description: str = "", run: str = "", **match):
    """A runbook as its file says it."""
    return of_mapping(
        {
            "metadata": {"name": name, "title": title},
            "description": description,
            "match": match,
            "steps": [{"id": "act", "run": run}],
        },
        f"{name}.yaml",
    )


def library() -> list[Document]:
    return [
        document("disk-full", "Make room on a disk", alerts=["DiskFull"], text="no space left"),
        document("inodes", "Free inodes", alerts=["InodesExhausted"]),
        document("cert", "Renew a certificate before it expires", alerts=["CertExpiring"]),
        document("pg-lag", "PostgreSQL standby is behind", text="replication lag, wal"),
        document("mysql-lag", "MySQL replica is behind", text="replication lag, relay log"),
        document("crash", "A pod crashes again and again", alerts=["KubePodCrashLooping"]),
        document("host-oom", "The kernel killed a process", text="oom-killer"),
    ]
