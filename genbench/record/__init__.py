"""Records of cells: status, scores, encoding, integrity, and the files of a run's directory."""

from genbench.record.store import read_record, read_records, read_run, write_json, write_record

__all__ = ["read_record", "read_records", "read_run", "write_json", "write_record"]
