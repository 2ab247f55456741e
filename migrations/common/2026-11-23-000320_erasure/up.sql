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

-- A proposal to erase a person, and what became of it. Reasons lie beside the entries named here.
CREATE TABLE erasures (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  basis TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'done', 'declined')),
  proposed_by TEXT NOT NULL REFERENCES people (id),
  proposed_seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  proposed_at TIMESTAMP NOT NULL,
  settled_by TEXT REFERENCES people (id),
  settled_seq BIGINT REFERENCES ledger_entries (seq),
  settled_at TIMESTAMP
);
CREATE UNIQUE INDEX erasures_open ON erasures (person_id) WHERE state = 'proposed';
CREATE TABLE legal_holds (
  id TEXT PRIMARY KEY,
  person_id TEXT REFERENCES people (id),
  record_id TEXT REFERENCES records (id),
  set_by TEXT REFERENCES people (id),
  set_seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  set_at TIMESTAMP NOT NULL,
  lifted_by TEXT REFERENCES people (id),
  lifted_seq BIGINT REFERENCES ledger_entries (seq),
  lifted_at TIMESTAMP,
  CHECK ((person_id IS NULL) <> (record_id IS NULL))
);
CREATE UNIQUE INDEX legal_holds_person ON legal_holds (person_id) WHERE lifted_at IS NULL;
CREATE UNIQUE INDEX legal_holds_record ON legal_holds (record_id) WHERE lifted_at IS NULL;
-- How long values are kept; the newest that was agreed holds. Nothing stands for ever.
CREATE TABLE retention_rules (
  id TEXT PRIMARY KEY,
  values_months INTEGER,
  links_days INTEGER,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'agreed', 'declined')),
  proposed_by TEXT NOT NULL REFERENCES people (id),
  proposed_seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  proposed_at TIMESTAMP NOT NULL,
  settled_by TEXT REFERENCES people (id),
  settled_seq BIGINT REFERENCES ledger_entries (seq),
  settled_at TIMESTAMP
);
CREATE UNIQUE INDEX retention_rules_open ON retention_rules (state) WHERE state = 'proposed';
