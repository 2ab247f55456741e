-- Contents by digest, and the entries that refer to them. Names lie beside those entries.
CREATE TABLE evidence_files (
  digest TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  erased_seq BIGINT
);
CREATE TABLE evidence_uses (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL REFERENCES evidence_files (digest),
  record_id TEXT NOT NULL REFERENCES records (id),
  seq BIGINT NOT NULL,
  place INTEGER NOT NULL
);
CREATE UNIQUE INDEX evidence_uses_seq ON evidence_uses (seq, place);
CREATE INDEX evidence_uses_digest ON evidence_uses (digest);
CREATE INDEX evidence_uses_record ON evidence_uses (record_id);
