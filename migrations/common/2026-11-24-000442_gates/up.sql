-- What tests showed, and what was let go; texts about both lie beside their entries.
CREATE TABLE test_results (
  id TEXT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  plan TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  gate TEXT NOT NULL,
  value BIGINT NOT NULL,
  met BOOLEAN NOT NULL,
  performed_on TEXT NOT NULL,
  valid_until TEXT NOT NULL,
  recorded_by TEXT NOT NULL REFERENCES people (id),
  seq BIGINT NOT NULL UNIQUE,
  at TIMESTAMP NOT NULL
);
CREATE INDEX test_results_record ON test_results (record_id, performed_on);
CREATE TABLE test_waivers (
  id TEXT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  plan TEXT NOT NULL,
  gate TEXT NOT NULL,
  until TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asked', 'granted', 'refused', 'withdrawn')),
  asked_by TEXT NOT NULL REFERENCES people (id),
  asked_seq BIGINT NOT NULL UNIQUE,
  asked_at TIMESTAMP NOT NULL,
  settled_by TEXT REFERENCES people (id),
  settled_seq BIGINT,
  settled_at TIMESTAMP
);
CREATE INDEX test_waivers_record ON test_waivers (record_id, asked_seq);
