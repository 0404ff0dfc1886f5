"""Jobs of a batch system."""

from __future__ import annotations

import os

import pytest
from dask_runs import Site

from genbench.record.store import read_records

SBATCH = """#!/bin/bash
cp "$1" "$JOBS/job.sh"
setsid bash "$JOBS/job.sh" > "$JOBS/job.log" 2>&1 &
echo "Submitted batch job $!"
"""


SCANCEL = """#!/bin/bash
echo "$1" >> "$JOBS/cancelled"
kill -- -"$1"
"""


@pytest.mark.slow
def test_jobs_of_a_batch_system_are_submitted_used_and_cancelled(site: Site) -> None:
    pytest.importorskip("dask_jobqueue")
    commands = site.folder / "bin"
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    environment = {
        "JOBS": str(site.folder), "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "DASK_JOBQUEUE__SLURM__QUEUE": "short", "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "200s",
        "DASK_JOBQUEUE__SLURM__INTERFACE": "lo",
    }  # fmt: skip
    code, said = site.finish("--scheduler", "slurm:1", "--out", "run", **environment)
    assert code == 0, said
    assert "waiting for the first worker of slurm:1" in said
    assert "Traceback" not in said
    assert "Error" not in said
    assert {record["status"] for record in read_records(site.folder / "run")} == {"ok"}
    script = (site.folder / "job.sh").read_text()
    assert "#SBATCH -p short" in script
    assert "--resources CELL=1" in script
    assert "tls://127.0.0.1" in script
    assert (site.folder / "cancelled").exists()
    assert not list((site.folder / "run").glob(".keys-*")), "no key of TLS is left behind"

    (commands / "sbatch").write_text("#!/bin/bash\necho 'invalid partition' >&2\nexit 1\n")
    code, said = site.finish("--scheduler", "slurm:1", "--out", "refused", **environment)
    assert code == 2, said
    assert "--scheduler slurm:1: a job could not be submitted: " in said
    assert "invalid partition" in said
    assert "Traceback" not in said
