-- Who oversees a use case, and what overseers found; texts about both lie beside their entries.
CREATE TABLE oversight_arrangements (
  id TEXT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  named_on TEXT NOT NULL,
  arranged_by TEXT NOT NULL REFERENCES people (id),
  seq BIGINT NOT NULL UNIQUE,
  at TIMESTAMP NOT NULL
);
CREATE INDEX oversight_arrangements_record ON oversight_arrangements (record_id, seq);
CREATE TABLE overseers (
  arrangement_id TEXT NOT NULL REFERENCES oversight_arrangements (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (arrangement_id, person_id)
);
CREATE INDEX overseers_person ON overseers (person_id);
CREATE TABLE oversight_samples (
  id TEXT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  looked_on TEXT NOT NULL,
  looked_at INTEGER NOT NULL CHECK (looked_at > 0),
  overridden INTEGER NOT NULL CHECK (overridden BETWEEN 0 AND looked_at),
  recorded_by TEXT NOT NULL REFERENCES people (id),
  seq BIGINT NOT NULL UNIQUE,
  at TIMESTAMP NOT NULL,
  withdrawn_by TEXT REFERENCES people (id),
  withdrawn_seq BIGINT,
  withdrawn_at TIMESTAMP
);
CREATE INDEX oversight_samples_record ON oversight_samples (record_id, looked_on);
