-- A use case that joined the approval of another, and what of it was approved then.
CREATE TABLE joins (
  record_id TEXT PRIMARY KEY REFERENCES records (id),
  base_id TEXT NOT NULL REFERENCES records (id),
  approval_id TEXT NOT NULL REFERENCES reviews (id),
  revision INTEGER NOT NULL,
  digest TEXT NOT NULL,
  conditions INTEGER NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  seq BIGINT NOT NULL,
  joined_at TIMESTAMP NOT NULL
);
CREATE INDEX joins_base ON joins (base_id, seq);
-- How many may join: the latest row of a record counts; nothing said is as many as like.
CREATE TABLE join_limits (
  seq BIGINT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  places INTEGER CHECK (places >= 0),
  person_id TEXT NOT NULL REFERENCES people (id),
  set_at TIMESTAMP NOT NULL
);
CREATE INDEX join_limits_record ON join_limits (record_id, seq);
