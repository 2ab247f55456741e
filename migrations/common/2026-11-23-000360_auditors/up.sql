-- What an auditor was appointed to; who has no row here was appointed to everything. Units is a
-- JSON list, empty for all. Days are inclusive.
CREATE TABLE auditor_terms (
  person_id TEXT PRIMARY KEY REFERENCES people (id),
  units TEXT NOT NULL,
  from_day TEXT,
  until_day TEXT,
  last_day TEXT,
  -- The entry that says so.
  seq BIGINT NOT NULL REFERENCES ledger_entries (seq)
);
