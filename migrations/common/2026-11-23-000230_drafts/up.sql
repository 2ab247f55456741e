CREATE TABLE workflow_drafts (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  base INTEGER NOT NULL,
  text TEXT NOT NULL,
  forms TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('draft', 'proposed', 'published', 'returned', 'discarded')
  ),
  seen INTEGER NOT NULL,
  reason_seq BIGINT,
  created_at TIMESTAMP NOT NULL,
  changed_at TIMESTAMP NOT NULL,
  discarded_by TEXT REFERENCES people (id)
);
CREATE INDEX workflow_drafts_key ON workflow_drafts (key, changed_at);
CREATE TABLE workflow_draft_authors (
  draft_id TEXT NOT NULL REFERENCES workflow_drafts (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (draft_id, person_id)
);
