-- Documents that say rules, of every kind: a data-use policy, a questionnaire, test plans.
CREATE TABLE rule_versions (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  published_at TIMESTAMP NOT NULL,
  published_by TEXT REFERENCES people (id),
  PRIMARY KEY (kind, key, version)
);
CREATE TABLE rule_drafts (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
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
CREATE INDEX rule_drafts_key ON rule_drafts (kind, key, changed_at);
CREATE TABLE rule_draft_authors (
  draft_id TEXT NOT NULL REFERENCES rule_drafts (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (draft_id, person_id)
);
-- What was asked that the policy does not know lies beside the entry, where it can be erased.
CREATE TABLE policy_answers (
  id TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  policy_kind TEXT NOT NULL DEFAULT 'policy' CHECK (policy_kind = 'policy'),
  policy_key TEXT NOT NULL,
  policy_version INTEGER NOT NULL,
  asked TEXT NOT NULL,
  verdict TEXT NOT NULL,
  rules TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  record_id TEXT REFERENCES records (id),
  kept_at TIMESTAMP NOT NULL,
  FOREIGN KEY (policy_kind, policy_key, policy_version)
    REFERENCES rule_versions (kind, key, version)
);
CREATE INDEX policy_answers_policy ON policy_answers (policy_key, kept_at);
CREATE INDEX policy_answers_person ON policy_answers (person_id, kept_at);
CREATE INDEX policy_answers_record ON policy_answers (record_id);
