-- Which values were erased, and the entry that says so. A value goes only after its row came here.
CREATE TABLE erased_values (
  seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  name TEXT NOT NULL,
  entry_seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  PRIMARY KEY (seq, name)
);
CREATE INDEX erased_values_entry ON erased_values (entry_seq);
ALTER TABLE people ADD COLUMN erased_at TIMESTAMP;
-- The entry that says what was taken out of a revision's text, and the digest of what is left.
ALTER TABLE revisions ADD COLUMN redacted_seq BIGINT REFERENCES ledger_entries (seq);
ALTER TABLE revisions ADD COLUMN redacted_digest TEXT;
