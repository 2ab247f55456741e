ALTER TABLE people ADD COLUMN digest BOOLEAN NOT NULL DEFAULT TRUE;
CREATE TABLE unreachable_people (
  person_id TEXT PRIMARY KEY REFERENCES people (id),
  code TEXT NOT NULL,
  bounced BOOLEAN NOT NULL,
  since TIMESTAMP NOT NULL,
  taken_at TIMESTAMP
);
CREATE TABLE person_links (
  token_hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('inbox', 'unsubscription', 'calendar')),
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP
);
CREATE INDEX person_links_person ON person_links (person_id, purpose);
ALTER TABLE outbox ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX outbox_task ON outbox (task_id);
