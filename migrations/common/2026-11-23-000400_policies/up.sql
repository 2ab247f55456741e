CREATE TABLE policies (
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  published_at TIMESTAMP NOT NULL,
  published_by TEXT REFERENCES people (id),
  PRIMARY KEY (key, version)
);
CREATE TABLE policy_drafts (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  base INTEGER NOT NULL,
  text TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('draft', 'proposed', 'published', 'returned', 'discarded')
  ),
  seen INTEGER NOT NULL,
  reason_seq BIGINT,
  created_at TIMESTAMP NOT NULL,
  changed_at TIMESTAMP NOT NULL,
  discarded_by TEXT REFERENCES people (id)
);
CREATE INDEX policy_drafts_key ON policy_drafts (key, changed_at);
CREATE TABLE policy_draft_authors (
  draft_id TEXT NOT NULL REFERENCES policy_drafts (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (draft_id, person_id)
);
-- What was asked that the policy does not know lies beside the entry, where it can be erased.
CREATE TABLE policy_answers (
  id TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  policy_key TEXT NOT NULL,
  policy_version INTEGER NOT NULL,
  asked TEXT NOT NULL,
  verdict TEXT NOT NULL,
  rules TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  record_id TEXT REFERENCES records (id),
  kept_at TIMESTAMP NOT NULL,
  FOREIGN KEY (policy_key, policy_version) REFERENCES policies (key, version)
);
CREATE INDEX policy_answers_policy ON policy_answers (policy_key, kept_at);
CREATE INDEX policy_answers_person ON policy_answers (person_id, kept_at);
CREATE INDEX policy_answers_record ON policy_answers (record_id);
