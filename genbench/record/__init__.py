"""What is kept of a cell: its status, its scores, their integrity, and the files of a run's folder."""

from genbench.record.store import read_record, read_records, read_run, write_json, write_record

__all__ = ["read_record", "read_records", "read_run", "write_json", "write_record"]
